"""Who owns what: a controller adopts orphans that its selector matches and releases what it owns but no longer selects.

Called by every workload rule before it counts its dependents. Objects go in; out come those that are owned already, and the patches
that adopt and release. Nothing is taken from another controller, and an owner that is being deleted neither adopts nor releases.
Each patch carries the object's uid, so that it can only hit the object that was looked at.
Source of the rule: pkg/controller/controller_ref_manager.go; https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from wherry.api import objects
from wherry.api.errors import BadRequest
from wherry.api.objects import Obj
from wherry.rules.objects import selectors
from wherry.rules.objects.plan import Patch

Matches = Callable[[Obj], bool]


class Claim(NamedTuple):
    """`owned`: selected and controlled already. `actions`: adoptions and releases; the controller reads again after them."""

    owned: tuple[Obj, ...]
    actions: tuple[Patch, ...]


def matcher(label_selector: Obj) -> Matches:
    """A selector as a test of objects. Raises BadRequest for a selector that cannot be read."""
    matches = selectors.from_label_selector(label_selector).matches
    return lambda obj: matches(objects.labels(obj))


def adopt(owner: Obj, obj: Obj, finalizers: Sequence[str] = ()) -> Patch:
    metadata: dict[str, Any] = {"uid": objects.uid(obj), "ownerReferences": [objects.controller_ref(owner)]}
    if finalizers:
        metadata["finalizers"] = list(finalizers)
    return Patch(obj, {"metadata": metadata})


def release(owner: Obj, obj: Obj, finalizers: Sequence[str] = ()) -> Patch:
    metadata: dict[str, Any] = {"uid": objects.uid(obj), "ownerReferences": [{"$patch": "delete", "uid": objects.uid(owner)}]}
    if finalizers:
        metadata["$deleteFromPrimitiveList/finalizers"] = list(finalizers)
    return Patch(obj, {"metadata": metadata})


def is_claimed(owner: Obj, obj: Obj, matches: Matches) -> bool:
    """Controlled by `owner` and selected: it counts, whatever else is done."""
    return objects.is_controlled_by(obj, owner) and matches(obj)


def _may_adopt(owner: Obj, obj: Obj, matches: Matches) -> bool:
    if objects.is_deleting(owner) or objects.is_deleting(obj):
        return False
    same_place = not objects.namespace(owner) or objects.namespace(owner) == objects.namespace(obj)
    return same_place and matches(obj)


def claim(owner: Obj, objs: Iterable[Obj], matches: Matches, finalizers: Sequence[str] = ()) -> Claim:
    """Sort `objs` (own ones, orphans, others) for `owner`; `finalizers` come and go with the ownership."""
    owned: list[Obj] = []
    actions: list[Patch] = []
    own_uid = objects.uid(owner)
    for obj in objs:
        ref: Mapping[str, Any] | None = objects.controller_of(obj)
        if ref is None:
            if _may_adopt(owner, obj, matches):
                actions.append(adopt(owner, obj, finalizers))
        elif ref.get("uid") == own_uid:
            if matches(obj):
                owned.append(obj)
            elif not objects.is_deleting(owner):
                actions.append(release(owner, obj, finalizers))
    return Claim(tuple(owned), tuple(actions))


def orphan_of(obj: Obj) -> tuple[str, ...]:
    """An index of what might be adopted: the namespace of an object without a controller, nothing for others."""
    return () if objects.controller_of(obj) is not None else (objects.namespace(obj),)


def owner_keys(obj: Obj | None, kind: str) -> tuple[str, ...]:
    """The key of the controller of that kind, as a hint where to look (its uid is checked there)."""
    ref = objects.controller_of(obj) if obj is not None else None
    return (f"{objects.namespace(obj)}/{ref['name']}",) if obj is not None and ref is not None and ref.get("kind") == kind else ()


def may_be_newly_orphaned(old: Obj | None, new: Obj | None) -> bool:
    """`new` has no controller, and this change made it so, or gave it the labels by which it could be adopted."""
    if new is None or objects.controller_of(new) is not None or objects.is_deleting(new):
        return False
    return old is None or objects.controller_of(old) is not None or objects.labels(old) != objects.labels(new)


def possible_owners(orphan: Obj, owners: Iterable[Obj]) -> list[str]:
    """The keys of those whose selector matches the orphan (an empty or unreadable selector matches nothing)."""
    return [objects.key(o) for o in owners if o["spec"].get("selector") and _selects(o, orphan)]


def keys_of(old: Obj | None, new: Obj | None, kind: str, owners: Iterable[Obj]) -> Iterable[str]:
    """The keys of the owners of that kind whom a change of an owned or orphaned object concerns; `owners`: those of its namespace."""
    same = old is not None and new is not None and old["metadata"].get("ownerReferences") == new["metadata"].get("ownerReferences")
    keys = owner_keys(new, kind) if same else {*owner_keys(old, kind), *owner_keys(new, kind)}
    if new is not None and may_be_newly_orphaned(old, new):
        return {*keys, *possible_owners(new, owners)}
    return keys


def _selects(owner: Obj, obj: Obj) -> bool:
    try:
        return matcher(owner["spec"]["selector"])(obj)
    except BadRequest:
        return False


def without_duplicates(references: Sequence[Obj]) -> tuple[list[Obj], list[str]]:
    """(each reference once, the uids of those that came again). References to one owner that differ both stay.

    Source: k8s.io/apiserver/pkg/endpoints/handlers/rest.go dedupOwnerReferences.
    """
    kept: dict[frozenset[tuple[str, Any]], Obj] = {}
    dropped: list[str] = []
    for reference in references:
        content = frozenset(reference.items())  # texts and flags only
        if content in kept:
            dropped.append(reference.get("uid", ""))
        else:
            kept[content] = reference
    return list(kept.values()), dropped
