"""What is next for a volume: available, bound, released when its claim is gone, and then kept, deleted or refused.

Called by the persistent volume controller. Deleting a volume that a provisioner made is that provisioner's work. `Recycle` is refused by
event: it was deprecated long ago and would need a pod that scrubs the volume.
Source: pkg/controller/volume/persistentvolume/pv_controller.go syncVolume, reclaimVolume.
"""

from __future__ import annotations

from wherry.api.objects import Obj, annotations_of, is_deleting, name, uid
from wherry.rules.objects.plan import NOTHING, Action, Delete, Emit, Plan, Update
from wherry.rules.storage.binding import names, steps
from wherry.rules.storage.binding.matching import same_mode
from wherry.rules.storage.binding.world import World

_OVER = ("Released", "Failed")


def plan_volume(volume: Obj, world: World) -> Plan:
    """The next write. A claim that has yet to be told of its volume is not: it is looked at by itself."""
    ref = volume["spec"].get("claimRef")
    if not ref or not ref.get("uid"):
        return _do(steps.with_phase(volume, "Available"))
    claim = world.claim(names.claim_key(volume))
    if claim is None or uid(claim) != ref["uid"]:
        return _released(volume)
    named = claim["spec"].get("volumeName")
    if not named:
        return NOTHING if same_mode(claim, volume) else _mismatch(volume, claim)
    if named == name(volume):
        return _do(steps.with_phase(volume, "Bound"))
    if names.PROVISIONED_BY in annotations_of(volume) and volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete":
        return _released(volume)
    return Plan((Update(steps.unbind(volume)),))


def _do(action: Action | None) -> Plan:
    return Plan((action,)) if action is not None else NOTHING


def _mismatch(volume: Obj, claim: Obj) -> Plan:
    to_volume = f'Cannot bind PersistentVolume to requested PersistentVolumeClaim "{name(claim)}" due to incompatible volumeMode.'
    to_claim = f'Cannot bind PersistentVolume "{name(volume)}" to requested PersistentVolumeClaim due to incompatible volumeMode.'
    return Plan((Emit(volume, "Warning", "VolumeMismatch", to_volume), Emit(claim, "Warning", "VolumeMismatch", to_claim)))


def _released(volume: Obj) -> Plan:
    if (volume.get("status") or {}).get("phase") not in _OVER:
        return _do(steps.with_phase(volume, "Released"))
    policy = volume["spec"].get("persistentVolumeReclaimPolicy")
    if policy == "Delete":
        return _delete(volume)
    if policy == "Recycle":
        return _fail(volume, "VolumeFailedRecycle", "No recycler plugin found for the volume!")
    return NOTHING


def _delete(volume: Obj) -> Plan:
    """A hostPath below /tmp that nobody provisioned is let go; nothing on any disk is touched."""
    provisioner, spec = annotations_of(volume).get(names.PROVISIONED_BY, ""), volume["spec"]
    if provisioner.startswith(names.IN_TREE):
        return _fail(volume, "VolumeFailedDelete", f"no volume plugin matched name: {provisioner}")
    if provisioner or spec.get("csi") is not None or is_deleting(volume):
        return NOTHING
    path = (spec.get("hostPath") or {}).get("path", "")
    if not path:
        why = f'error getting deleter volume plugin for volume "{name(volume)}": no deletable volume plugin matched'
        return _fail(volume, "VolumeFailedDelete", why)
    if not path.startswith("/tmp/") or path == "/tmp/":
        return _fail(volume, "VolumeFailedDelete", f"host_path deleter only supports /tmp/.+ but received provided {path}")
    return Plan((Delete(volume),))


def _fail(volume: Obj, reason: str, why: str) -> Plan:
    failed = steps.with_phase(volume, "Failed", why)
    return Plan((failed, Emit(volume, "Warning", reason, why))) if failed is not None else NOTHING
