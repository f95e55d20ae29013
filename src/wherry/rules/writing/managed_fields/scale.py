"""Tracking a write of `/scale`: the replicas field of the parent changes hands.

Called by the registry when the scale subresource was written: `track_scale` by an update, the other two around an apply.
The entry that takes the field has subresource `scale` and no time.
Source: k8s.io/apimachinery/pkg/util/managedfields/scalehandler.go.
"""

from __future__ import annotations

from wherry.api.objects import Obj
from wherry.rules.writing.managed_fields import entries as listed
from wherry.rules.writing.managed_fields.entries import Entry, Identity
from wherry.rules.writing.managed_fields.sets import Set, difference, intersection

SCALE_VERSION = "autoscaling/v1"
REPLICAS: Set = {"f:spec": {"f:replicas": {}}}


def track_scale(old: Obj, new: Obj, *, manager: str, api_version: str, replicas: Set = REPLICAS) -> list[Entry]:
    """The managedFields of the parent `new` after a write of its scale. `replicas`: where a custom resource keeps the number."""
    start = listed.stored(old)
    if not start or _count(old, replicas) == _count(new, replicas):
        return start
    who: Identity = (manager or "unknown", "Update", api_version, "scale")
    kept = [left for e in start if (left := listed.with_fields(e, difference(listed.fields_of(e), replicas))) is not None]
    kept = [e for e in kept if listed.identity(e) != who]
    return listed.in_order([*kept, listed.make(who, api_version, replicas, "")])


def scale_entries(parent: Obj, replicas: Set = REPLICAS) -> list[Entry]:
    """The managedFields of a Scale: whoever owns the parent's number owns the Scale's, in the Scale's version."""
    owning = [e for e in listed.stored(parent) if intersection(listed.fields_of(e), replicas)]
    return [{**e, "apiVersion": SCALE_VERSION, "fieldsV1": REPLICAS} for e in owning]


def parent_entries(parent: Obj, scale: Obj, api_version: str, replicas: Set = REPLICAS) -> list[Entry]:
    """The parent's managedFields after an apply of its Scale: who no longer owns the number there loses it here, who is new has no time.

    Who owns it by updates is another one there, as the version is part of who that is: the reference takes the number out of his entry and
    gives it back in one of its own.
    """
    left = {listed.identity(e): e for e in listed.stored(scale)}
    kept: list[Entry] = []
    for entry in listed.stored(parent):
        if not intersection(listed.fields_of(entry), replicas) or left.pop(listed.identity(entry), None) is not None:
            kept.append(entry)
        elif (other := listed.with_fields(entry, difference(listed.fields_of(entry), replicas))) is not None:
            kept.append(other)
    kept += [listed.make(who, api_version, replicas, "") for who, e in left.items() if intersection(listed.fields_of(e), REPLICAS)]
    return listed.in_order(kept)


def _count(obj: Obj, path: Set) -> object:
    value: object = obj
    tree = path
    while tree and isinstance(value, dict):
        element = next(iter(tree))
        value, tree = value.get(element[2:]), tree[element]
    return value
