"""JSON patch and JSON merge patch: the standards' rules, and the reference's where they leave room."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherry.api.errors import BadRequest, Invalid, TooLarge
from wherry.api.options import JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH
from wherry.rules.writing import patch
from wherry.rules.writing.patch import json_patch, merge_patch

DOC = {"a": {"b": [1, 2, 3], "c/d": "x", "e~f": "y"}, "n": None, "t": True}


@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        ([{"op": "add", "path": "/a/b/1", "value": 9}], [1, 9, 2, 3]),
        ([{"op": "add", "path": "/a/b/-", "value": 9}], [1, 2, 3, 9]),
        ([{"op": "add", "path": "/a/b/-1", "value": 9}], [1, 2, 3, 9]),
        ([{"op": "add", "path": "/a/b/3", "value": 9}], [1, 2, 3, 9]),
        ([{"op": "remove", "path": "/a/b/0"}], [2, 3]),
        ([{"op": "remove", "path": "/a/b/-1"}], [1, 2]),
        ([{"op": "replace", "path": "/a/b/1", "value": 9}], [1, 9, 3]),
        ([{"op": "move", "from": "/a/b/0", "path": "/a/b/-"}], [2, 3, 1]),
        ([{"op": "copy", "from": "/a/b/0", "path": "/a/b/-"}], [1, 2, 3, 1]),
        ([{"op": "test", "path": "/a/c~1d", "value": "x"}, {"op": "test", "path": "/a/e~0f", "value": "y"}], [1, 2, 3]),
        ([{"op": "test", "path": "/a/nosuch", "value": None}, {"op": "test", "path": "/n"}], [1, 2, 3]),
        ([{"op": "replace", "path": "", "value": {"a": {"b": []}}}], []),
        ([{"op": "replace", "path": "/a/nosuch", "value": 1}], [1, 2, 3]),
    ],
)
def test_operations(operations: list[dict[str, Any]], expected: list[int]) -> None:
    before = json.dumps([DOC, operations])
    assert json_patch.apply(DOC, operations)["a"]["b"] == expected
    assert json.dumps([DOC, operations]) == before


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "add", "path": "/a/nosuch/x", "value": 1},
        {"op": "add", "path": "/a/b/4", "value": 1},
        {"op": "add", "path": "/a/b/x", "value": 1},
        {"op": "add", "path": "a", "value": 1},
        {"op": "add", "value": 1},
        {"op": "remove", "path": "/a/b/3"},
        {"op": "remove", "path": "/a/nosuch"},
        {"op": "move", "from": "/a/nosuch", "path": "/x"},
        {"op": "copy", "from": "/a/b/7", "path": "/x"},
        {"op": "test", "path": "/a/b", "value": [1, 2]},
        {"op": "test", "path": "/t", "value": 1},
        {"op": "replace", "path": "", "value": "text"},
        {"path": "/a"},
    ],
)
def test_an_operation_that_does_not_apply_fails_the_patch(operation: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as caught:
        json_patch.apply(DOC, [operation])
    assert caught.value.to_status()["details"] == {}


def test_a_copied_value_is_not_written_through_its_other_place() -> None:
    operations = [{"op": "copy", "from": "/a", "path": "/z"}, {"op": "add", "path": "/z/new", "value": 1}]
    after = json_patch.apply(DOC, operations)
    assert "new" not in after["a"]
    assert after["z"]["new"] == 1


def test_untouched_parts_are_shared() -> None:
    doc = {"spec": {"big": {}}, "status": {}}
    after = json_patch.apply(doc, [{"op": "add", "path": "/status/phase", "value": "x"}])
    assert after["spec"] is doc["spec"]
    assert json_patch.apply(doc, []) is doc


def test_too_many_operations_are_refused() -> None:
    with pytest.raises(TooLarge, match="The allowed maximum operations in a JSON patch is 10000, got 10001"):
        json_patch.apply({}, [{"op": "test", "path": "/a", "value": None}] * 10001)


@pytest.mark.parametrize(
    ("target", "change", "expected"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b"}, {"b": None}, {"a": "b"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
        ({"a": "x"}, {"a": {"b": None, "c": [None, {"d": None}]}}, {"a": {"c": [None, {}]}}),
    ],
)
def test_merge_patches_of_the_standard(target: Any, change: Any, expected: Any) -> None:
    before = json.dumps([target, change])
    assert merge_patch.apply(target, change) == expected
    assert json.dumps([target, change]) == before


KEYS = st.sampled_from("abc")
JSON = st.recursive(st.none() | st.integers(0, 3) | st.text("ab", max_size=2), lambda v: st.dictionaries(KEYS, v, max_size=3))
OBJECTS = st.dictionaries(KEYS, JSON, max_size=3)


@given(OBJECTS, OBJECTS)
def test_a_merge_patch_applied_twice_is_applied_once(target: dict[str, Any], change: dict[str, Any]) -> None:
    once = merge_patch.apply(target, change)
    assert merge_patch.apply(once, change) == once


@pytest.mark.parametrize(
    ("patch_type", "content", "message"),
    [
        (MERGE_PATCH, b"", "error decoding patch: unexpected end of JSON input"),
        (MERGE_PATCH, b'{"a" 1}', "error decoding patch: invalid character '1' after object key"),
        (MERGE_PATCH, b'{"a":1 "b"}', "error decoding patch: invalid character '\"' after object key:value pair"),
        (MERGE_PATCH, b"{a:1}", "error decoding patch: invalid character 'a' looking for beginning of object key string"),
        (MERGE_PATCH, b'{"a":1}x', "error decoding patch: invalid character 'x' after top-level value"),
        (MERGE_PATCH, b'{"a":tru}', "error decoding patch: invalid character '}' in literal true (expecting 'e')"),
        (MERGE_PATCH, b'{"a":[1 2]}', "error decoding patch: invalid character '2' after array element"),
        (MERGE_PATCH, b'{"a":1.}', "error decoding patch: invalid character '}' after decimal point in numeric literal"),
        (MERGE_PATCH, b'{"a":"\\x"}', "error decoding patch: invalid character 'x' in string escape code"),
        (MERGE_PATCH, b"null", "Invalid JSON Patch"),
        (JSON_PATCH, b'"x"', "error decoding patch: json: cannot unmarshal string into Go value of type []handlers.jsonPatchOp"),
        (JSON_PATCH, b"[1]", "error decoding patch: json: cannot unmarshal number into Go value of type handlers.jsonPatchOp"),
        (
            JSON_PATCH,
            b'[{"op":1}]',
            "error decoding patch: json: cannot unmarshal number into Go struct field jsonPatchOp.op of type string",
        ),
        (STRATEGIC_PATCH, b"{", "unexpected end of JSON input"),
        (STRATEGIC_PATCH, b"[]", "json: cannot unmarshal array into Go value of type map[string]interface {}"),
    ],
)
def test_a_body_that_is_no_patch_is_refused(patch_type: str, content: bytes, message: str) -> None:
    with pytest.raises(BadRequest) as caught:
        patch.parse_patch(patch_type, content)
    assert caught.value.message == message


def test_bodies_that_are_patches() -> None:
    assert patch.parse_patch(STRATEGIC_PATCH, b"null") == {}
    assert patch.parse_patch(JSON_PATCH, b"null") == []
    assert patch.parse_patch(MERGE_PATCH, b'{"a":"\xff"}') == {"a": "\ufffd"}
