"""managedFields of the recorded creates, updates and patches: what `track_update` says, byte for byte."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from wherry.api import schema
from wherry.api.objects import Obj
from wherry.api.resources import TABLE
from wherry.rules.writing.managed_fields import sets, track_update

GOLDEN = Path(__file__).parents[3] / "golden" / "api"
GROUPS = ("defaults", "updates", "patches", "subresources", "validation", "deletes", "tables", "lists")

#: set after tracking, by admission or by the kind's strategy: nobody owns them, but a recorded object has them
_LATER = {
    "Pod": {
        "f:spec": {
            **{f"f:{n}": {} for n in ("volumes", "serviceAccount", "serviceAccountName", "tolerations", "priority", "preemptionPolicy")},
            "f:containers": {f'k:{{"name":"{name}"}}': {"f:volumeMounts": {}} for name in ("a", "b", "c")},
        }
    },
    "Job": {"f:metadata": {"f:labels": {}}, "f:spec": {"f:selector": {}, "f:template": {"f:metadata": {"f:labels": {}}}}},
    "Service": {
        "f:spec": {
            **{f"f:{n}": {} for n in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy")},
            "f:ports": {'k:{"port":80,"protocol":"TCP"}': {"f:nodePort": {}}},
        }
    },
    "Namespace": {"f:spec": {"f:finalizers": {}}},
    "PersistentVolumeClaim": {"f:metadata": {"f:finalizers": {}}},
    "PersistentVolume": {"f:metadata": {"f:finalizers": {}}},
}


def _recorded(body: Any) -> bool:
    return isinstance(body, dict) and "uid" in body.get("metadata", {}) and TABLE.by_kind(body["apiVersion"], body["kind"]) is not None


def _calls(group: str) -> list[dict[str, Any]]:
    lines = (json.loads(line) for line in (GOLDEN / f"{group}.jsonl").read_text().splitlines())
    return [call for call in lines if _recorded(call["response"].get("body"))]


def _manager(call: dict[str, Any]) -> str:
    return parse_qs(urlsplit(call["request"]["path"]).query).get("fieldManager", ["golden"])[0]


def _node(obj: Obj) -> schema.Node:
    row = TABLE.by_kind(obj["apiVersion"], obj["kind"])
    assert row is not None
    return schema.definition(row.schema)


def _untracked(obj: Obj) -> Obj:
    obj = copy.deepcopy(obj)
    obj["metadata"].pop("managedFields", None)
    return obj


CREATES = [
    pytest.param(call, id=call["id"])
    for group in GROUPS
    for call in _calls(group)
    if call["request"]["method"] == "POST" and call["response"]["status"] == 201
]


@pytest.mark.parametrize("call", CREATES)
def test_a_recorded_create(call: dict[str, Any]) -> None:
    body = call["response"]["body"]
    tracked = track_update(
        None, _untracked(body), node=_node(body), manager=_manager(call), api_version=body["apiVersion"], time="<TIME>"
    )
    expected = body["metadata"].get("managedFields", [])
    if body["kind"] in _LATER:
        tracked = [_without_later(e, body["kind"], expected) for e in tracked]
        tracked = [e for e in tracked if e["fieldsV1"]]
    assert json.dumps(tracked) == json.dumps(expected)


def _without_later(entry: Obj, kind: str, expected: list[Obj]) -> Obj:
    """Less the fields that come later, unless the client set them itself."""
    later = sets.intersection(entry["fieldsV1"], entry["fieldsV1"])
    for recorded in expected:
        later = sets.difference(later, recorded["fieldsV1"])
    allowed = sets.difference(later, sets.without(later, _LATER[kind]))
    return {**entry, "fieldsV1": sets.difference(entry["fieldsV1"], allowed)}


def _updates() -> list[Any]:
    """(the object before, the call) of every write that changed an object whose state before was recorded."""
    found = []
    for group in ("updates", "patches", "subresources", "lists"):
        live: dict[str, Obj] = {}
        for call in _calls(group):
            path, body = urlsplit(call["request"]["path"]).path, call["response"]["body"]
            key = f"{body['kind']}/{body['metadata']['name']}"
            write = call["request"]["method"] in ("PUT", "PATCH") and "dryRun" not in call["request"]["path"]
            if write and key in live and body["kind"] != "Scale":
                subresource = "status" if path.endswith("/status") else ""
                found.append(pytest.param(live[key], call, subresource, id=call["id"]))
            if "dryRun" not in call["request"]["path"]:
                live[key] = body
    return found


def _settled(old: Obj, new: Obj) -> Obj:
    """The object before, once its controllers had written the status that the object after shows."""
    theirs = [e for e in new["metadata"]["managedFields"] if e.get("subresource")]
    ours = [e for e in old["metadata"].get("managedFields", []) if not e.get("subresource")]
    settled = {**old, "metadata": {**old["metadata"], "managedFields": ours + theirs}}
    return {**settled, "status": new["status"]} if "status" in new else settled


def _as_sent(new: Obj, call: dict[str, Any]) -> Obj:
    """A Service's addresses are put back after tracking when a PUT leaves them out."""
    if new["kind"] == "Service" and call["request"]["method"] == "PUT" and "clusterIP" not in call["request"]["body"]["spec"]:
        put_back = ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy")
        return {**new, "spec": {k: v for k, v in new["spec"].items() if k not in put_back}}
    return new


@pytest.mark.parametrize(("old", "call", "subresource"), _updates())
def test_a_recorded_update(old: Obj, call: dict[str, Any], subresource: str) -> None:
    body = call["response"]["body"]
    if not subresource:
        old = _settled(old, body)
    new = _as_sent(_untracked(body), call)
    tracked = track_update(
        old, new, node=_node(body), manager=_manager(call), api_version=body["apiVersion"], subresource=subresource, time="<TIME>"
    )

    def order(entries: list[Obj]) -> list[Obj]:
        return sorted(entries, key=lambda e: (e["operation"], e["manager"], e.get("subresource", "")))

    assert json.dumps(order(tracked)) == json.dumps(order(body["metadata"]["managedFields"]))
