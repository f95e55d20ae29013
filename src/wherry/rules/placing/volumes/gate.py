"""What is asked before any node is looked at: are the pod's claims there, and may they be used at all?

Called by `decide` for every pod; a pod without claims costs one look at its volumes. An answer refuses the pod on all nodes.
Source of the rules and of the texts: the PreFilter of pkg/scheduler/framework/plugins volumerestrictions, volumebinding, volumezone.
"""

from __future__ import annotations

from wherry.api.objects import Obj, is_controlled_by, is_deleting, name, namespace
from wherry.rules.placing.scheduling.plugin import Rejection
from wherry.rules.placing.volumes.world import VolumeWorld, pod_claims

_UNBOUND = "pod has unbound immediate PersistentVolumeClaims"


ALL = frozenset(("VolumeRestrictions", "VolumeBinding"))


def refusal(pod: Obj, world: VolumeWorld | None, asked: frozenset[str] = ALL) -> Rejection | None:
    """Why no node will do, None when nodes may be looked at. `asked`: the plug-ins that have a say."""
    volumes = pod["spec"].get("volumes")
    if world is None or not volumes or not asked:
        return None
    found = False
    for volume in volumes:
        if "persistentVolumeClaim" in volume or "ephemeral" in volume:
            found = True
            refused = _missing(pod, volume, world) or _unusable(pod, volume, world)
            if refused is not None and refused.plugin in asked:
                return refused
    if found and "VolumeBinding" in asked and pod_claims(pod, world).immediate:
        return Rejection("VolumeBinding", (_UNBOUND,))
    return None


def _missing(pod: Obj, volume: Obj, world: VolumeWorld) -> Rejection | None:
    source = volume.get("persistentVolumeClaim")
    if source is not None:
        if world.claim(f"{namespace(pod)}/{source['claimName']}") is None:
            return Rejection("VolumeRestrictions", (f'persistentvolumeclaim "{source["claimName"]}" not found',))
        return None
    wanted = f"{name(pod)}-{volume['name']}"
    if world.claim(f"{namespace(pod)}/{wanted}") is None:
        text = f'waiting for ephemeral volume controller to create the persistentvolumeclaim "{wanted}"'
        return Rejection("VolumeBinding", (text,))
    return None


def _unusable(pod: Obj, volume: Obj, world: VolumeWorld) -> Rejection | None:
    source = volume.get("persistentVolumeClaim")
    wanted = source["claimName"] if source is not None else f"{name(pod)}-{volume['name']}"
    claim = world.claim(f"{namespace(pod)}/{wanted}")
    if claim is None:
        return None
    why = ""
    if (claim.get("status") or {}).get("phase") == "Lost":
        why = f'persistentvolumeclaim "{wanted}" bound to non-existent persistentvolume "{claim["spec"].get("volumeName", "")}"'
    elif is_deleting(claim):
        why = f'persistentvolumeclaim "{wanted}" is being deleted'
    elif source is None and not is_controlled_by(claim, pod):
        why = f"PVC {namespace(claim)}/{wanted} was not created for pod {namespace(pod)}/{name(pod)} (pod is not owner)"
    return Rejection("VolumeBinding", (why,)) if why else None
