"""Which volume a claim gets: the smallest that is large enough, of its class, mode and access modes; one that was reserved for it first.

Called by the claim rule (without a node: claims bound at once) and by the scheduler's VolumeBinding (with one: claims that wait for
their first consumer).
Source: k8s.io/component-helpers/storage/volume FindMatchingVolume; pkg/controller/volume/persistentvolume/index.go.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from wherry.api import quantity
from wherry.api.objects import Obj, is_deleting, labels, name, namespace, uid
from wherry.rules.objects import selectors
from wherry.rules.pods import node_affinity
from wherry.rules.storage.binding.names import class_of, requested

#: the order in which access modes are listed
_MODES = ("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod")


def is_for(volume: Obj, claim: Obj) -> bool:
    """The volume's claimRef means this claim: by name, and by uid when it has one."""
    ref = volume["spec"].get("claimRef")
    if not ref or ref.get("name") != name(claim) or ref.get("namespace") != namespace(claim):
        return False
    return not ref.get("uid") or ref["uid"] == uid(claim)


def same_mode(claim: Obj, volume: Obj) -> bool:
    return (claim["spec"].get("volumeMode") or "Filesystem") == (volume["spec"].get("volumeMode") or "Filesystem")


def has_access_modes(claim: Obj, volume: Obj) -> bool:
    return set(claim["spec"].get("accessModes") or ()) <= set(volume["spec"].get("accessModes") or ())


def capacity(volume: Obj) -> str:
    return (volume["spec"].get("capacity") or {}).get("storage") or "0"


def _attributes_class(obj: Obj) -> str:
    return obj["spec"].get("volumeAttributesClassName") or ""


def unfit(volume: Obj, claim: Obj) -> str:
    """Why a volume that the claim names cannot be its own, "" when it can."""
    if is_deleting(volume):
        return f'the volume is marked for deletion "{name(volume)}"'
    if quantity.to_int(capacity(volume)) < quantity.to_int(requested(claim)):
        return "requested PV is too small"
    if class_of(volume) != class_of(claim):
        return "storageClassName does not match"
    if _attributes_class(volume) != _attributes_class(claim):
        return "volumeAttributesClassName does not match"
    if not same_mode(claim, volume):
        return "incompatible volumeMode"
    return "" if has_access_modes(claim, volume) else "incompatible accessMode"


def on_node(volume: Obj, node: Obj) -> bool:
    """The volume can be reached from the node."""
    required = (volume["spec"].get("nodeAffinity") or {}).get("required")
    return required is None or any(node_affinity.matches_term(term, node) for term in required.get("nodeSelectorTerms") or ())


def best_match(claim: Obj, volumes: Iterable[Obj], *, delayed: bool) -> Obj | None:
    """The volume to bind without asking where the claim will be used. `delayed`: only one that was reserved for it.

    Volumes with few access modes are looked at first, so that the versatile ones are left for claims that need them.
    """
    wanted = set(claim["spec"].get("accessModes") or ())
    groups: dict[tuple[str, ...], list[Obj]] = {}
    for volume in volumes:
        has = volume["spec"].get("accessModes") or ()
        if wanted <= set(has):
            groups.setdefault(tuple(m for m in _MODES if m in has), []).append(volume)
    for modes in sorted(groups, key=lambda m: (len(m), m)):
        found = matching(claim, groups[modes], delayed=delayed)
        if found is not None:
            return found
    return None


def matching(
    claim: Obj, volumes: Sequence[Obj], *, node: Obj | None = None, taken: Collection[str] = (), delayed: bool = False
) -> Obj | None:
    """The smallest of these volumes that will do, the first by name of equal ones. `taken`: names that are out of the question."""
    size = quantity.nano(requested(claim))
    selector = selectors.from_label_selector(claim["spec"]["selector"]) if claim["spec"].get("selector") else None
    best: tuple[int, str] | None = None
    chosen: Obj | None = None
    for volume in volumes:
        if not _could_do(volume, claim, size, taken):
            continue
        reachable = node is None or on_node(volume, node)
        if is_for(volume, claim):
            return volume if reachable else None
        if (node is None and delayed) or not reachable or not _is_free(volume, claim):
            continue
        if (selector is not None and not selector.matches(labels(volume))) or (node is not None and not has_access_modes(claim, volume)):
            continue
        rank = (quantity.nano(capacity(volume)), name(volume))
        if best is None or rank < best:
            best, chosen = rank, volume
    return chosen


def _could_do(volume: Obj, claim: Obj, size: int, taken: Collection[str]) -> bool:
    if name(volume) in taken or (volume["spec"].get("claimRef") and not is_for(volume, claim)):
        return False
    if quantity.nano(capacity(volume)) < size or not same_mode(claim, volume):
        return False
    return _attributes_class(volume) == _attributes_class(claim) and not is_deleting(volume)


def _is_free(volume: Obj, claim: Obj) -> bool:
    return (volume.get("status") or {}).get("phase") == "Available" and class_of(volume) == class_of(claim)
