"""What the round trip through the reference's types does to a value."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wherry.api.resources import TABLE, resource
from wherry.api.schema import Node, definition
from wherry.rules.schema.decode import decode, normalise
from wherry.rules.schema.decode.body import normalised

POD = resource("pods")


def _pod(**container: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", **container}]}}


def _container(**container: Any) -> dict[str, Any]:
    obj = normalise(POD, _pod(**container))[0]
    first: dict[str, Any] = obj["spec"]["containers"][0]
    return first


@pytest.mark.parametrize(
    "zero",
    [{"image": ""}, {"stdin": False}, {"env": []}, {"env": None}, {"image": None}, {"securityContext": None}, {"restartPolicy": None}],
)
def test_zero_values_are_dropped(zero: dict[str, Any]) -> None:
    assert _container(**zero) == {"name": "c", "resources": {}}


def test_pointers_keep_an_explicit_zero() -> None:
    spec = normalise(POD, {**_pod(), "spec": {"containers": [], "terminationGracePeriodSeconds": 0, "securityContext": {}}})[0]["spec"]
    assert spec == {"containers": None, "terminationGracePeriodSeconds": 0, "securityContext": {}}


def test_what_is_always_written_is_there() -> None:
    obj = decode(resource("deployments", "apps"), {"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"selector": {}}}).obj
    template = {"metadata": {}, "spec": {"containers": None}}
    assert obj == {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {}, "status": {},
        "spec": {"selector": {}, "strategy": {}, "template": template},
    }  # fmt: skip
    assert "status" not in decode(resource("configmaps"), {"data": {"a": ""}}).obj


def test_zero_elements_stay() -> None:
    assert _container(args=["", None])["args"] == ["", ""]
    assert normalise(resource("configmaps"), {"data": {"a": None, "b": ""}})[0]["data"] == {"a": "", "b": ""}
    assert _container(resources={"limits": {"cpu": None}})["resources"] == {"limits": {"cpu": "0"}}


def test_texts_are_canonical() -> None:
    assert _container(resources={"limits": {"cpu": 0.5, "memory": "1024Mi"}})["resources"]["limits"] == {"cpu": "500m", "memory": "1Gi"}
    secret = normalise(resource("secrets"), {"data": {"a": "YWK="}, "metadata": {"creationTimestamp": "2026-01-02T04:04:05.9+01:00"}})[0]
    assert secret == {"data": {"a": "YWI="}, "metadata": {"creationTimestamp": "2026-01-02T03:04:05Z"}}


def test_lists_of_kinds_stored_as_json_may_be_empty() -> None:
    crd = normalise(resource("customresourcedefinitions", "apiextensions.k8s.io"), {"spec": {"versions": [], "names": {}}})[0]
    assert crd["spec"]["versions"] == []
    role = normalise(resource("roles", "rbac.authorization.k8s.io"), {"rules": []})[0]
    assert role["rules"] is None


def test_schema_unions_of_custom_resource_definitions() -> None:
    node = definition("io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps")
    value = {
        "items": {"type": "string", "nosuch": 1},
        "additionalProperties": False,
        "default": {"a": None},
        "properties": {"x": {"type": ""}},
    }
    expected = {"items": {"type": "string"}, "additionalProperties": False, "default": {"a": None}, "properties": {"x": {}}}
    assert normalised(node, value) == (expected, [])


def test_unknown_fields_are_pruned_and_told() -> None:
    obj, unknown = normalise(POD, {"nosuch": 1, **_pod(imagee="x")})
    assert unknown == ['unknown field "nosuch"', 'unknown field "spec.containers[0].imagee"']
    assert obj["spec"]["containers"] == [{"name": "c", "resources": {}}]


def test_input_is_not_changed_and_equal_parts_are_shared() -> None:
    given_ = _pod(image="", env=[{"name": "A", "value": "1"}])
    before = copy.deepcopy(given_)
    obj = normalise(POD, given_)[0]
    assert given_ == before
    assert obj["metadata"] is given_["metadata"]


def test_zeros_are_fresh_every_time() -> None:
    first, second = (normalise(POD, {"spec": {"containers": []}})[0] for _ in range(2))
    assert first["status"] is not second["status"]


def test_node_made_by_hand_can_be_normalised() -> None:
    node = Node("object", go_type="Thing", properties={"size": Node("int64", go_type="int64"), "tags": Node("list", items=Node("string"))})
    assert normalised(node, {"size": 0, "tags": ["a"], "x": 1}) == ({"tags": ["a"]}, ['unknown field "x"'])


# -- random objects ---------------------------------------------------------------------------------------------------------------------

_TEXTS: dict[str, list[Any]] = {
    "quantity": ["1", "0.5", "1024Mi", 0, 1.5, "1e3"],
    "int_or_string": [0, 1, "", "25%"],
    "time": ["2026-01-02T03:04:05Z", "0001-01-01T00:00:00Z", "2026-01-02T03:04:05.5+02:00"],
    "micro_time": ["2026-01-02T03:04:05.000006Z", "2026-01-02T03:04:05.000006+02:00"],
    "bytes": ["", "YWI=", "YWK="],
    "string": ["", "a"],
    "bool": [True, False],
    "int32": [0, 1, -5],
    "int64": [0, 2**40],
    "float": [0, 0.5],
    "any": [{}, {"a": 0}],
}


def _values(node: Node, depth: int) -> st.SearchStrategy[Any]:
    if node.kind == "object":
        if depth == 0:
            return st.sampled_from([{}, None])
        fields = {key: _values(child, depth - 1) for key, child in node.properties.items()}
        return st.none() | st.lists(st.sampled_from(sorted(fields)), max_size=4, unique=True).flatmap(
            lambda keys: st.fixed_dictionaries({key: fields[key] for key in keys})
        ) if fields else st.just({})  # fmt: skip
    if node.items is not None and node.kind == "list":
        return st.none() | st.lists(_values(node.items, depth - 1), max_size=2)
    if node.items is not None:
        return st.none() | st.dictionaries(st.sampled_from(["a", "b"]), _values(node.items, depth - 1), max_size=2)
    return st.sampled_from([None, *_TEXTS[node.kind]])


def _object(name: str) -> st.SearchStrategy[Any]:
    return _values(definition(name), 4).map(lambda value: value or {})


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["core.v1.Pod", "apps.v1.Deployment", "core.v1.Service", "batch.v1.CronJob", "core.v1.Node"]).flatmap(
    lambda name: st.tuples(st.just(f"io.k8s.api.{name}"), _object(f"io.k8s.api.{name}"))
))  # fmt: skip
def test_normalising_twice_gives_the_same(case: tuple[str, Any]) -> None:
    node, value = definition(case[0]), case[1]
    before = json.dumps(value)
    once, unknown = normalised(node, value)
    assert unknown == []
    assert json.dumps(value) == before
    assert normalised(node, once) == (once, [])


_JUNK: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "x", "1", "2026-01-02"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["name", "items", "spec", "limits", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([row.schema for row in TABLE]).flatmap(lambda name: st.tuples(
    st.just(name), st.dictionaries(st.sampled_from(sorted(definition(name).properties)), _JUNK, max_size=3),
    st.sampled_from([*definition(name).properties]),
)), _object("io.k8s.api.core.v1.PodSpec"))  # fmt: skip
def test_junk_is_taken_or_refused_with_a_message(case: tuple[str, Any, str], spec: Any) -> None:
    node = definition(case[0])
    for value in (case[1], {case[2]: spec}):
        taken = _taken(node, value)
        assert taken is None or normalised(node, taken) == (taken, [])


def _taken(node: Node, value: Any) -> Any:
    """The normalised value, or None when it is refused: with a message, never with another kind of exception."""
    try:
        return normalised(node, value)[0]
    except ValueError:
        return None


def test_every_served_kind_compiles() -> None:
    for row in TABLE:
        assert isinstance(normalise(row, {"metadata": {"name": "x"}})[0], dict)
