"""Garbage collection: what becomes of an object whose owners are gone or going, and of an owner that waits for its dependents.

Called by `wherry.controllers.garbage` for one object at a time, with its owners looked up and its dependents at hand; out come patches and
whether to delete. An object is deleted when none of its owners is solid. Owners are known by their uid; a reference by the right name
with another uid is dangling.
Source: pkg/controller/garbagecollector/garbagecollector.go (attemptToDeleteItem, processDeletingDependentsItem, orphanDependents);
https://kubernetes.io/docs/concepts/architecture/garbage-collection/.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from wherry.api.objects import Obj, is_deleting, uid
from wherry.api.options import MERGE_PATCH
from wherry.api.resources import TABLE
from wherry.rules.objects.deletion import FOREGROUND, ORPHAN
from wherry.rules.objects.plan import Patch


class Owners(NamedTuple):
    """The owner references of an object. solid: the owner exists; dangling: it does not; waiting: it waits for its dependents to go."""

    solid: tuple[Obj, ...] = ()
    dangling: tuple[Obj, ...] = ()
    waiting: tuple[Obj, ...] = ()


class Verdict(NamedTuple):
    """First the patches, then, if `delete` names a propagation policy, the deletion."""

    patches: tuple[Patch, ...] = ()
    delete: str = ""


KEEP = Verdict()


def references(obj: Obj) -> list[Obj]:
    return obj["metadata"].get("ownerReferences") or []


def has_finalizer(obj: Obj, finalizer: str) -> bool:
    return finalizer in (obj["metadata"].get("finalizers") or ())


def waits_for_dependents(obj: Obj) -> bool:
    """It is being deleted in the foreground: it goes after those of its dependents that block it."""
    return is_deleting(obj) and has_finalizer(obj, FOREGROUND)


def orphans_dependents(obj: Obj) -> bool:
    return is_deleting(obj) and has_finalizer(obj, ORPHAN)


def classify(refs: Iterable[Obj], owners: Mapping[str, Obj | None]) -> Owners:
    """`owners`: what was found for each reference, by uid; None where there is none, or one with another uid."""
    solid: list[Obj] = []
    dangling: list[Obj] = []
    waiting: list[Obj] = []
    for ref in refs:
        owner = owners.get(ref["uid"])
        kind = dangling if owner is None else waiting if waits_for_dependents(owner) else solid
        kind.append(ref)
    return Owners(tuple(solid), tuple(dangling), tuple(waiting))


def judge(item: Obj, owners: Owners, dependents: Sequence[Obj]) -> Verdict:
    """What to do about an object that is not being deleted and has owner references."""
    if owners.solid:
        lost = {ref["uid"] for ref in (*owners.dangling, *owners.waiting)}
        return Verdict((without_owners(item, lost),)) if lost else KEEP
    if owners.waiting and dependents:
        # owners that wait for this one, while a dependent of it waits in turn: a circle would never end
        circle = any(waits_for_dependents(each) for each in dependents)
        return Verdict((_unblocked(item),) if circle else (), "Foreground")
    if has_finalizer(item, ORPHAN):
        return Verdict(delete="Orphan")
    return Verdict(delete="Foreground" if has_finalizer(item, FOREGROUND) else "Background")


def blocking(owner: Obj, dependents: Iterable[Obj]) -> list[Obj]:
    """The dependents that hold up the foreground deletion of `owner`."""
    own = uid(owner)
    return [d for d in dependents if any(r["uid"] == own and r.get("blockOwnerDeletion") for r in references(d))]


def without_finalizer(obj: Obj, finalizer: str) -> Patch:
    meta = obj["metadata"]
    rest = [f for f in meta.get("finalizers") or () if f != finalizer]
    return Patch(obj, {"metadata": {"resourceVersion": meta["resourceVersion"], "finalizers": rest or None}}, MERGE_PATCH)


def without_owners(obj: Obj, uids: Iterable[str]) -> Patch:
    """Take away the references to those owners; the uid in the patch makes sure that it hits this object and no namesake."""
    if _is_built_in(obj):
        refs = [{"$patch": "delete", "uid": each} for each in sorted(uids)]
        return Patch(obj, {"metadata": {"uid": uid(obj), "ownerReferences": refs}})
    gone = set(uids)
    return _replaced(obj, [ref for ref in references(obj) if ref["uid"] not in gone])


def _unblocked(obj: Obj) -> Patch:
    """No owner's deletion waits for this object any more."""
    if _is_built_in(obj):
        refs = [{**ref, "blockOwnerDeletion": False} for ref in references(obj) if ref.get("blockOwnerDeletion")]
        return Patch(obj, {"metadata": {"uid": uid(obj), "ownerReferences": refs}})
    return _replaced(obj, [{**ref, "blockOwnerDeletion": False} for ref in references(obj)])


def _replaced(obj: Obj, refs: list[Obj]) -> Patch:
    """Custom objects have no strategic merge patch: the whole list, at this version."""
    return Patch(obj, {"metadata": {"resourceVersion": obj["metadata"]["resourceVersion"], "ownerReferences": refs or None}}, MERGE_PATCH)


def _is_built_in(obj: Obj) -> bool:
    return TABLE.by_kind(obj["apiVersion"], obj["kind"]) is not None


def released(old: Obj, new: Obj) -> list[str]:
    """The uids of owners whose deletion `old` blocked and `new` does not."""
    still = {ref["uid"] for ref in references(new) if ref.get("blockOwnerDeletion")}
    return [ref["uid"] for ref in references(old) if ref.get("blockOwnerDeletion") and ref["uid"] not in still]


def added(old: Obj | None, new: Obj) -> list[Obj]:
    """The references that are new."""
    before = {ref["uid"] for ref in references(old)} if old is not None else ()
    return [ref for ref in references(new) if ref["uid"] not in before]


def starts_to(test: str, old: Obj | None, new: Obj) -> bool:
    """`new` is being deleted with the finalizer `test`, and `old` was not."""
    return is_deleting(new) and has_finalizer(new, test) and not (old is not None and is_deleting(old) and has_finalizer(old, test))


def fits(ref: Obj, item: Obj, owner: Obj) -> bool:
    """The reference says what its owner is: kind, name, and a namespace in which it can be (its own, or none)."""
    return in_reach(item, owner) and all(ref.get(k) == v for k, v in (
        ("apiVersion", owner["apiVersion"]), ("kind", owner["kind"]), ("name", owner["metadata"]["name"])))


def in_reach(item: Obj, owner: Obj) -> bool:
    """An owner in a namespace owns within that namespace only; a cluster-scoped one owns anywhere."""
    within = owner["metadata"].get("namespace", "")
    return not within or within == item["metadata"].get("namespace", "")


def out_of_reach_message(ref: Obj, namespace: str) -> str:
    shown = (f"[{ref.get('apiVersion', '')}/{ref.get('kind', '')}, namespace: {namespace}, name: {ref.get('name', '')}, uid: {ref['uid']}]")
    return f'ownerRef {shown} does not exist in namespace "{namespace}"'
