"""Static pods: what a manifest in the node's folder comes to, and the mirror pod that shows it in the API.

Called by the node when the folder changes, and wherever a pod's own identity is asked for: a mirror pod stands for the static pod of its
annotation, also when it was deleted and made anew. Invariant: an equal manifest of an equal node has an equal identity.
Source of the rule: pkg/kubelet/config (common.go applyDefaults, file.go), pkg/kubelet/pod/mirror_client.go;
https://kubernetes.io/docs/tasks/configure-pod-container/static-pod/.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from wherry.api.objects import Obj, annotations_of, uid

MIRROR, HASH = "kubernetes.io/config.mirror", "kubernetes.io/config.hash"
SOURCE, SEEN = "kubernetes.io/config.source", "kubernetes.io/config.seen"
_NEEDS_API = ("configMap", "secret", "projected", "persistentVolumeClaim", "ephemeral")


class NotStatic(ValueError):
    """str() is why a manifest is no static pod."""


def pod_id(pod: Obj) -> str:
    """What the node knows a pod by: its uid, or the identity of the static pod that it mirrors."""
    mirrored: str = (pod["metadata"].get("annotations") or {}).get(MIRROR, "")
    return mirrored or uid(pod)


def of_manifest(content: Any, path: str, node: str) -> Obj:
    """The mirror pod to create, without its owner. `path`: of the file. Raises NotStatic."""
    if not isinstance(content, dict) or content.get("kind") != "Pod" or content.get("apiVersion") != "v1":
        raise NotStatic("a static pod is a Pod of v1")
    spec, meta = content.get("spec"), content.get("metadata")
    if not isinstance(spec, dict) or not isinstance(meta, dict) or not isinstance(meta.get("name"), str):
        raise NotStatic("it has no spec, or no name")
    _refuse(spec)
    text = msgspec.json.encode(content, order="sorted") + f"host:{node}file:{path}".encode()
    identity = meta.get("uid") or hashlib.sha256(text).hexdigest()[:32]
    tolerations = [each for each in spec.get("tolerations") or () if each != _STAYS]
    told = {**annotations_of(content), HASH: identity, MIRROR: identity, SOURCE: "file"}
    own = {**meta, "name": f"{meta['name']}-{node.lower()}", "namespace": meta.get("namespace") or "default", "annotations": told}
    own.pop("uid", None)
    return {**content, "metadata": own, "spec": {**spec, "nodeName": node, "tolerations": [*tolerations, _STAYS]}}


#: static pods stay on a node that is not well
_STAYS: Obj = {"operator": "Exists", "effect": "NoExecute"}


def _refuse(spec: Obj) -> None:
    for volume in spec.get("volumes") or ():
        for kind in _NEEDS_API:
            if kind in volume:
                raise NotStatic(f"static pods may not use volumes of kind {kind}")
    if spec.get("serviceAccountName"):
        raise NotStatic("static pods may not use a service account")
    if spec.get("resourceClaims"):
        raise NotStatic("static pods may not use ResourceClaims")


def owned(mirror: Obj, node: Obj, seen: str) -> Obj:
    """By its node; `seen`: when the node first saw it."""
    meta = node["metadata"]
    owner = {"apiVersion": "v1", "kind": "Node", "name": meta["name"], "uid": meta["uid"], "controller": True}
    told = {**mirror["metadata"]["annotations"], SEEN: seen}
    return {**mirror, "metadata": {**mirror["metadata"], "annotations": told, "ownerReferences": [owner]}}
