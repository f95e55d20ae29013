"""Label selectors match, print and refuse as the reference's do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherry.api.errors import BadRequest
from wherry.rules.objects import selectors

X = {"app": "x", "t": "1"}


@pytest.mark.parametrize(
    ("text", "labels", "expected"),
    [
        ("", {}, True),
        ("app=x", X, True),
        ("app==x", X, True),
        ("app!=x", X, False),
        ("app!=x", {}, True),
        ("app in (x,y)", X, True),
        ("app in (y)", {}, False),
        ("app notin (x)", X, False),
        ("app notin (x)", {}, True),
        ("t", X, True),
        ("!t", X, False),
        ("!t,app", {"app": "a"}, True),
        ("t>0", X, True),
        ("t>1", X, False),
        ("t<2", X, True),
        ("t<2", {"t": "many"}, False),
        ("t<2", {}, False),
        ("app=", {"app": ""}, True),
        ("app in ()", {"app": ""}, True),
        ("app in (x,,y)", {"app": ""}, True),
        ("in in (in,notin)", {"in": "notin"}, True),
        ("app=x,t=1", X, True),
        ("app=x,t=2", X, False),
    ],
)
def test_a_selector_matches(text: str, labels: dict[str, str], expected: bool) -> None:
    assert selectors.parse(text).matches(labels) is expected


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("b=1,a!=2", "a!=2,b=1"),
        ("a in (z,y)", "a in (y,z)"),
        ("a notin (z)", "a notin (z)"),
        ("!a, b", "!a,b"),
        ("a>1,b<2", "a>1,b<2"),
        ("a == 1", "a==1"),
    ],
)
def test_a_selector_prints_its_canonical_text(text: str, canonical: str) -> None:
    assert str(selectors.parse(text)) == canonical
    assert selectors.parse(canonical) == selectors.parse(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
        ("a=b c", "found 'c', expected: ',' or 'end of string'"),
        ("a,", "found '', expected: identifier after ','"),
        ("=a", "found '=', expected: !, identifier, or 'end of string'"),
        ("a in x", "unable to parse requirement: found 'x' expected: '('"),
        ("a in (", "unable to parse requirement: found '', expected: ',', ')' or identifier"),
        ("a in (b", "unable to parse requirement: found '', expected: ',' or ')'"),
        ("a=(", "unable to parse requirement: found '(', expected: identifier"),
        ("!", "unable to parse requirement: found '', expected: identifier"),
        ("a>b", """unable to parse requirement: values[0]: Invalid value: "b": for 'Gt', 'Lt' operators, the value must be an integer"""),
    ],
)
def test_a_malformed_selector_is_refused(text: str, message: str) -> None:
    with pytest.raises(BadRequest) as caught:
        selectors.parse(text)
    assert caught.value.message == message


def test_a_bad_key_or_value_is_refused_with_its_rule() -> None:
    with pytest.raises(BadRequest, match='unable to parse requirement: <nil>: Invalid value: "a_": name part must consist of'):
        selectors.parse("a_=x")
    with pytest.raises(BadRequest, match=r'unable to parse requirement: values\[0\]\[a\]: Invalid value: "x_": a valid label must be'):
        selectors.parse("a=x_")
    with pytest.raises(BadRequest, match="prefix part must be non-empty"):
        selectors.parse("/a=x")


def test_no_label_selector_matches_nothing_and_an_empty_one_everything() -> None:
    assert not selectors.from_label_selector(None).matches({})
    assert selectors.from_label_selector({}).matches({"a": "b"})
    assert selectors.from_label_selector({"matchLabels": {}}).empty
    assert not selectors.from_label_selector(None).empty


def test_a_label_selector_joins_labels_and_expressions() -> None:
    selector = selectors.from_label_selector(
        {
            "matchLabels": {"app": "x"},
            "matchExpressions": [
                {"key": "tier", "operator": "In", "values": ["b", "a"]},
                {"key": "old", "operator": "DoesNotExist"},
                {"key": "app", "operator": "Exists"},
                {"key": "zone", "operator": "NotIn", "values": ["z"]},
            ],
        }
    )
    assert str(selector) == "app=x,app,!old,tier in (a,b),zone notin (z)"
    assert selector.matches({"app": "x", "tier": "a"})
    assert not selector.matches({"app": "x", "tier": "a", "old": ""})


def test_an_unknown_operator_is_refused() -> None:
    with pytest.raises(BadRequest, match='"Is" is not a valid label selector operator'):
        selectors.from_label_selector({"matchExpressions": [{"key": "a", "operator": "Is"}]})


def test_a_map_selects_labels_that_contain_it() -> None:
    selector = selectors.from_map({"a": "1", "b": "2"})
    assert selector.matches({"a": "1", "b": "2", "c": "3"})
    assert not selector.matches({"a": "1"})
    assert selectors.from_map({}).empty
    assert selectors.from_map(None).matches({})
    assert selector.exact("a") == "1"


WORDS = st.from_regex(r"[a-z]([-a-z0-9.]{0,8}[a-z0-9])?", fullmatch=True)


@given(st.dictionaries(WORDS, WORDS, max_size=4), st.dictionaries(WORDS, WORDS, max_size=4))
def test_the_text_of_a_map_selector_selects_the_same(wanted: dict[str, str], labels: dict[str, str]) -> None:
    selector = selectors.from_map(wanted)
    again = selectors.parse(str(selector))
    for candidate in (labels, wanted, {**labels, **wanted}):
        assert selector.matches(candidate) is again.matches(candidate) is (wanted.items() <= candidate.items())
