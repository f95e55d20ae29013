"""All fields of a value as a set: what an applied configuration says.

Called by server-side apply. Leaves, whole lists and maps where these are atomic, list items, map keys; not the declared parents of leaves.
Source: structured-merge-diff typed/tofieldset.go, Set.EnsureNamedFieldsAreMembers.
"""

from __future__ import annotations

from typing import Any

from wherry.api.objects import Obj
from wherry.rules.writing.managed_fields.sets import EMPTY, SELF, Set, ordered
from wherry.rules.writing.managed_fields.types import DEDUCED, LIST_MAP, MAP, SCALAR, STRUCT, Type


def of_object(value: Obj, type_: Type) -> Set:
    """The field set of a whole object."""
    return _below(value, type_) or EMPTY


def _with_self(tree: Set | None) -> Set:
    return {SELF: EMPTY, **tree} if tree else EMPTY


def _below(value: Any, type_: Type) -> Set | None:
    """What stands under the element of `value`; EMPTY is a leaf, None nothing."""
    if type_.leaf:
        return EMPTY
    if type_.listed:
        return _items(value, type_) if isinstance(value, list) else None
    if not isinstance(value, dict):
        return EMPTY if type_.form == DEDUCED and value is not None else None
    out: Set = {}
    for name, inner in value.items():
        element, below = type_.at(name)
        tree = _below(inner, below)
        if inner is None or inner == {} or not type_.declares(name):
            tree = _with_self(tree)
        if tree is not None:
            out[element] = tree
    return ordered(out) or None


def _items(value: list[Any], type_: Type) -> Set | None:
    out: Set = {}
    assert type_.element is not None  # every list type has one
    for item in value:
        element = type_.element_of(item)
        if element is not None:
            out[element] = EMPTY if element in out else _with_self(_below(item, type_.element))
    return ordered(out) or None


def with_named(tree: Set, type_: Type) -> Set:
    """The set with every declared field that has members below it as a member too."""
    out: Set = {}
    for element, below in tree.items():
        if not below:
            out[element] = below
            continue
        inner, named = _step(element, type_)
        deeper = with_named(below, inner)
        out[element] = _with_self(deeper) if named and SELF not in deeper else deeper
    return out


def _step(element: str, type_: Type) -> tuple[Type, bool]:
    """The type under an element, and whether it is a declared field."""
    if element[:2] == "f:" and type_.form in (STRUCT, MAP, DEDUCED):
        name = element[2:]
        return type_.at(name)[1], type_.declares(name)
    if element[:2] == "k:" and type_.form == LIST_MAP and type_.element is not None:
        return type_.element, False
    return _LEAF_TYPE, False


_LEAF_TYPE = Type(SCALAR)
