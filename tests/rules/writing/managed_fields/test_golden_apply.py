"""The recorded server-side applies, replayed on the pure functions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from wherry.api import schema
from wherry.api.errors import StatusError
from wherry.api.objects import Obj
from wherry.rules.writing import patch
from wherry.rules.writing.managed_fields import apply_patch, track_update

GOLDEN = Path(__file__).parents[3] / "golden" / "api" / "apply.jsonl"
NODES = {
    "configmaps": ("v1", "ConfigMap", schema.definition("io.k8s.api.core.v1.ConfigMap")),
    "deployments": ("apps/v1", "Deployment", schema.definition("io.k8s.api.apps.v1.Deployment")),
}
#: answered by the registry: options, names, preconditions, validation
ELSEWHERE = {"no-manager", "wrong-name", "stale-version", "deployment-invalid"}


def _calls() -> list[tuple[str, Obj | None, dict[str, Any]]]:
    """(id, the live object, the call). What controllers did in between is taken from the next response."""
    live: dict[str, Obj] = {}
    calls = []
    lines = [json.loads(line) for line in GOLDEN.read_text().splitlines()]
    for call in lines:
        path = urlsplit(call["request"]["path"]).path
        calls.append((call["id"].partition("/")[2], live.get(path), call))
        body = call["response"]["body"]
        if body["kind"] != "Status" and "dryRun" not in call["request"]["path"]:
            live[path] = body
    return calls


def _with_status_of(live: Obj | None, after: Obj) -> Obj | None:
    """The live object once its controllers had written the status that the next response shows."""
    if live is None or "status" not in after:
        return live
    theirs = [e for e in after["metadata"]["managedFields"] if e.get("subresource") == "status"]
    ours = [e for e in live["metadata"].get("managedFields", []) if e.get("subresource") != "status"]
    return {**live, "status": after["status"], "metadata": {**live["metadata"], "managedFields": ours + theirs}}


def _answer(live: Obj | None, call: dict[str, Any]) -> Obj:
    request = call["request"]
    url = urlsplit(request["path"])
    options = {k: v[0] for k, v in parse_qs(url.query).items()}
    api_version, kind, node = NODES[url.path.rsplit("/", 2)[1]]
    manager = options.get("fieldManager", "golden")
    if request["headers"]["Content-Type"] == "application/merge-patch+json":
        assert live is not None
        patched = patch.apply("application/merge-patch+json", live, request["body"], node)
        entries = track_update(live, patched, node=node, manager=manager, api_version=api_version, time="<TIME>")
        meta = {k: v for k, v in patched["metadata"].items() if k != "managedFields"}
        return {**patched, "metadata": {**meta, "managedFields": entries} if entries else meta}
    applied = yaml.safe_load(request["body"]) if isinstance(request["body"], str) else request["body"]
    return apply_patch(
        live, applied, node=node, manager=manager, force="force" in options, api_version=api_version, kind=kind, time="<TIME>"
    )


def _sorted(obj: Obj) -> list[Any]:
    """managedFields in the order of the recordings."""
    listed = obj["metadata"].get("managedFields", [])
    return sorted(listed, key=lambda e: (e["operation"], e["manager"]))


@pytest.mark.parametrize(("live", "call"), [pytest.param(b, c, id=i) for i, b, c in _calls() if i not in ELSEWHERE])
def test_a_recorded_apply(live: Obj | None, call: dict[str, Any]) -> None:
    expected = call["response"]["body"]
    if expected["kind"] == "Status":
        with pytest.raises(StatusError) as caught:
            _answer(live, call)
        assert caught.value.to_status() == expected
        return
    live = _with_status_of(live, expected)
    frozen = json.dumps(live)
    answer = _answer(live, call)
    assert json.dumps(_sorted(answer)) == json.dumps(_sorted(expected))
    assert json.dumps(live) == frozen
    assert answer.get("data") == expected.get("data")
    if "spec" in expected:
        assert _containers(answer) == _containers(expected)
        assert answer["spec"].get("minReadySeconds") == expected["spec"].get("minReadySeconds")


def _containers(obj: Obj) -> list[tuple[str, str]]:
    return [(c["name"], c["image"]) for c in obj["spec"]["template"]["spec"]["containers"]]
