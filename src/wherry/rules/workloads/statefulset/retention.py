"""What happens to a claim when its pod or its StatefulSet goes: owner references, which the garbage collector then follows.

Called by `replicas` and `condemned` with the claims of a pod. The policy says for each claim whether the set, the pod that is scaled away,
or nobody owns it. References to an earlier set or pod of the same name, and other controllers, are left alone.
Source of the rule: KEP-1847; pkg/controller/statefulset isClaimOwnerUpToDate, updateClaimOwnerRefForSetAndPod, PodClaimIsStale.
"""

from __future__ import annotations

from collections.abc import Iterator

from wherry.api import objects
from wherry.api.objects import Obj
from wherry.rules.objects.plan import Action, Emit, Update
from wherry.rules.workloads.statefulset import identity, storage
from wherry.rules.workloads.statefulset.storage import Lookup

_CONFLICT = (
    "PersistentVolumeClaim {} has a conflicting OwnerReference that acts as a manging controller, "
    "the retention policy is ignored for this claim"
)


def _policy(stateful_set: Obj) -> tuple[bool, bool]:
    """(delete when the set is deleted, delete when scaled down)."""
    policy = stateful_set["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
    return policy.get("whenDeleted") == "Delete", policy.get("whenScaled") == "Delete"


def _refs(claim: Obj) -> list[Obj]:
    return claim["metadata"].get("ownerReferences") or []


def _names(ref: Obj, owner: Obj) -> bool:
    """The reference is to an object of that kind and name."""
    return (ref["apiVersion"], ref["kind"], ref["name"]) == (owner["apiVersion"], owner["kind"], objects.name(owner))


def _is_stale(claim: Obj, owner: Obj) -> bool:
    """The claim belongs to an earlier object of the same name."""
    ref = next((ref for ref in _refs(claim) if _names(ref, owner)), None)
    return ref is not None and ref["uid"] != objects.uid(owner)


def _has(claim: Obj, owner: Obj) -> bool:
    return any(ref["uid"] == objects.uid(owner) for ref in _refs(claim))


def _has_other_controller(stateful_set: Obj, pod: Obj, claim: Obj) -> bool:
    if not any(_policy(stateful_set)):
        return False  # nothing is done to claims, so anyone may manage them
    for ref in _refs(claim):
        owner = next((o for o in (stateful_set, pod) if _names(ref, o)), None)
        if owner is None:
            if ref.get("controller"):
                return True
        elif ref["uid"] != objects.uid(owner):
            return True
    return False


def _wanted_owner(stateful_set: Obj, pod: Obj) -> Obj | None:
    when_deleted, when_scaled = _policy(stateful_set)
    ordinal = identity.ordinal_of(objects.name(stateful_set), objects.name(pod))
    if when_scaled and ordinal not in identity.ordinals(stateful_set):
        return pod
    return stateful_set if when_deleted else None


def _is_up_to_date(stateful_set: Obj, pod: Obj, claim: Obj) -> bool:
    if _is_stale(claim, stateful_set) or _is_stale(claim, pod):
        return True
    owned = [owner for owner in (stateful_set, pod) if _has(claim, owner)]
    if _has_other_controller(stateful_set, pod, claim):
        return not owned
    uids = {objects.uid(owner) for owner in owned}
    if any(ref["uid"] in uids and not ref.get("controller") for ref in _refs(claim)):
        return False
    wanted = _wanted_owner(stateful_set, pod)
    return owned == ([] if wanted is None else [wanted])


def _corrected(stateful_set: Obj, pod: Obj, claim: Obj) -> Obj:
    refs = [ref for ref in _refs(claim) if not _names(ref, stateful_set) and not _names(ref, pod)]
    wanted = None if _has_other_controller(stateful_set, pod, claim) else _wanted_owner(stateful_set, pod)
    if wanted is not None:
        refs.append(objects.controller_ref(wanted))
    return objects.with_metadata(claim, ownerReferences=refs or None)


def _claims(stateful_set: Obj, pod: Obj, find: Lookup) -> Iterator[Obj]:
    if not storage.templates(stateful_set):
        return
    for name in storage.claim_names(stateful_set, objects.name(pod)):
        if (claim := find(name)) is not None:
            yield claim


def corrections(stateful_set: Obj, pod: Obj, find: Lookup) -> list[Action]:
    """The writes that give the pod's claims the owners that the policy wants, and a warning where another controller has one."""
    actions: list[Action] = []
    for claim in _claims(stateful_set, pod, find):
        if _has_other_controller(stateful_set, pod, claim):
            actions.append(Emit(stateful_set, "Warning", "ConflictingController", _CONFLICT.format(objects.name(claim))))
        if not _is_up_to_date(stateful_set, pod, claim):
            actions.append(Update(_corrected(stateful_set, pod, claim)))
    return actions


def is_satisfied(stateful_set: Obj, pod: Obj, find: Lookup) -> bool:
    return all(_is_up_to_date(stateful_set, pod, claim) for claim in _claims(stateful_set, pod, find))


def is_doomed(stateful_set: Obj, new_pod: Obj, find: Lookup) -> bool:
    """A claim of the pod to come belongs to the pod that was scaled away: it will be deleted, and until then no pod may use it."""
    _, when_scaled = _policy(stateful_set)
    return when_scaled and any(_is_stale(claim, new_pod) for claim in _claims(stateful_set, new_pod, find))
