"""Objects of a real cluster made fit to stand in a private one: pure functions, used by `live` and `manifests`.

What belongs to parts that a rehearsal does not have goes: finalizers nobody would take away, owners that are not there (the garbage
collector would delete what they own), the bookkeeping of field managers. Everything that a controller or the scheduler reads stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wherry.api.objects import Obj, annotations_of, controller_of

_DROPPED = ("managedFields", "finalizers", "resourceVersion", "selfLink")
#: of a pod that only takes room: what the scheduler, budgets and taints look at
_ROOM = (
    "nodeName",
    "affinity",
    "tolerations",
    "topologySpreadConstraints",
    "priority",
    "preemptionPolicy",
    "overhead",
    "hostNetwork",
    "schedulerName",
    "terminationGracePeriodSeconds",
    "restartPolicy",
    "resources",
    "nodeSelector",
    "serviceAccountName",
)
_CONTAINER = ("name", "image", "resources", "ports", "restartPolicy")
#: of pods that a node keeps by itself; here of those of DaemonSets too: a drain leaves both
MIRROR = "kubernetes.io/config.mirror"
#: what a container's status says when its image does not come
_NO_IMAGE = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")


def held(obj: Obj, *, owned: bool = False) -> Obj:
    """The object as it is stored; `owned`: its owner is in the world too."""
    dropped = _DROPPED if owned else (*_DROPPED, "ownerReferences")
    return {**obj, "metadata": {k: v for k, v in obj["metadata"].items() if k not in dropped}}


def standing(pod: Obj, nodes: Mapping[str, str]) -> Obj:
    """A pod of somebody else, reduced to the room it takes. `nodes`: uids by name.

    Its owner is not there, so it is owned by its node, as static pods are: nobody adopts it, and nobody collects it.
    """
    spec, meta = pod["spec"], pod["metadata"]
    kept = {k: spec[k] for k in _ROOM if k in spec}
    for name in ("containers", "initContainers"):
        if spec.get(name):
            kept[name] = [{k: c[k] for k in _CONTAINER if k in c} for c in spec[name]]
    status = pod.get("status") or {}
    known = {k: status[k] for k in ("phase", "conditions", "qosClass", "startTime", "podIP", "podIPs") if k in status}
    named = {k: v for k, v in meta.items() if k not in _DROPPED and k != "annotations"}
    node = spec.get("nodeName", "")
    named["ownerReferences"] = [{"apiVersion": "v1", "kind": "Node", "name": node, "uid": nodes.get(node, ""), "controller": True}]
    if MIRROR in annotations_of(pod) or (controller_of(pod) or {}).get("kind") == "DaemonSet":
        named["annotations"] = {MIRROR: ""}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": named, "spec": kept, "status": known}


def is_over(pod: Obj) -> bool:
    """It takes no room any more."""
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def is_ready(node: Obj) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in (node.get("status") or {}).get("conditions") or ())


def missing_images(pods: Sequence[Obj]) -> tuple[str, ...]:
    """Images that the pods wait for in vain."""
    found: dict[str, None] = {}
    for pod in pods:
        images = {c["name"]: c.get("image", "") for name in ("initContainers", "containers") for c in pod["spec"].get(name) or ()}
        status = pod.get("status") or {}
        for said in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
            if ((said.get("state") or {}).get("waiting") or {}).get("reason") in _NO_IMAGE and images.get(said["name"]):
                found[images[said["name"]]] = None
    return tuple(found)


def namespace(name: str) -> Obj:
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    }


def account(name: str, namespace: str) -> Obj:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}}


def stored(obj: Obj, uid: str, created: str) -> Obj:
    """With the metadata that every stored object has, for those that were made up."""
    return {**obj, "metadata": {"uid": uid, "creationTimestamp": created, **obj["metadata"]}}
