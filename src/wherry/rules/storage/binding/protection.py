"""Claims and volumes that are in use stay: a finalizer holds them until no pod uses the claim, no claim has the volume.

Called by the two protection controllers. Admission sets the finalizers on new objects; here they are added to old ones, and taken off.
Source: pkg/controller/volume/pvcprotection, pvprotection; https://kubernetes.io/docs/concepts/storage/persistent-volumes/#storage-object-in-use-protection
"""

from __future__ import annotations

from collections.abc import Iterable

from wherry.api.objects import Obj, is_deleting, name, uid, with_metadata
from wherry.rules.objects.plan import NOTHING, Plan, Update
from wherry.rules.storage.binding.names import CLAIM_PROTECTION, VOLUME_PROTECTION


def plan_claim(claim: Obj, pods: Iterable[Obj]) -> Plan:
    """`pods`: those that name the claim."""
    return _plan(claim, CLAIM_PROTECTION, in_use=any(_uses(pod, claim) for pod in pods))


def plan_volume(volume: Obj) -> Plan:
    return _plan(volume, VOLUME_PROTECTION, in_use=(volume.get("status") or {}).get("phase") == "Bound")


def _plan(obj: Obj, finalizer: str, *, in_use: bool) -> Plan:
    held = obj["metadata"].get("finalizers") or []
    if is_deleting(obj):
        if finalizer not in held or in_use:
            return NOTHING
        return Plan((Update(with_metadata(obj, finalizers=[f for f in held if f != finalizer] or None)),))
    return NOTHING if finalizer in held else Plan((Update(with_metadata(obj, finalizers=[*held, finalizer])),))


def _uses(pod: Obj, claim: Obj) -> bool:
    """A pod that has a node uses the claim, ended or not; with a claim of its own only until it is shut down."""
    if not pod["spec"].get("nodeName"):
        return False
    for volume in pod["spec"].get("volumes") or ():
        if (volume.get("persistentVolumeClaim") or {}).get("claimName") == name(claim):
            return True
        if volume.get("ephemeral") is not None and f"{name(pod)}-{volume['name']}" == name(claim) and not _is_shut_down(pod):
            return any(ref.get("uid") == uid(pod) for ref in claim["metadata"].get("ownerReferences") or ())
    return False


def _is_shut_down(pod: Obj) -> bool:
    return is_deleting(pod) and not pod["metadata"].get("deletionGracePeriodSeconds")
