"""Tracking a create, update or patch: which fields the writer owns from now on, and who loses them.

Called by the registry on every write that is not server-side apply, after defaulting and before admission. Pure: the new list comes back,
the objects stay as they are. Entries and sets that did not change are the same dictionaries as before.
Source: KEP-555; k8s.io/apimachinery/pkg/util/managedfields/internal, structured-merge-diff merge/update.go (Update).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec

from wherry.api.objects import Obj
from wherry.api.schema import Node
from wherry.rules.writing.managed_fields import entries as listed
from wherry.rules.writing.managed_fields.compare import compare, compare_maps, everything
from wherry.rules.writing.managed_fields.entries import Entry, Identity
from wherry.rules.writing.managed_fields.reset import Reset, of_kind
from wherry.rules.writing.managed_fields.sets import EMPTY, Set, difference, ordered, union, without
from wherry.rules.writing.managed_fields.types import Type, of_node, zero

#: never owned by anyone
_UNTRACKED = frozenset(
    {"name", "namespace", "creationTimestamp", "selfLink", "uid", "clusterName", "generation", "managedFields", "resourceVersion"}
)
_CACHED_SIZE = 16_384
_NONE: Mapping[str, Any] = {}


def _tracked(meta: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in meta.items() if k not in _UNTRACKED}


def _metadata(old: Mapping[str, Any], new: Mapping[str, Any], type_: Type) -> tuple[Set, Set]:
    before, after = old.get("metadata") or _NONE, new.get("metadata") or _NONE
    if before is after:
        return EMPTY, EMPTY
    before, after = _tracked(before), _tracked(after)
    return (EMPTY, EMPTY) if before == after else compare_maps(before, after, type_.at("metadata")[1])


def _put(changes: Set, element: str, below: Set | None) -> None:
    if below is not None:
        changes[element] = below


def changes(old: Mapping[str, Any], new: Mapping[str, Any], type_: Type, reset: Reset) -> tuple[Set, Set]:
    """Changed and removed paths of two versions, without what nobody owns."""
    changed: Set = {}
    removed: Set = {}
    skipped = reset.skipped
    for name, after in new.items():
        before = old.get(name)
        if before is after or name in skipped or name in ("metadata", "apiVersion", "kind"):
            continue
        element, below = type_.at(name)
        if before is None and name not in old:
            changed[element] = everything(after, below)
        elif before != after:
            plus, minus = compare(before, after, below)
            _put(changed, element, plus)
            _put(removed, element, minus)
    for name, before in old.items():
        if name not in new and name not in skipped and name not in ("metadata", "apiVersion", "kind"):
            element, below = type_.at(name)
            removed[element] = everything(before, below)
    if "metadata" not in skipped:
        plus, minus = _metadata(old, new, type_)
        _put(changed, "f:metadata", plus or None)
        _put(removed, "f:metadata", minus or None)
    return _finished(changed, reset), _finished(removed, reset)


def _finished(tree: Set, reset: Reset) -> Set:
    if reset.include is not None:
        tree = reset.filter(tree)
    elif reset.nested:
        tree = without(tree, reset.nested)
    return ordered(tree)


@lru_cache(maxsize=1024)
def _fresh_encoded(type_: Type, name: str, encoded: bytes) -> Set | None:
    return _fresh(type_, name, msgspec.json.decode(encoded))


def _fresh(type_: Type, name: str, value: Any) -> Set | None:
    """What a create owns below one top-level field."""
    below, start = type_.at(name)[1], zero(type_)
    if name not in start:
        return everything(value, below)
    return compare(start[name], value, below)[0] if start[name] != value else None


def created(new: Mapping[str, Any], type_: Type, reset: Reset) -> Set:
    """What a create owns. Objects made from one template share the sets below `spec`."""
    changed: Set = {}
    for name, value in new.items():
        if name in reset.skipped or name in ("metadata", "apiVersion", "kind"):
            continue
        encoded = msgspec.json.encode(value)
        made = _fresh_encoded(type_, name, encoded) if len(encoded) <= _CACHED_SIZE else _fresh(type_, name, value)
        _put(changed, type_.at(name)[0], made)
    if "metadata" not in reset.skipped:
        _put(changed, "f:metadata", _metadata(_NONE, new, type_)[0] or None)
    return _finished(changed, reset)


def own(entries: list[Entry], who: Identity, api_version: str, changed: Set, removed: Set, time: str) -> list[Entry]:
    """The entries after `who` changed and removed these paths: others lose both, `who` gains what changed, with the time of now."""
    kept: list[Entry] = []
    mine: Set = EMPTY
    for entry in entries:
        fields = listed.fields_of(entry)
        left = difference(fields, removed) if removed else fields
        if changed and listed.identity(entry) == who:
            mine = left
            continue
        left = difference(left, changed) if changed else left
        again = listed.with_fields(entry, left)
        if again is not None:
            kept.append(again)
    if changed:
        kept.append(listed.make(who, api_version, union(mine, changed), time))
    return listed.in_order(listed.capped(kept))


def track_update(
    old: Obj | None,
    new: Obj,
    *,
    node: Node | None,
    manager: str,
    api_version: str,
    time: str,
    operation: str = "Update",
    subresource: str = "",
    reset: Reset | None = None,
) -> list[Entry]:
    """The managedFields of `new`, written by `manager` at `time` (RFC 3339) over `old` (None: a create).

    `api_version`: of the request. `reset`: for custom resources, whose kind this package does not know.
    An object whose managedFields are empty stays untracked. The answer is the live list itself when nothing tracked changed.
    """
    start = listed.incoming(old, new, subresource)
    if not start and old is not None:
        return []
    type_ = of_node(node)
    if reset is None:
        reset = of_kind(api_version, new.get("kind", ""), subresource)
    if old is None:
        changed, removed = created(new, type_, reset), EMPTY
    else:
        changed, removed = changes(old, new, type_, reset)
    if not changed and not removed:
        return start
    version = "" if operation == "Apply" else api_version
    return own(start, (manager or "unknown", operation, version, subresource), api_version, changed, removed, time)


def _untimed(entries: list[Entry]) -> list[Entry]:
    return [{k: v for k, v in entry.items() if k != "time"} for entry in entries]


def keep_times(old: Obj, new: Obj) -> Obj:
    """`new` with the times of `old` when it differs from it in nothing else, so that a write that changes nothing stores nothing.

    Called after the strategy prepared the new object.
    """
    before, after = listed.stored(old), listed.stored(new)
    if not after or after is before or len(before) != len(after) or _untimed(before) != _untimed(after):
        return new
    settled = {**new, "metadata": {**new["metadata"], "managedFields": before}}
    return settled if settled == old else new
