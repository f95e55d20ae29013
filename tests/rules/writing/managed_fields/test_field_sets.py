"""Laws of field sets, checked against plain Python sets of paths."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from wherry.rules.writing.managed_fields import elements, sets

ELEMENTS = ["f:a", "f:b", "f:c", 'k:{"name":"x"}', 'k:{"port":80}', 'k:{"port":443}', "v:1", 'v:"y"']
PATHS = st.lists(st.sampled_from(ELEMENTS), min_size=1, max_size=3).map(tuple)
SETS = st.sets(PATHS, max_size=8)


def _tree(members: set[tuple[str, ...]]) -> sets.Set:
    return sets.of_paths(*sorted(members))


def _members(tree: sets.Set) -> set[tuple[str, ...]]:
    return set(sets.paths(tree))


@given(SETS)
def test_a_set_holds_the_paths_it_was_made_of(members: set[tuple[str, ...]]) -> None:
    tree = _tree(members)
    assert _members(tree) == members
    assert all(sets.has(tree, path) for path in members)
    assert sets.has(tree, ("f:a", "f:b", "f:c", "f:d")) is False


@given(SETS)
def test_a_set_survives_json_and_reading_it_back(members: set[tuple[str, ...]]) -> None:
    tree = _tree(members)
    again = sets.normal(json.loads(json.dumps(tree)))
    assert json.dumps(again) == json.dumps(tree)


@given(SETS, SETS)
def test_union_difference_and_intersection_are_those_of_sets(a: set[tuple[str, ...]], b: set[tuple[str, ...]]) -> None:
    assert _members(sets.union(_tree(a), _tree(b))) == a | b
    assert _members(sets.difference(_tree(a), _tree(b))) == a - b
    assert _members(sets.intersection(_tree(a), _tree(b))) == a & b


@given(SETS, SETS)
def test_operations_give_canonical_trees_and_leave_their_operands(a: set[tuple[str, ...]], b: set[tuple[str, ...]]) -> None:
    left, right = _tree(a), _tree(b)
    before = json.dumps([left, right])
    for result in (sets.union(left, right), sets.difference(left, right), sets.intersection(left, right), sets.without(left, right)):
        assert json.dumps(result) == json.dumps(_tree(_members(result)))
    assert json.dumps([left, right]) == before


@given(SETS, SETS)
def test_without_takes_what_lies_below_along(a: set[tuple[str, ...]], b: set[tuple[str, ...]]) -> None:
    expected = {path for path in a if not any(path[: len(prefix)] == prefix for prefix in b)}
    assert _members(sets.without(_tree(a), _tree(b))) == expected


@given(SETS, SETS)
def test_what_changes_nothing_gives_the_same_tree(a: set[tuple[str, ...]], b: set[tuple[str, ...]]) -> None:
    tree = _tree(a)
    assert sets.difference(tree, _tree(b - a)) is tree
    assert sets.union(tree, _tree(a & b)) is tree


@given(SETS)
def test_leaves_have_nothing_below_them(members: set[tuple[str, ...]]) -> None:
    expected = {path for path in members if not any(other[: len(path)] == path and other != path for other in members)}
    assert _members(sets.leaves(_tree(members))) == expected


def test_elements_stand_in_the_order_of_the_reference() -> None:
    shuffled = ['v:"b"', "v:2", "v:10", 'k:{"port":443}', 'k:{"port":80}', "f:b", "f:a", "."]
    assert sorted(shuffled, key=elements.order) == [".", "f:a", "f:b", 'k:{"port":80}', 'k:{"port":443}', "v:2", "v:10", 'v:"b"']


def test_elements_read_as_in_conflict_messages() -> None:
    assert elements.text("f:spec") == ".spec"
    assert elements.text('k:{"containerPort":80,"protocol":"TCP"}') == '[containerPort=80,protocol="TCP"]'
    assert elements.text('v:"x"') == '[="x"]'


def test_elements_of_a_client_are_brought_into_our_form() -> None:
    sent = {'k:{ "protocol": "TCP", "port": 80 }': {"f:port": {}}, "x:new": {}, "f:b": {".": {}}}
    assert sets.normal(sent) == {"f:b": {}, 'k:{"port":80,"protocol":"TCP"}': {"f:port": {}}}


def test_keys_are_escaped_as_the_reference_does() -> None:
    assert elements.of_keys([("name", "a<b&c")]) == 'k:{"name":"a\\u003cb\\u0026c"}'
    assert elements.of_value(True) == "v:true"
    assert elements.of_value(1) == "v:1"
