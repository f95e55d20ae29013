"""Merging an applied configuration into the live object, and taking fields out of an object.

Called by server-side apply. Merging never removes: the configuration's leaves win, maps and keyed lists are joined, items stand in the
configuration's order with the live ones between them. The results share unchanged subtrees; inputs are not changed.
Source: structured-merge-diff typed/merge.go, typed/remove.go.
"""

from __future__ import annotations

from typing import Any

from wherry.rules.writing.managed_fields.sets import Set, children, member
from wherry.rules.writing.managed_fields.types import ATOMIC, DEDUCED, SCALAR, Type


def merge(live: Any, applied: Any, type_: Type) -> Any:
    """`live` with `applied` merged into it."""
    if live is applied or (type(live) is type(applied) and live == applied):
        return live
    if type_.leaf or (not live and not applied):
        return applied
    if type_.listed:
        return _merge_lists(live or [], applied or [], type_)
    if type_.form == DEDUCED and not (_mapping(live) and _mapping(applied)):
        return applied
    return _merge_maps(live or {}, applied or {}, type_)


def _mapping(value: Any) -> bool:
    return value is None or isinstance(value, dict)


def _merge_maps(live: dict[str, Any], applied: dict[str, Any], type_: Type) -> dict[str, Any]:
    out: dict[str, Any] | None = None
    for name, value in applied.items():
        merged = merge(live[name], value, type_.at(name)[1]) if name in live else value
        if name not in live or merged is not live[name]:
            out = dict(live) if out is None else out
            out[name] = merged
    return live if out is None else out


def _merge_lists(live: list[Any], applied: list[Any], type_: Type) -> list[Any]:
    """Items in the applied order; live-only items keep their place between the shared ones."""
    assert type_.element is not None  # every list type has one
    left = [type_.element_of(item) for item in live]
    right = [type_.element_of(item) for item in applied]
    known = {e: None if left.count(e) > 1 else item for e, item in zip(left, live, strict=True)}
    said = dict(zip(right, applied, strict=True))
    out: list[Any] = []
    for element, item in _order(left, right, live):
        if element not in said:
            out.append(item)
        elif element in known and known[element] is not None:
            out.append(merge(known[element], said[element], type_.element))
        else:
            out.append(said[element])
    return live if len(out) == len(live) and all(a is b for a, b in zip(out, live, strict=True)) else out


def _order(left: list[str | None], right: list[str | None], live: list[Any]) -> list[tuple[str | None, Any]]:
    """The elements of the merged list; a live-only one comes with its item."""
    in_left, in_right = set(left), set(right)
    shared = [e for e in right if e in in_left]
    out: list[tuple[str | None, Any]] = []
    merged: set[str | None] = set()
    i = j = position = 0
    while i < len(left) or j < len(right):
        following = shared[position] if position < len(shared) else None
        if i < len(left) and j < len(right):
            if left[i] == right[j]:
                merged.add(left[i])
                out.append((left[i], None))
                i, j, position = i + 1, j + 1, position + 1
                continue
            if left[i] in in_right and following is not None and following != left[i]:
                i += 1  # shared, but its turn has not come
                continue
        if i < len(left):
            if left[i] not in in_right:
                out.append((left[i], live[i]))
                i += 1
                continue
            if left[i] in merged:
                i += 1
        if j < len(right):
            merged.add(right[j])
            out.append((right[j], None))
            if following is not None and following == right[j]:
                position += 1
            j += 1
    return out


def remove(value: Any, gone: Set, type_: Type, *, final: bool = False) -> Any:
    """`value` without the members of `gone`. A map or list that loses everything becomes null.

    `final`: the result is an object to store, so that such a null is left out, and fields that are always written get their zero.
    """
    form = type_.form
    if not gone or form == SCALAR:
        return value
    if type_.listed:
        return _remove_items(value, gone, type_, final) if isinstance(value, list) and value else None
    if form == ATOMIC or not isinstance(value, dict) or not value:
        return value if form == DEDUCED and not isinstance(value, (dict, list)) else None
    out: dict[str, Any] = {}
    for name, inner in value.items():
        element, below = type_.at(name)
        tree = gone.get(element)
        left = None if member(tree) else remove(inner, children(tree), below, final=final)
        if left is not None or (inner is None and not member(tree)):
            out[name] = left
        elif final:
            written, blank = type_.blank(name)
            if written:
                out[name] = blank
        elif not member(tree):
            out[name] = None
    return out or None


def _remove_items(value: list[Any], gone: Set, type_: Type, final: bool) -> list[Any] | None:
    assert type_.element is not None  # every list type has one
    out: list[Any] = []
    for item in value:
        element = type_.element_of(item)
        tree = gone.get(element) if element is not None else None
        if not member(tree):
            out.append(remove(item, children(tree), type_.element, final=final))
    return out or None
