"""The kinds without pods against the recordings: the same object, or the same causes, from default, preparation and validation."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any

import pytest

from wherry.api.errors import Cause, invalid
from wherry.api.objects import Obj
from wherry.api.resources import TABLE, Resource
from wherry.rules.kinds import STRATEGIES
from wherry.rules.kinds.conversion import convert
from wherry.rules.kinds.times import STAMPS
from wherry.rules.networking.services.allocation import Pools, allocate
from wherry.rules.objects.strategy import Strategy
from wherry.rules.schema.validation.write import create_errors, update_errors

GOLDEN = Path(__file__).parents[4] / "golden" / "api"
NS = "ns-1"
NOW = "2026-01-02T03:04:05Z"
WITH_PODS = {"Pod", "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob", "ReplicationController", "PodTemplate"}
POOLS = Pools(frozenset(), frozenset())


def load(group: str) -> list[Obj]:
    text = (GOLDEN / f"{group}.jsonl").read_text().replace("<NS>", NS)
    return [json.loads(line) for line in text.splitlines()]


def writes(group: str, method: str, status: int) -> list[Any]:
    """Writes of our kinds that the recording answered with that status; a bad query is not the object's error."""
    found = []
    for case in load(group):
        body = case["request"].get("body")
        ours = isinstance(body, dict) and TABLE.by_kind(body.get("apiVersion", ""), body.get("kind", "")) is not None
        fits = case["request"]["method"] == method and case["response"]["status"] == status and "dryRun=Some" not in case["request"]["path"]
        if ours and fits and body["kind"] not in WITH_PODS:
            found.append(pytest.param(case, id=case["id"]))
    return found


def rows(body: Obj) -> tuple[Resource, Resource, Strategy]:
    row = TABLE.by_kind(body["apiVersion"], body["kind"])
    assert row is not None
    return row, TABLE.storage(row), STRATEGIES[row.group_kind]


def created(body: Obj, pools: Pools = POOLS) -> tuple[Obj, list[Cause], Strategy]:
    """What a create makes of a body, in the stored form."""
    row, stored, strategy = rows(body)
    draft = convert(copy.deepcopy(body), row, stored)
    draft.setdefault("metadata", {})
    if row.namespaced:
        draft["metadata"]["namespace"] = NS
    strategy.default(draft)
    if body["kind"] == "Service":
        allocation = allocate(draft, None, pools, random.Random(1))
        if allocation.errors:
            return draft, allocation.errors, strategy
    strategy.prepare_create(draft)
    if stamp := STAMPS.get(row.group_kind):
        stamp(draft, None, NOW)
    errors = create_errors(strategy, draft, namespaced=row.namespaced)
    strategy.canonicalize(draft)
    return draft, errors, strategy


KEPT_EMPTY = ("conditions", "podSelector", "status", "source", "spec")


