"""A binding, one write at a time: the volume names the claim, says Bound, the claim names the volume, says Bound.

Called by the claim rule, which asks again after each write: whoever dies in between, the next look goes on where it ended, because every
step is seen in the objects. Invariant: the volume points to the claim before the claim points to the volume.
Source: pkg/controller/volume/persistentvolume/pv_controller.go bind, unbindVolume, updateClaimStatus.
"""

from __future__ import annotations

from wherry.api import quantity
from wherry.api.objects import Obj, annotations_of, name, reference, uid
from wherry.rules.objects.plan import Action, Update
from wherry.rules.storage.binding.matching import is_for
from wherry.rules.storage.binding.names import BIND_COMPLETED, BOUND_BY_CONTROLLER, annotated


def bind(volume: Obj, claim: Obj) -> Action | None:
    """The next write that binds the two, None when they are bound."""
    pointed = point_volume(volume, claim)
    if pointed is not None:
        return Update(pointed)
    phase = with_phase(volume, "Bound")
    if phase is not None:
        return phase
    completed = _point_claim(claim, volume)
    if completed is not None:
        return Update(completed)
    return claim_status(claim, "Bound", volume)


def point_volume(volume: Obj, claim: Obj) -> Obj | None:
    """The volume with the claim's full reference; None when it has it."""
    ref = volume["spec"].get("claimRef") or {}
    changed = volume
    if (ref.get("name"), ref.get("uid")) != (name(claim), uid(claim)) or not is_for(volume, claim):
        changed = {**volume, "spec": {**volume["spec"], "claimRef": reference(claim)}}
    if not is_for(volume, claim) and BOUND_BY_CONTROLLER not in annotations_of(volume):
        changed = annotated(changed, {BOUND_BY_CONTROLLER: "yes"})
    return changed if changed is not volume else None


def _point_claim(claim: Obj, volume: Obj) -> Obj | None:
    changed, notes = claim, annotations_of(claim)
    if claim["spec"].get("volumeName") != name(volume):
        changed = {**claim, "spec": {**claim["spec"], "volumeName": name(volume)}}
        if BOUND_BY_CONTROLLER not in notes:
            changed = annotated(changed, {BOUND_BY_CONTROLLER: "yes"})
    if BIND_COMPLETED not in notes:
        changed = annotated(changed, {BIND_COMPLETED: "yes"})
    return changed if changed is not claim else None


def unbind(volume: Obj) -> Obj:
    """Free again: a claim that the controller had written is taken out, one that a user had written stays, without its uid."""
    spec = volume["spec"]
    if BOUND_BY_CONTROLLER in annotations_of(volume):
        return annotated({**volume, "spec": {k: v for k, v in spec.items() if k != "claimRef"}}, {BOUND_BY_CONTROLLER: None})
    return {**volume, "spec": {**spec, "claimRef": {k: v for k, v in spec["claimRef"].items() if k != "uid"}}}


def with_phase(volume: Obj, phase: str, message: str = "") -> Action | None:
    status = volume.get("status") or {}
    if status.get("phase") == phase:
        return None
    said = {k: v for k, v in status.items() if k not in ("message", "lastPhaseTransitionTime")}
    said["phase"] = phase
    if message:
        said["message"] = message
    if "lastPhaseTransitionTime" in status:
        said["lastPhaseTransitionTime"] = status["lastPhaseTransitionTime"]
    return Update({**volume, "status": said}, "status")


def claim_status(claim: Obj, phase: str, volume: Obj | None = None) -> Action | None:
    """What a claim says of itself; capacity is that of the volume at the moment of the binding, later only expansion changes it."""
    status = claim.get("status") or {}
    said = {**status, "phase": phase}
    if volume is None:
        for field in ("accessModes", "capacity", "currentVolumeAttributesClassName"):
            said.pop(field, None)
    else:
        said["accessModes"] = volume["spec"].get("accessModes") or []
        if status.get("phase") != phase:
            said["capacity"] = _capacity(status.get("capacity"), volume["spec"].get("capacity") or {})
            if status.get("phase") == "Pending" and (attributes := volume["spec"].get("volumeAttributesClassName")):
                said["currentVolumeAttributesClassName"] = attributes
    return Update({**claim, "status": said}, "status") if said != status else None


def _capacity(said: Obj | None, offered: Obj) -> Obj:
    if said and "storage" in said and quantity.compare(said["storage"], offered.get("storage", "0")) == 0:
        return said
    return dict(offered)
