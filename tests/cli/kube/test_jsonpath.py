"""JSONPath in kubectl's dialect."""

from __future__ import annotations

from typing import Any

import pytest

from wherry.rules.texts.jsonpath import JsonPathError, find, relaxed, render

DATA: dict[str, Any] = {
    "kind": "List", "n": 3, "f": 1.5, "on": True, "none": None, "a.b": "dotted", "text": "<x>",
    "items": [{"name": "a", "size": 1, "tags": ["x", "y"]}, {"name": "b", "size": 2, "tags": []}, {"name": "c", "size": 3}],
}


@pytest.mark.parametrize(("template", "text"), [
    ("{.kind}", "List"), ("{$.kind}", "List"), ("{['kind']}", "List"), ("plain", "plain"), ("{.n} {.f} {.on}", "3 1.5 true"),
    ("{.none}", "null"), ("{.missing}", ""), ("{.items[0].name}", "a"), ("{.items[-1].name}", "c"), ("{.items[*].name}", "a b c"),
    ("{.items[0:2].name}", "a b"), ("{.items[1:].name}", "b c"), ("{.items[0:3:2].name}", "a c"), ("{.items[0,2].name}", "a c"),
    ("{.items[0]['name','size']}", "a 1"), ("{..name}", "a b c"), ("{.items[?(@.size>1)].name}", "b c"),
    ('{.items[?(@.name=="b")].size}', "2"), ("{.items[?(@.name!='b')].name}", "a c"), ("{.items[?(@.tags)].name}", "a b"),
    ("{.items[0].tags}", '["x","y"]'), ("{.items[1]}", '{"name":"b","size":2,"tags":[]}'), (r"{.a\.b}", "dotted"),
    ('{range .items[*]}{.name}={.size}{"\\n"}{end}', "a=1\nb=2\nc=3\n"), ('{range .items[*]}[{range .tags[*]}{@}{end}]{end}', "[xy][][]"),
    ("{range .nothing[*]}{.x}{end}done", "done"), ("{.text}", "<x>"), ('{"\\u00e9\\t"}', "é\t"), ("{.items[0].tags[*]}", "x y"),
])
def test_a_template_selects(template: str, text: str) -> None:
    assert render(template, DATA) == text


@pytest.mark.parametrize(("template", "text"), [
    ("{.spec", "unclosed action"), ("{.a[}", "unterminated array"), ("{.a[x]}", "invalid array index x"),
    ('{"a}', "unterminated quoted string"),
    ("{.items[9]}", "array index out of bounds: index 9, length 3"), ("{.kind[0]}", "string is not array or slice"),
    ("{kind}", "unrecognized identifier kind"), ("{end}", "not in range, nothing to end"), ("{.items[?(@.size>1]}", "unterminated filter"),
    ("{....a}", "invalid multiple recursive descent"),
    ("{!}", "unrecognized character in action: U+0021 '!'"), ("{.items[0:3:-1]}", "step must be > 0"),
])
def test_a_wrong_template_says_why(template: str, text: str) -> None:
    with pytest.raises(JsonPathError) as raised:
        render(template, DATA)
    assert str(raised.value) == text


def test_missing_fields_are_errors_only_where_they_are_to_be() -> None:
    with pytest.raises(JsonPathError, match="missing is not found"):
        render("{.missing}", DATA, missing=False)


def test_as_json_every_result_is_a_list() -> None:
    assert render("{.items[*].name}", DATA, as_json=True) == '[\n    "a",\n    "b",\n    "c"\n]\n'


@pytest.mark.parametrize("path", ["a.b", ".a.b", "{a.b}", "{.a.b}"])
def test_relaxed_paths(path: str) -> None:
    assert relaxed(path) == "{.a.b}"
    assert find(relaxed("n"), DATA) == [[3]]