def plain(value: Any) -> Any:
    """Without what the recording's placeholders stand for: fields that the registry sets, allocated numbers, times."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items() if v not in ({}, []) or k in KEPT_EMPTY}
    return [plain(v) for v in value] if isinstance(value, list) else value


def without_system_fields(obj: Obj) -> Obj:
    skip = ("uid", "resourceVersion", "creationTimestamp", "managedFields", "generation", "finalizers")
    return {**obj, "metadata": {k: v for k, v in obj["metadata"].items() if k not in skip}}


def with_values_of(expected: Any, got: Any) -> Any:
    """The expected value with placeholders replaced by what was got."""
    if isinstance(expected, str) and expected.startswith(("<CLUSTERIP", "<NODEPORT", "<TIME")):
        return got
    if isinstance(expected, dict) and isinstance(got, dict):
        return {k: with_values_of(v, got.get(k)) for k, v in expected.items()}
    if isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        return [with_values_of(e, g) for e, g in zip(expected, got, strict=True)]
    return expected


@pytest.mark.parametrize("case", writes("defaults", "POST", 201))
def test_a_new_object_is_defaulted_as_recorded(case: Obj) -> None:
    body = case["request"]["body"]
    row, stored, _ = rows(body)
    draft, errors, _ = created(body)
    assert errors == []
    got = without_system_fields(convert(draft, stored, row))
    expected = without_system_fields(case["response"]["body"])
    assert plain(got) == plain(with_values_of(expected, got))


@pytest.mark.parametrize("case", writes("validation", "POST", 422))
def test_a_bad_object_is_refused_with_the_recorded_causes(case: Obj) -> None:
    body = case["request"]["body"]
    draft, errors, _ = created(body)
    row, _, _ = rows(body)
    status = invalid(row.group_kind, draft["metadata"].get("name", ""), errors).to_status()
    expected = case["response"]["body"]
    assert status["message"] == expected["message"]
    assert status["details"] == expected["details"]


@pytest.mark.parametrize("case", writes("defaults", "POST", 201))
def test_defaulting_twice_is_defaulting_once(case: Obj) -> None:
    body = case["request"]["body"]
    row, stored, strategy = rows(body)
    draft = convert(copy.deepcopy(body), row, stored)
    strategy.default(draft)
    once = copy.deepcopy(draft)
    strategy.default(draft)
    assert draft == once


@pytest.mark.parametrize("case", writes("defaults", "POST", 201))
def test_an_update_with_what_was_created_is_good(case: Obj) -> None:
    body = case["request"]["body"]
    row, _, strategy = rows(body)
    old, _, _ = created(body)
    old["metadata"] |= {"resourceVersion": "1", "uid": "u", "creationTimestamp": NOW}
    draft = copy.deepcopy(old)
    strategy.default(draft)
    if body["kind"] == "Service":
        assert allocate(draft, old, POOLS, random.Random(1)).errors == []
    strategy.prepare_update(draft, old)
    assert update_errors(strategy, draft, old, namespaced=row.namespaced) == []
    assert draft == old


def test_every_built_in_kind_that_is_stored_has_a_strategy() -> None:
    others = {*WITH_PODS, "ControllerRevision", "ComponentStatus"}
    stored = {r.group_kind for r in TABLE if "get" in r.verbs and r.kind not in others}
    assert stored <= STRATEGIES.keys()


def _service(ip: str = "", **spec: Any) -> Obj:
    ports = [{"port": 80}]
    base = {"selector": {"app": "a"}, "ports": ports, **({"clusterIP": ip} if ip else {}), **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": base}


def _update_service(body: Obj, old: Obj) -> tuple[Obj, list[Cause]]:
    strategy = STRATEGIES["Service"]
    draft = copy.deepcopy(body)
    draft["metadata"] = {**old["metadata"], **draft["metadata"]}
    strategy.default(draft)
    allocation = allocate(draft, old, Pools(frozenset({"10.96.77.77"}), frozenset()), random.Random(1))
    assert not allocation.errors
    strategy.prepare_update(draft, old)
    return draft, update_errors(strategy, draft, old, namespaced=True)


@pytest.mark.parametrize("case", [c for c in load("updates") if c["id"].startswith("updates/service-")], ids=lambda c: c["id"])
def test_a_services_address_changes_as_recorded(case: Obj) -> None:
    body, expected = case["request"]["body"], case["response"]["body"]
    if case["request"]["method"] == "POST":
        draft, errors, _ = created(body, Pools(frozenset({"10.96.77.77"}), frozenset()))
    else:
        old, _, _ = created(_service("10.96.77.77"))
        old["metadata"] |= {"resourceVersion": "1", "uid": "u"}
        draft, errors = _update_service(body, old)
    if case["response"]["status"] == 200:
        assert errors == []
        assert plain(draft["spec"]) == plain(expected["spec"])
    else:
        status = invalid("Service", body["metadata"]["name"], errors).to_status()
        assert (status["message"], status["details"]) == (expected["message"], expected["details"])


def test_a_finalizer_cannot_be_added_while_deleting_as_recorded() -> None:
    case = next(c for c in load("deletes") if c["id"] == "deletes/add-finalizer")
    meta = {"name": "held", "namespace": NS, "resourceVersion": "5", "deletionTimestamp": NOW, "finalizers": ["example.com/hold"]}
    old = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}
    new = {**old, "metadata": {**meta, "finalizers": ["example.com/hold", "example.com/more"]}}
    errors = update_errors(STRATEGIES["ConfigMap"], new, old, namespaced=True)
    assert invalid("ConfigMap", "held", errors).to_status() == {**case["response"]["body"], "metadata": {}}
