"""The claims of a StatefulSet's pods: one for each volume claim template and ordinal, by name, and the pod's volumes that use them.

Called by `pod` (new pods), `replicas` (missing claims, pods whose volumes do not fit) and `events`. Claims outlive their pods: the next
pod of the ordinal finds its own again.
Source of the rule: pkg/controller/statefulset getPersistentVolumeClaims, updateStorage, storageMatches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from wherry.api import objects
from wherry.api.objects import Obj

#: the claim of that name in the StatefulSet's namespace, None when there is none
Lookup = Callable[[str], Obj | None]


def templates(stateful_set: Obj) -> list[Obj]:
    return stateful_set["spec"].get("volumeClaimTemplates") or []


def claim_name(template: Obj, pod_name: str) -> str:
    return f"{objects.name(template)}-{pod_name}"


def claim_names(stateful_set: Obj, pod_name: str) -> Iterator[str]:
    for template in templates(stateful_set):
        yield claim_name(template, pod_name)


def pod_of_claim(stateful_set: Obj, name: str) -> str:
    """The name of the pod that a claim is for."""
    for template in templates(stateful_set):
        pod = name.removeprefix(f"{objects.name(template)}-")
        if pod != name and pod.startswith(f"{objects.name(stateful_set)}-"):
            return pod
    return ""


def _claim(stateful_set: Obj, template: Obj, pod_name: str) -> Obj:
    selected = (stateful_set["spec"].get("selector") or {}).get("matchLabels") or {}
    given = {k: v for k, v in template["metadata"].items() if v is not None}
    metadata: dict[str, Any] = {**given, "name": claim_name(template, pod_name), "namespace": objects.namespace(stateful_set)}
    if labels := {**objects.labels(template), **selected}:
        metadata["labels"] = labels
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": template["spec"]}


def missing(stateful_set: Obj, pod_name: str, find: Lookup) -> list[Obj]:
    """The claims of the pod that are to be created."""
    return [_claim(stateful_set, t, pod_name) for t in templates(stateful_set) if find(claim_name(t, pod_name)) is None]


def leaving(stateful_set: Obj, pod_name: str, find: Lookup) -> list[str]:
    """What stands in the way: claims of the pod that are being deleted."""
    found = (find(name) for name in claim_names(stateful_set, pod_name))
    return [f"pvc {objects.name(claim)} is being deleted" for claim in found if claim is not None and objects.is_deleting(claim)]


def volumes(stateful_set: Obj, pod_name: str, given: list[Obj]) -> list[Obj]:
    """A volume for each claim, then those of the template that no claim replaces."""
    own = [{"name": objects.name(t), "persistentVolumeClaim": {"claimName": claim_name(t, pod_name)}} for t in templates(stateful_set)]
    taken = {volume["name"] for volume in own}
    return [*own, *(volume for volume in given if volume["name"] not in taken)]


def fits(stateful_set: Obj, pod: Obj) -> bool:
    """The pod's volumes use its claims."""
    wanted = templates(stateful_set)
    if not wanted:
        return True
    used = {v["name"]: (v.get("persistentVolumeClaim") or {}).get("claimName") for v in pod["spec"].get("volumes") or ()}
    return all(used.get(objects.name(t)) == claim_name(t, objects.name(pod)) for t in wanted)
