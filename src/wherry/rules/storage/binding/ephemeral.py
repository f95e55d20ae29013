"""Generic ephemeral volumes: the claims that come with a pod and go with it.

Called by the ephemeral volume controller. A claim of that name that is not the pod's own is left alone, and the pod told.
Source: pkg/controller/volume/ephemeral; https://kubernetes.io/docs/concepts/storage/ephemeral-volumes/#generic-ephemeral-volumes
"""

from __future__ import annotations

from typing import Any

from wherry.api.objects import Obj, controller_ref, is_controlled_by, is_deleting, name, namespace
from wherry.rules.objects.plan import NOTHING, Action, Create, Emit, Plan
from wherry.rules.storage.binding.world import Find


def has_ephemeral(pod: Obj) -> bool:
    return any(volume.get("ephemeral") is not None for volume in pod["spec"].get("volumes") or ())


def plan(pod: Obj, find: Find) -> Plan:
    """The claims that are missing."""
    if is_deleting(pod):
        return NOTHING
    actions: list[Action] = []
    for volume in pod["spec"].get("volumes") or ():
        if (source := volume.get("ephemeral")) is None:
            continue
        called = f"{name(pod)}-{volume['name']}"
        claim = find(f"{namespace(pod)}/{called}")
        if claim is None:
            actions.append(Create(_claim(pod, called, source["volumeClaimTemplate"])))
        elif not is_controlled_by(claim, pod):
            why = f"PVC {namespace(pod)}/{called} was not created for pod {namespace(pod)}/{name(pod)} (pod is not owner)"
            actions.append(Emit(pod, "Warning", "FailedBinding", f"ephemeral volume {volume['name']}: {why}"))
    return Plan(tuple(actions))


def failed(pod: Obj, claim: Obj, why: str) -> Plan:
    """The claim could not be made."""
    called = name(claim)
    volume = called.removeprefix(f"{name(pod)}-")
    return Plan((Emit(pod, "Warning", "FailedBinding", f"ephemeral volume {volume}: create PVC {called}: {why}"),))


def _claim(pod: Obj, called: str, template: Obj) -> Obj:
    given = template.get("metadata") or {}
    metadata: dict[str, Any] = {"name": called, "namespace": namespace(pod), "ownerReferences": [controller_ref(pod)]}
    metadata |= {k: given[k] for k in ("labels", "annotations") if given.get(k)}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": template["spec"]}
