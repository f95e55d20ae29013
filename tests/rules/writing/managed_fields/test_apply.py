"""Server-side apply: merging, pruning, conflicts, and what holds for any sequence of applies."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wherry.api import schema
from wherry.api.errors import BadRequest, Conflict, StatusError
from wherry.api.objects import Obj
from wherry.rules.writing.managed_fields import apply_patch, sets, track_update
from wherry.rules.writing.managed_fields.last_applied import ANNOTATION

CONFIG_MAP = schema.definition("io.k8s.api.core.v1.ConfigMap")
POD = schema.definition("io.k8s.api.core.v1.Pod")


def _apply(live: Obj | None, applied: Obj, manager: str, force: bool = False, time: str = "t", node: schema.Node = CONFIG_MAP) -> Obj:
    return apply_patch(
        live, applied, node=node, manager=manager, force=force, api_version=applied["apiVersion"], kind=applied["kind"], time=time
    )


def _config_map(data: dict[str, str] | None = None, **meta: Any) -> Obj:
    obj: Obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", **meta}}
    return obj if data is None else {**obj, "data": data}


def _pod(**spec: Any) -> Obj:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec}


def _entries(obj: Obj) -> dict[str, Obj]:
    return {e["manager"]: e for e in obj["metadata"].get("managedFields", [])}


def test_applying_again_moves_no_time() -> None:
    once = _apply(None, _config_map({"a": "1"}), "one", time="t1")
    assert _apply(once, _config_map({"a": "1"}), "one", time="t2") == once


def test_who_says_what_is_already_so_shares_it_without_a_time() -> None:
    live = _apply(None, _config_map({"a": "1"}), "one", time="t1")
    shared = _apply(live, _config_map({"a": "1"}), "two", time="t2")
    assert shared["data"] is live["data"]
    assert _entries(shared)["two"]["fieldsV1"] == _entries(shared)["one"]["fieldsV1"]
    assert "time" not in _entries(shared)["two"]


def test_what_two_appliers_share_stays_until_both_drop_it() -> None:
    live = _apply(None, _config_map({"a": "1"}, labels={"x": "y"}), "one")
    live = _apply(live, _config_map({"a": "1"}), "two")
    live = _apply(live, _config_map(), "one")
    assert live["data"] == {"a": "1"}
    assert "labels" not in live["metadata"]
    assert "data" not in _apply(live, _config_map(), "two")


def test_an_object_that_nobody_tracked_belongs_to_before_first_apply() -> None:
    live = {**_config_map({"a": "1", "b": "1"}), "metadata": {"name": "c", "uid": "u"}}
    with pytest.raises(Conflict, match=r'conflict with "before-first-apply" using v1: .data.a'):
        _apply(live, _config_map({"a": "2"}), "one")
    forced = _apply(live, _config_map({"a": "2"}), "one", force=True)
    assert _entries(forced)["before-first-apply"]["fieldsV1"] == {"f:data": {".": {}, "f:b": {}}}


def test_conflicts_are_sorted_by_manager_and_name_subresources() -> None:
    pod = _pod(containers=[{"name": "c", "image": "x"}])
    live = _apply(None, pod, "zoe", node=POD)
    running = {**live, "status": {"phase": "Running"}}
    entries = track_update(live, running, node=POD, manager="kubelet", api_version="v1", subresource="status", time="t")
    live = {**running, "metadata": {**running["metadata"], "managedFields": entries}}
    with pytest.raises(Conflict) as caught:
        apply_patch(
            live, {**pod, "status": {"phase": "Failed"}}, node=POD, manager="me", force=False, api_version="v1", kind="Pod",
            subresource="status", time="t",
        )  # fmt: skip
    assert caught.value.message == (
        'Apply failed with 1 conflict: conflict with "kubelet" with subresource "status" using v1: .status.phase'
    )


def test_items_of_a_keyed_list_join_in_the_applied_order() -> None:
    live = _apply(None, _pod(containers=[{"name": n, "image": "x"} for n in "abc"]), "one", node=POD)
    merged = _apply(live, _pod(containers=[{"name": "d", "image": "x"}, {"name": "b", "image": "x"}]), "two", node=POD)
    assert [c["name"] for c in merged["spec"]["containers"]] == ["a", "d", "b", "c"]


def test_a_port_without_protocol_is_the_tcp_one() -> None:
    live = _apply(None, _pod(containers=[{"name": "c", "ports": [{"containerPort": 80}]}]), "one", node=POD)
    owned = _entries(live)["one"]["fieldsV1"]["f:spec"]["f:containers"]['k:{"name":"c"}']["f:ports"]
    assert list(owned) == ['k:{"containerPort":80,"protocol":"TCP"}']


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"nosuch": 1}, ".spec.nosuch: field not declared in schema"),
        ({"priority": "high"}, ".spec.priority: expected numeric (int or float), got string"),
        ({"hostNetwork": "yes"}, ".spec.hostNetwork: expected boolean, got &{yes}"),
        ({"nodeName": 1}, ".spec.nodeName: expected string, got &value.valueUnstructured{Value:1}"),
        ({"containers": {}}, ".spec.containers: expected list, got &{map[]}"),
        ({"securityContext": []}, ".spec.securityContext: expected map, got &{[]}"),
        ({"containers": [{"name": "a"}, {"name": "a"}]}, '.spec.containers: duplicate entries for key [name="a"]'),
        (
            {"containers": [{"image": "a"}]},
            '.spec.containers: element 0: associative list with keys has an element that omits all key fields ["name"]'
            " (and doesn't have default values for any key fields)",
        ),
    ],
)
def test_a_configuration_that_does_not_fit_its_schema_is_refused(spec: Obj, message: str) -> None:
    with pytest.raises(StatusError) as caught:
        _apply(None, _pod(**spec), "one", node=POD)
    assert caught.value.message == f"failed to create typed patch object (/p; /v1, Kind=Pod): {message}"
    assert caught.value.code == 500


def test_the_kind_must_be_that_of_the_path() -> None:
    other: Obj = {"apiVersion": "apps/v1", "kind": "Deployment"}
    with pytest.raises(BadRequest, match=r"^invalid object type: apps/v1, Kind=Deployment$"):
        apply_patch(None, other, node=POD, manager="m", force=False, api_version="v1", kind="Pod", time="t")


def test_kubectl_takes_over_what_its_client_side_apply_set() -> None:
    config = _config_map({"a": "1", "b": "1"})
    annotated = _config_map({"a": "1", "b": "9"}, annotations={ANNOTATION: json.dumps(config)})
    entries = track_update(None, annotated, node=CONFIG_MAP, manager="kubectl-client-side-apply", api_version="v1", time="t")
    live = {**annotated, "metadata": {**annotated["metadata"], "managedFields": entries}}
    taken = _apply(live, _config_map({"a": "2"}), "kubectl")
    assert taken["data"] == {"a": "2", "b": "9"}
    assert json.loads(taken["metadata"]["annotations"][ANNOTATION]) == _config_map({"a": "2"})
    with pytest.raises(Conflict, match=r"1 conflict: .*: .data.b$"):
        _apply(live, _config_map({"a": "2", "b": "2"}), "kubectl")
    with pytest.raises(Conflict, match=r"2 conflicts|1 conflict"):
        _apply(live, _config_map({"a": "2"}), "someone")


KEYS = st.sampled_from("abcd")
DATA = st.dictionaries(KEYS, st.sampled_from("12"), max_size=4)
STEPS = st.lists(st.tuples(st.sampled_from(["one", "two", "three"]), DATA), min_size=1, max_size=6)


@settings(max_examples=60)
@given(STEPS)
def test_any_sequence_of_forced_applies(steps: list[tuple[str, dict[str, str]]]) -> None:
    live: Obj | None = None
    said: dict[str, dict[str, str]] = {}
    for manager, data in steps:
        config = _config_map(data or None)
        after = _apply(live, config, manager, force=True)
        assert _apply(after, config, manager) == after, "the same configuration again changes nothing"
        said[manager] = data
        for other in said:
            if other != manager:
                said[other] = {k: v for k, v in said[other].items() if after.get("data", {}).get(k) == v}
        expected: dict[str, str] = {}
        for owned in said.values():
            expected |= owned
        assert after.get("data", {}) == expected | data, "what anyone still owns survives, what nobody owns goes"
        for owner, entry in _entries(after).items():
            paths = {p[-1][2:] for p in sets.paths(entry["fieldsV1"])} - {"data"}
            assert paths == set(said[owner]), "entries say who owns what"
        live = after


CONTAINERS = st.lists(
    st.fixed_dictionaries({"name": st.sampled_from("abc")}, optional={"image": st.sampled_from("xy"), "tty": st.booleans()}),
    max_size=3,
    unique_by=lambda c: c["name"],
)


@settings(max_examples=60)
@given(CONTAINERS, CONTAINERS)
def test_two_appliers_of_lists(first: list[Obj], second: list[Obj]) -> None:
    live = _apply(None, _pod(containers=first), "one", node=POD)
    both = _apply(live, _pod(containers=second), "two", force=True, node=POD)
    assert {c["name"] for c in both["spec"]["containers"] or []} == {c["name"] for c in [*first, *second]}
    assert _apply(both, _pod(containers=second), "two", node=POD) == both
    back = _apply(both, _pod(containers=[]), "two", node=POD)
    kept = {c["name"]: c for c in back["spec"].get("containers") or []}
    assert kept.keys() == {c["name"] for c in first}
    for container in first:
        mine = next((s for s in second if s["name"] == container["name"]), {})
        for name, value in container.items():
            if name == "name" or mine.get(name, value) == value:
                assert kept[container["name"]][name] == value
