"""What a write changed: two versions of an object to the set of changed paths and the set of removed ones.

Called on every write. Walks both versions side by side and skips what is the same dictionary or equal; only what differs is looked at.
Changed is what the reference calls modified or added: the two are only ever used together.
Source: structured-merge-diff typed/compare.go.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from wherry.api.objects import Obj
from wherry.rules.writing.managed_fields.sets import EMPTY, SELF, Set, ordered
from wherry.rules.writing.managed_fields.types import Type

Changes = tuple[Set | None, Set | None]

_MISSING: Any = object()
_LEAF: Changes = (EMPTY, None)


def everything(value: Any, type_: Type) -> Set:
    """What stands under the element of a value that was not there before: itself and all below it."""
    if type_.leaf or not value:
        return EMPTY
    if isinstance(value, dict):
        if type_.listed:
            return EMPTY
        names = tuple(sorted(value))
        flat = _flat(type_, names)
        if flat is not None:
            return flat
        out: Set = {SELF: EMPTY}
        at = type_.at
        for name in names:
            element, below = at(name)
            inner = value[name]
            out[element] = EMPTY if below.leaf or not inner else everything(inner, below)
        return out
    if isinstance(value, list) and type_.listed:
        return ordered({SELF: EMPTY, **_items(value, type_)})
    return EMPTY


@lru_cache(maxsize=4096)
def _flat(type_: Type, names: tuple[str, ...]) -> Set | None:
    """What stands under a map of nothing but leaves: the same for all such maps, so all share it. None: some are not leaves."""
    places = [type_.at(name) for name in names]
    return {SELF: EMPTY, **{element: EMPTY for element, _ in places}} if all(below.leaf for _, below in places) else None


def _items(value: list[Any], type_: Type) -> Set:
    """All items of a list below their elements; one that occurs twice is owned as a whole."""
    out: Set = {}
    below = type_.element
    assert below is not None  # every list type has one
    for item in value:
        element = type_.element_of(item)
        if element is not None:
            out[element] = EMPTY if element in out else everything(item, below)
    return out


def compare_maps(old: Obj, new: Obj, type_: Type) -> tuple[Set, Set]:
    """Changed and removed below two maps, neither of which is null."""
    changed: Set = {}
    removed: Set = {}
    get, at = old.get, type_.at
    for name, after in new.items():
        before = get(name, _MISSING)
        if before is after:
            continue
        if before is _MISSING:
            element, below = at(name)
            changed[element] = everything(after, below)
        elif before != after:
            element, below = at(name)
            plus, minus = compare(before, after, below)
            if plus is not None:
                changed[element] = plus
            if minus is not None:
                removed[element] = minus
    if not old.keys() <= new.keys():
        for name, before in old.items():
            if name not in new:
                element, below = at(name)
                removed[element] = everything(before, below)
    return (ordered(changed) if len(changed) > 1 else changed), removed


def compare(old: Any, new: Any, type_: Type) -> Changes:
    """Changed and removed under one element, for two values that differ; None where there is nothing."""
    if type_.leaf:
        return _LEAF
    if type_.listed:
        return _compare_lists(old or [], new or [], type_) if old or new else _LEAF
    if (old is None or isinstance(old, dict)) and (new is None or isinstance(new, dict)):
        if not old and not new:
            return _LEAF  # null became empty, or empty null
        changed, removed = compare_maps(old or {}, new or {}, type_)
        return changed or None, removed or None
    return _compare_shapes(old, new, type_)


def _compare_shapes(old: Any, new: Any, type_: Type) -> Changes:
    """Without schema a value may become another kind of value: the path changes, and what was below it goes."""
    gone = compare_maps(old, {}, type_)[1] if isinstance(old, dict) else None
    came = compare_maps({}, new, type_)[0] if isinstance(new, dict) else None
    return {SELF: EMPTY, **came} if came else EMPTY, gone or None


def _by_element(items: list[Any], type_: Type) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for item in items:
        element = type_.element_of(item)
        if element is not None:
            found.setdefault(element, []).append(item)
    return found


def _compare_lists(old: list[Any], new: list[Any], type_: Type) -> Changes:
    below = type_.element
    assert below is not None  # every list type has one
    before, after = _by_element(old, type_), _by_element(new, type_)
    changed: Set = {}
    removed: Set = {}
    for element, now in after.items():
        was = before.get(element)
        if was is None:
            changed[element] = EMPTY if len(now) > 1 else everything(now[0], below)
        elif was != now:
            plus, minus = _compare_items(was, now, below)
            if plus is not None:
                changed[element] = plus
            if minus is not None:
                removed[element] = minus
    for element, was in before.items():
        if element not in after:
            removed[element] = EMPTY if len(was) > 1 else everything(was[0], below)
    return ordered(changed) or None, removed or None


def _compare_items(was: list[Any], now: list[Any], below: Type) -> Changes:
    """Items of one key: an item that occurs twice counts as one leaf."""
    if len(was) == 1 and len(now) == 1:
        return compare(was[0], now[0], below)
    if len(was) > 1 and len(now) > 1:
        return _LEAF
    if len(was) > 1:
        return everything(now[0], below), EMPTY
    return EMPTY, everything(was[0], below)
