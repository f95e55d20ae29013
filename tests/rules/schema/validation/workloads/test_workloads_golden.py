"""The recordings about workloads: the same object, or the same causes, from default, preparation and validation."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.rules.schema.validation.workloads.workload_writes import UID, created, load, stored, strategy, updated
from wherry.api.errors import invalid
from wherry.api.objects import Obj
from wherry.api.resources import TABLE

KINDS = {"Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "ReplicationController", "PodTemplate", "Job", "CronJob"}
SET_ELSEWHERE = ("resourceVersion", "creationTimestamp", "managedFields", "uid")
#: what a default decoder of the registry drops or refuses before a rule sees it
NOT_OURS = {"validation/unknown-field-default", "validation/unknown-field-warn", "validation/unknown-field-ignore",
            "validation/field-validation-nosuch"}  # fmt: skip


def writes(group: str, status: int) -> list[Any]:
    found = []
    for case in load(group):
        body = case["request"].get("body")
        ours = isinstance(body, dict) and body.get("kind") in KINDS and TABLE.by_kind(body.get("apiVersion", ""), body["kind"])
        if ours and case["request"]["method"] == "POST" and case["response"]["status"] == status and case["id"] not in NOT_OURS:
            found.append(pytest.param(case, id=case["id"]))
    return found


def plain(obj: Obj) -> Obj:
    return {**obj, "metadata": {k: v for k, v in obj["metadata"].items() if k not in SET_ELSEWHERE}}


def with_uid(value: Any) -> Any:
    """The recording's placeholder for the object's own uid."""
    text = json.dumps(value)
    uid = value["metadata"]["uid"]
    return json.loads(text.replace(uid, UID))


@pytest.mark.parametrize("case", [*writes("defaults", 201), *writes("validation", 201), *writes("updates", 201)])
def test_a_new_object_is_as_recorded(case: Obj) -> None:
    draft, errors = created(case["request"]["body"])
    assert errors == []
    assert plain(draft) == plain(with_uid(case["response"]["body"]))


@pytest.mark.parametrize("case", writes("validation", 422))
def test_a_bad_object_is_refused_with_the_recorded_causes(case: Obj) -> None:
    body, expected = case["request"]["body"], case["response"]["body"]
    draft, errors = created(body)
    kind = f"{body['kind']}.{body['apiVersion'].split('/')[0]}"
    status = invalid(kind, draft["metadata"].get("name", ""), errors).to_status()
    assert (status["message"], status["details"]) == (expected["message"], expected["details"])


@pytest.mark.parametrize("case", writes("defaults", 201))
def test_defaulting_twice_is_defaulting_once(case: Obj) -> None:
    body = case["request"]["body"]
    once = json.loads(json.dumps(created(body)[0]))
    again = json.loads(json.dumps(once))
    strategy(body).default(again)
    assert again == once


@pytest.mark.parametrize("case", writes("defaults", 201))
def test_an_update_with_what_was_stored_changes_nothing(case: Obj) -> None:
    old = stored(case["request"]["body"])
    draft, errors = updated(old, old)
    assert errors == []
    assert draft == old


@pytest.mark.parametrize("case", writes("validation", 201))
def test_warnings_of_a_new_object_are_as_recorded(case: Obj) -> None:
    given = case["response"]["headers"].get("Warning", [])
    given = [given] if isinstance(given, str) else given
    recorded = [json.loads(w.removeprefix("299 - ")) for w in given]
    draft, _ = created(case["request"]["body"])
    assert strategy(draft).warnings(draft, None) == recorded


def put(name: str) -> Obj:
    return next(c for c in load("updates") if c["id"] == f"updates/{name}")


def test_the_selector_of_a_deployment_is_fixed_as_recorded() -> None:
    old = stored(put("deployment")["request"]["body"])
    case = put("selector-immutable")
    _, errors = updated(old, case["request"]["body"])
    status = invalid("Deployment.apps", "d", errors).to_status()
    assert status == case["response"]["body"]


@pytest.mark.parametrize("name", ["put-deployment-template", "put-deployment-labels"])
def test_a_deployment_changes_as_recorded(name: str) -> None:
    old = stored(put("deployment")["request"]["body"])
    case = put(name)
    draft, errors = updated(old, case["request"]["body"])
    assert errors == []
    assert draft["spec"] == case["response"]["body"]["spec"]
    assert draft["metadata"]["generation"] == case["response"]["body"]["metadata"]["generation"]
