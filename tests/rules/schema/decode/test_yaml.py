from __future__ import annotations

from typing import Any

import pytest

from wherry.api.resources import resource
from wherry.rules.schema.decode import decode, parse

CONFIG_MAP = resource("configmaps")


def _yaml(text: str) -> Any:
    parsed = parse(text.encode(), "application/yaml; charset=utf-8")
    assert parsed.fault == ""
    return parsed.value


@pytest.mark.parametrize(
    ("text", "value"),
    [("yes", True), ("y", True), ("off", False), ("~", None), ("", None), ("0x1f", 31), ("0b11", 3), ("017", 15), ("0o17", 15),
     ("1_000", 1000),
     ("1e3", 1000), ("1.0", 1), ("1.5", 1.5), ("2026-01-02", "2026-01-02"), ("1:30", "1:30"), ("'1'", "1"), ('"yes"', "yes"),
     ("!!str 5", "5"),
     ("089", 89), ("1.2.3", "1.2.3"), ("-", [None]), ("0.1.0", "0.1.0"), ("+5", 5), ("18446744073709551615", 2**64 - 1)],
)  # fmt: skip
def test_scalar_means_what_it_means_to_the_reference(text: str, value: Any) -> None:
    assert _yaml(f"a: {text}" if text != "-" else "a:\n-") == {"a": value}


def test_keys_become_strings_and_are_sorted() -> None:
    assert list(_yaml("{b: 1, 2: x, true: z, a: z}").items()) == [("2", "x"), ("a", "z"), ("b", 1), ("true", "z")]


def test_aliases_and_merge_keys() -> None:
    value = _yaml("base: &b {x: 1, z: 2}\nuse: *b\nmore: {<<: *b, z: 3}\n")
    assert value["use"] == {"x": 1, "z": 2}
    assert value["more"] == {"x": 1, "z": 3}
    assert value["use"] is not value["base"]


def test_first_document_counts() -> None:
    assert _yaml("a: 1\n---\nb: 2\n") == {"a": 1}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("metadata:\n  name: x\n bad: y\n", "yaml: line 2: did not find expected key"),
        ("a: *nosuch", "yaml: unknown anchor 'nosuch' referenced"),
        ("a: &a [*a]", "yaml: anchor 'a' value contains itself"),
        ("a: .nan", "yaml: json: unsupported value: NaN"),
        ("[" * 201, "yaml: exceeded max depth of 200"),
        ("[" * 5000, "yaml: exceeded max depth of 200"),
        ("{a: " * 5000, "yaml: exceeded max depth of 200"),
        ("- " * 5000, "yaml: exceeded max depth of 200"),
        ("\n".join("  " * level + "a:" for level in range(1500)), "yaml: exceeded max depth of 200"),
    ],
)
def test_fault_is_told(text: str, fault: str) -> None:
    assert parse(text.encode(), "application/yaml").fault == fault


def test_depth_that_is_allowed_is_read() -> None:
    assert parse(("[" * 200 + "]" * 200).encode(), "application/yaml").fault == ""


def test_alias_bomb_is_refused() -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join([f'*{chr(97 + i)}'] * 9)}]\n" for i in range(9)
    )
    assert parse(bomb.encode(), "application/yaml").fault == "yaml: document contains excessive aliasing"


def test_duplicate_keys_are_told_with_their_line() -> None:
    decoded = decode(CONFIG_MAP, (b'data:\n  a: "1"\n  a: "2"\nfoo: 1\nbar: 2\n', "application/yaml"))
    assert decoded.warnings == ['line 3: key "a" already set in map', 'unknown field "bar"', 'unknown field "foo"']
    assert decoded.obj["data"] == {"a": "2"}
