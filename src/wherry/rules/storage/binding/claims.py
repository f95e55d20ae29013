"""What is next for a claim: a volume that fits, a binding half done, a provisioner, the news that it is lost, or waiting.

Called by the persistent volume controller, again after each write, until nothing is left to write.
Source: pkg/controller/volume/persistentvolume/pv_controller.go syncUnboundClaim, syncBoundClaim, provisionClaim;
https://kubernetes.io/docs/concepts/storage/persistent-volumes/ ; KEP-3333 (default class given later).
"""

from __future__ import annotations

from wherry.api.objects import Obj, annotations_of, key, name, uid
from wherry.rules.objects.plan import NOTHING, Action, Emit, Plan, Update
from wherry.rules.storage.binding import names, steps
from wherry.rules.storage.binding.matching import best_match, is_for, unfit
from wherry.rules.storage.binding.names import annotated, class_of
from wherry.rules.storage.binding.world import World

#: seconds after which a claim that waits is looked at again, and told so again
LOOK_AGAIN = 15.0
_ENDED = ("Succeeded", "Failed")
_NONE_FITS = "no persistent volumes available for this claim and no storage class is set"
_WAITING = (
    "Waiting for a volume to be created either by the external provisioner '{}' or manually by the system administrator. "
    "If volume creation is delayed, please verify that the provisioner is running and correctly registered."
)


def plan_claim(claim: Obj, world: World) -> Plan:
    """The next write, with what is to be told."""
    if names.BIND_COMPLETED in annotations_of(claim):
        return _bound(claim, world)
    return _named(claim, world) if claim["spec"].get("volumeName") else _free(claim, world)


def _do(action: Action | None) -> Plan:
    return Plan((action,)) if action is not None else NOTHING


def _pending(claim: Obj, *told: Emit) -> Plan:
    status = steps.claim_status(claim, "Pending")
    return Plan((*told, *((status,) if status is not None else ())), LOOK_AGAIN)


# --- without a volume ---
def _free(claim: Obj, world: World) -> Plan:
    delayed = is_delayed(claim, world)
    volume = best_match(claim, world.candidates(claim), delayed=delayed)
    if volume is not None:
        return _do(steps.bind(volume, claim))
    if not names.names_a_class(claim) and (default := names.default_class(world.classes())) is not None:
        return Plan((Update({**claim, "spec": {**claim["spec"], "storageClassName": name(default)}}),))
    if delayed and names.SELECTED_NODE not in annotations_of(claim):
        return _pending(claim, _consumer_awaited(claim, world))
    if class_of(claim):
        return _provision(claim, world)
    return _pending(claim, Emit(claim, "Normal", "FailedBinding", _NONE_FITS))


def is_delayed(claim: Obj, world: World) -> bool:
    """Its class binds only when it is known where the claim is used."""
    found = world.storage_class(class_of(claim)) if class_of(claim) else None
    return found is not None and found.get("volumeBindingMode") == names.WAIT_FOR_FIRST_CONSUMER


def _consumer_awaited(claim: Obj, world: World) -> Emit:
    waiting = [
        name(pod)
        for pod in world.pods_of(key(claim))
        if not pod["spec"].get("nodeName") and (pod.get("status") or {}).get("phase") not in _ENDED
    ]
    if not waiting:
        return Emit(claim, "Normal", "WaitForFirstConsumer", "waiting for first consumer to be created before binding")
    who = f"pods {','.join(waiting)}" if len(waiting) > 1 else f"pod {waiting[0]}"
    return Emit(claim, "Normal", "WaitForPodScheduled", f"waiting for {who} to be scheduled")


def _provision(claim: Obj, world: World) -> Plan:
    """Leave word for the provisioner of the claim's class."""
    wanted = class_of(claim)
    found = world.storage_class(wanted)
    if found is None:
        return _failed(claim, f'storageclass.storage.k8s.io "{wanted}" not found')
    provisioner = found["provisioner"]
    if provisioner.startswith(names.IN_TREE):
        return _failed(claim, f"no volume plugin matched name: {provisioner}")
    notes = annotations_of(claim)
    if notes.get(names.STORAGE_PROVISIONER) != provisioner or notes.get(names.BETA_STORAGE_PROVISIONER) != provisioner:
        told: dict[str, str | None] = {names.BETA_STORAGE_PROVISIONER: provisioner, names.STORAGE_PROVISIONER: provisioner}
        return Plan((Update(annotated(claim, told)),))
    return Plan((Emit(claim, "Normal", "ExternalProvisioning", _WAITING.format(provisioner)),), LOOK_AGAIN)


def _failed(claim: Obj, why: str) -> Plan:
    return Plan((Emit(claim, "Warning", "ProvisioningFailed", why),), LOOK_AGAIN)


# --- with the name of a volume, not bound yet ---
def _named(claim: Obj, world: World) -> Plan:
    volume = world.volume(claim["spec"]["volumeName"])
    if volume is None:
        return _pending(claim)
    if not volume["spec"].get("claimRef"):
        why = unfit(volume, claim)
        if why:
            text = f'Cannot bind to requested volume "{name(volume)}": {why}'
            return _pending(claim, Emit(claim, "Warning", "VolumeMismatch", text))
        return _do(steps.bind(volume, claim))
    if is_for(volume, claim):
        return _do(steps.bind(volume, claim))
    text = f'volume "{name(volume)}" already bound to a different claim.'
    return _pending(claim, Emit(claim, "Warning", "FailedBinding", text))


# --- bound before ---
def _bound(claim: Obj, world: World) -> Plan:
    named = claim["spec"].get("volumeName")
    if not named:
        return _lost(claim, "ClaimLost", "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!")
    volume = world.volume(named)
    if volume is None:
        return _lost(claim, "ClaimLost", "Bound claim has lost its PersistentVolume. Data on the volume is lost!")
    ref = volume["spec"].get("claimRef")
    if not ref or ref.get("uid") == uid(claim):
        return _do(steps.bind(volume, claim))
    return _lost(claim, "ClaimMisbound", "Two claims are bound to the same volume, this one is bound incorrectly")


def _lost(claim: Obj, reason: str, text: str) -> Plan:
    if (claim.get("status") or {}).get("phase") == "Lost":
        return NOTHING
    status = steps.claim_status(claim, "Lost")
    return Plan((*((status,) if status is not None else ()), Emit(claim, "Warning", reason, text)))
