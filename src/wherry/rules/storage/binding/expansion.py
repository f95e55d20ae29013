"""A bound claim that asks for more than it has: its volume grows, when the class allows it and the built-in provisioner made the volume.

Called by the expansion controller, again after each write. Three writes: the claim says that it is being resized, the volume is larger, the
claim has what it asked for. Volumes of others wait for a controller of theirs, by event.
Source: pkg/controller/volume/expand/expand_controller.go; KEP-1790; the external resizer's events.
"""

from __future__ import annotations

from wherry.api import quantity, timestamps
from wherry.api.objects import Obj, annotations_of, condition, name, uid
from wherry.rules.objects.conditions import updated, without
from wherry.rules.objects.plan import NOTHING, Emit, Plan, Update
from wherry.rules.storage.binding.matching import capacity
from wherry.rules.storage.binding.names import HOST_PATH_PROVISIONER, PROVISIONED_BY, class_of, requested
from wherry.rules.storage.binding.world import Find

_RESIZING = "Resizing"


def wants_more(claim: Obj) -> bool:
    status = claim.get("status") or {}
    has = (status.get("capacity") or {}).get("storage")
    return status.get("phase") == "Bound" and has is not None and quantity.compare(requested(claim), has) > 0


def plan(claim: Obj, volume: Obj | None, storage_class: Find, now: float) -> Plan:
    """The next write."""
    if not wants_more(claim) or volume is None or (volume["spec"].get("claimRef") or {}).get("uid") != uid(claim):
        return NOTHING
    if annotations_of(volume).get(PROVISIONED_BY) != HOST_PATH_PROVISIONER:
        return Plan((Emit(claim, "Normal", "ExternalExpanding", "waiting for an external controller to expand this PVC"),))
    found = storage_class(class_of(claim))
    if found is None or not found.get("allowVolumeExpansion"):
        return NOTHING  # admission lets no claim of such a class grow; the class was changed afterwards
    if condition(claim, _RESIZING) is None:
        text = f"External resizer is resizing volume {name(volume)}"
        return Plan((Update(_in_progress(claim, now), "status"), Emit(claim, "Normal", _RESIZING, text)))
    if quantity.compare(capacity(volume), requested(claim)) < 0:
        return Plan((Update({**volume, "spec": {**volume["spec"], "capacity": {"storage": requested(claim)}}}),))
    return Plan((Update(_done(claim, volume), "status"), Emit(claim, "Normal", "VolumeResizeSuccessful", "Resize volume succeeded")))


def _in_progress(claim: Obj, now: float) -> Obj:
    status = claim["status"]
    said = {"type": _RESIZING, "status": "True", "lastProbeTime": None, "lastTransitionTime": timestamps.time(now)}
    return {
        **claim,
        "status": {
            **status,
            "conditions": updated(status.get("conditions") or [], said),
            "allocatedResources": {**(status.get("allocatedResources") or {}), "storage": requested(claim)},
            "allocatedResourceStatuses": {**(status.get("allocatedResourceStatuses") or {}), "storage": "ControllerResizeInProgress"},
        },
    }


def _done(claim: Obj, volume: Obj) -> Obj:
    status = {**claim["status"], "capacity": {**claim["status"]["capacity"], "storage": capacity(volume)}}
    for field, left in (
        ("conditions", without(status.get("conditions") or [], _RESIZING)),
        ("allocatedResourceStatuses", {k: v for k, v in (status.get("allocatedResourceStatuses") or {}).items() if k != "storage"}),
    ):
        if left:
            status[field] = left
        else:
            status.pop(field, None)
    return {**claim, "status": status}
