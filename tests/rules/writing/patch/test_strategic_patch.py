"""Strategic merge patches: lists by key, directives, order, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from wherry.api import schema
from wherry.api.errors import BadRequest, Invalid, StatusError
from wherry.rules.texts.go_values import sprint
from wherry.rules.writing.patch import strategic

POD = schema.definition("io.k8s.api.core.v1.Pod")


def _pod(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "finalizers": ["a", "b", "c"]}, "spec": spec}


def _containers(*names: str) -> list[dict[str, Any]]:
    return [{"name": n, "image": n + ":1"} for n in names]


def _apply(current: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    before = json.dumps([current, change])
    after = strategic.apply(current, change, POD)
    assert json.dumps([current, change]) == before
    return after


def _names(obj: dict[str, Any]) -> list[str]:
    return [c["name"] for c in obj["spec"]["containers"]]


def test_new_items_come_before_the_live_ones() -> None:
    after = _apply(_pod(containers=_containers("a", "b")), {"spec": {"containers": _containers("x", "y")}})
    assert _names(after) == ["x", "y", "a", "b"]


def test_merged_items_keep_their_live_neighbours() -> None:
    change = {"spec": {"containers": [{"name": "c", "image": "c:2"}]}}
    after = _apply(_pod(containers=_containers("a", "b", "c", "d")), change)
    assert _names(after) == ["a", "b", "c", "d"]
    assert after["spec"]["containers"][2] == {"name": "c", "image": "c:2"}


def test_set_element_order_orders_the_patched_items_among_the_live_ones() -> None:
    order = [{"name": "c"}, {"name": "new"}, {"name": "a"}]
    change = {"spec": {"$setElementOrder/containers": order, "containers": _containers("new")}}
    after = _apply(_pod(containers=_containers("a", "b", "c")), change)
    assert _names(after) == ["b", "c", "new", "a"], "b stood before c in the live list"


def test_set_element_order_alone_moves_items() -> None:
    change = {"spec": {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}}
    assert _names(_apply(_pod(containers=_containers("a", "b")), change)) == ["b", "a"]


def test_items_are_deleted_by_key_and_the_others_merged() -> None:
    change = {"spec": {"containers": [{"name": "a", "$patch": "delete"}, {"name": "b", "image": "b:2"}]}}
    after = _apply(_pod(containers=_containers("a", "b")), change)
    assert after["spec"]["containers"] == [{"name": "b", "image": "b:2"}]


def test_an_atomic_list_is_replaced() -> None:
    after = _apply(_pod(tolerations=[{"key": "a"}]), {"spec": {"tolerations": [{"key": "b"}]}})
    assert after["spec"]["tolerations"] == [{"key": "b"}]


def test_a_list_of_scalars_with_merge_is_joined() -> None:
    after = _apply(_pod(), {"metadata": {"finalizers": ["d", "b"]}})
    assert sorted(after["metadata"]["finalizers"]) == ["a", "b", "c", "d"]


def test_scalars_are_deleted_and_ordered_by_directives() -> None:
    directives = {"$deleteFromPrimitiveList/finalizers": ["b"], "$setElementOrder/finalizers": ["d", "c", "a"]}
    change = {"metadata": {**directives, "finalizers": ["d"]}}
    assert _apply(_pod(), change)["metadata"]["finalizers"] == ["d", "c", "a"]


def test_a_null_deletes_and_new_values_lose_their_nulls_and_directives() -> None:
    context = {"fsGroup": 1, "runAsUser": None, "seLinuxOptions": {"$patch": "delete"}}
    change = {"spec": {"nodeName": None, "securityContext": context}}
    assert _apply(_pod(nodeName="n"), change)["spec"] == {"securityContext": {"fsGroup": 1}}


def test_a_map_is_replaced_or_deleted_by_directive() -> None:
    current = _pod(securityContext={"fsGroup": 1, "runAsUser": 2})
    assert _apply(current, {"spec": {"securityContext": {"$patch": "replace", "fsGroup": 3}}})["spec"]["securityContext"] == {"fsGroup": 3}
    assert _apply(current, {"spec": {"securityContext": {"$patch": "delete"}}})["spec"]["securityContext"] == {}


def test_retain_keys_drops_the_other_members_of_a_union() -> None:
    current = _pod(volumes=[{"name": "v", "emptyDir": {}}])
    change = {"spec": {"volumes": [{"$retainKeys": ["name", "hostPath"], "name": "v", "hostPath": {"path": "/x"}}]}}
    assert _apply(current, change)["spec"]["volumes"] == [{"name": "v", "hostPath": {"path": "/x"}}]


def test_untouched_parts_are_shared_and_no_change_gives_the_object_itself() -> None:
    current = _pod(containers=_containers("a"))
    assert _apply(current, {"metadata": {"labels": {"a": "b"}}})["spec"] is current["spec"]
    assert _apply(current, {"spec": {"nodeName": None}}) is current


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"$patch": "merge"}, StatusError, "unknown patch type: merge in map: map[$patch:merge]"),
        ({"spec": {"containers": [{"name": "a", "$patch": "merge"}]}}, StatusError, "merging lists cannot yet be specified in the patch"),
        (
            {"spec": {"containers": [{"$patch": "delete"}]}},
            StatusError,
            "map: map[$patch:delete] does not contain declared merge key: name",
        ),
        ({"spec": {"containers": ["x"]}}, StatusError, "list element types are not identical: [[map[image:a:1 name:a]] [x]]"),
        ({"spec": {"$retainKeys": "x"}}, BadRequest, "invalid patch format of retainKeys"),
        ({"spec": {"$retainKeys": ["a"], "nodeName": "n"}}, BadRequest, "invalid patch format of retainKeys"),
        ({"spec": {"$deleteFromPrimitiveListX": ["a"]}}, BadRequest, "invalid patch format of primitive list"),
        ({"spec": {"$setElementOrder": []}}, BadRequest, "invalid patch format of setElementOrder list"),
        ({"spec": {"$setElementOrder/containers": "x"}}, StatusError, "expected a []interface {}, but received a string"),
        ({"spec": {"$setElementOrder/no": [1]}}, StatusError, 'unable to find api field in struct PodSpec for the json field "no"'),
        (
            {"spec": {"$setElementOrder/containers": [{"name": "b"}], "containers": [{"name": "a"}]}},
            StatusError,
            "The order in patch list:\n[map[name:a]]\n doesn't match $setElementOrder list:\n[map[name:b]]\n",
        ),
    ],
)
def test_what_is_refused(change: dict[str, Any], error: type[StatusError], message: str) -> None:
    with pytest.raises(error) as caught:
        _apply(_pod(containers=_containers("a")), change)
    assert caught.value.message == message


def test_lists_of_lists_are_refused() -> None:
    current = {"metadata": {"name": "p"}}
    with pytest.raises(Invalid):
        _apply(current, {"metadata": {"finalizers": [["x"]], "$setElementOrder/finalizers": []}})


def test_a_kind_without_schema_has_no_strategic_patch() -> None:
    with pytest.raises(BadRequest, match="strategic merge patch format is not supported"):
        strategic.apply({}, {}, None)


def test_values_print_as_in_go() -> None:
    value = {"b": [1, True, None, "x y"], "a": {"f": 1.5, "big": 1e21, "small": 1e-5, "whole": 2.0}}
    assert sprint(value) == "map[a:map[big:1e+21 f:1.5 small:1e-05 whole:2] b:[1 true <nil> x y]]"
