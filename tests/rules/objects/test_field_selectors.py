"""Field selectors match, print and refuse as the reference's do."""

from __future__ import annotations

import pytest

from wherry.api.errors import BadRequest
from wherry.rules.objects import field_selectors

FIELDS = {"metadata.name": "x", "status.phase": "Running"}


def _lookup(path: str) -> str:
    return FIELDS.get(path, "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        (",", True),
        ("metadata.name=x", True),
        ("metadata.name==x", True),
        ("metadata.name!=x", False),
        ("metadata.name=x,status.phase!=Failed", True),
        ("spec.nodeName=", True),
    ],
)
def test_a_selector_matches(text: str, expected: bool) -> None:
    assert field_selectors.parse(text).matches(_lookup) is expected


def test_an_escaped_comma_is_part_of_the_value() -> None:
    selector = field_selectors.parse(r"b=x\,y\\,a=1")
    assert selector.terms == (("a", "=", "1"), ("b", "=", "x,y\\"))
    assert str(selector) == r"a=1,b=x\,y\\"
    assert selector.exact("a") == "1"
    assert selector.exact("c") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("metadata.name", "invalid selector: 'metadata.name'; can't understand 'metadata.name'"),
        ("a=b=c", "invalid field selector: unescaped character in value: 61"),
        ("a=\\b", "invalid field selector: invalid escape sequence: \\b"),
        ("a=b\\", "invalid field selector: invalid escape sequence: \\"),
    ],
)
def test_a_malformed_selector_is_refused(text: str, message: str) -> None:
    with pytest.raises(BadRequest) as caught:
        field_selectors.parse(text)
    assert caught.value.message == message


def test_an_unsupported_field_is_refused_in_the_words_of_its_kind() -> None:
    selector = field_selectors.parse("data.k=v")
    with pytest.raises(BadRequest) as plain:
        field_selectors.check(selector, field_selectors.COMMON)
    assert plain.value.message == '"data.k" is not a known field selector: only "metadata.name", "metadata.namespace"'
    with pytest.raises(BadRequest, match=r"^field label not supported: data.k$"):
        field_selectors.check(selector, {*field_selectors.COMMON, "status.phase"})
    field_selectors.check(selector, {*field_selectors.COMMON, "data.k"})
