"""JSON that is called YAML: read as JSON where both are alike, and never as something else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wherry.rules.schema.decode import json_as_yaml, yaml_text

TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8) | st.sampled_from(
    ["<<", "yes", "1", "~", "null", "0x1", "1e3", "a: b", "#", "\\/", "\n", "y\r", "", " ", "\x7f", "\t", "ä", "😀"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**65), 2**65) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(TEXTS, VALUES, max_size=5), st.sampled_from([(",", ":"), (", ", ": ")]), st.sampled_from([None, 0, 2]))
def test_what_is_read_as_json_is_what_yaml_says(value: dict[str, Any], separators: tuple[str, str], indent: int | None) -> None:
    content = json.dumps(value, separators=separators, indent=indent).encode()
    found = json_as_yaml.read(content)
    if found is not json_as_yaml.NOT_ALIKE:
        said, twice = yaml_text.read(content)
        assert json.dumps(found) == json.dumps(said)
        assert not twice


def test_what_clients_apply_is_read_as_json() -> None:
    content = b'{"kind":"ConfigMap","data":{"b":"2","a":"1"},"spec":{"n":[1,true,null,{"z":"","y":"line\\nline"}]}}'
    found = json_as_yaml.read(content)
    numbers = [1, True, None, {"y": "line\nline", "z": ""}]
    assert json.dumps(found) == json.dumps({"data": {"a": "1", "b": "2"}, "kind": "ConfigMap", "spec": {"n": numbers}})


@pytest.mark.parametrize(
    "content",
    [
        b'{"a":1,"a":2}', b'{"a"\n:1}', b'{"a":"\\ud83d"}', b'{"a":1.0}', b'{"a":1e3}', b'{"a":18446744073709551616}', b'{"a":\t1}',
        b'{"' + b"k" * 1025 + b'":1}', '{"a":"\u0085"}'.encode(), b'{"a":1} # more', b'{"a":1}\n---\n{}', b"a: 1", b'{"a":', b"", b"[1]",
        b'{"a":"\x7f"}',
    ],
)  # fmt: skip
def test_what_yaml_may_read_otherwise_is_left_to_it(content: bytes) -> None:
    assert json_as_yaml.read(content) is json_as_yaml.NOT_ALIKE
