"""What a node may do, as far as the request alone tells; else what must be looked up.

Asked by the Node authorizer for users `system:node:NAME` of the group `system:nodes`. Objects of pods are readable for the node that the
pods are bound to: that is for the caller to find out (`Related`), with `references` of each pod.
Source: https://kubernetes.io/docs/reference/access-authn-authz/node/; plugin/pkg/auth/authorizer/node/node_authorizer.go, graph.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from wherry.api.objects import Obj
from wherry.api.options import User
from wherry.rules.access.rbac.request import ALLOWED, NO_OPINION, Attributes, Decision, quoted

NODES, PREFIX = "system:nodes", "system:node:"
_LEASES, _OWN_WRITES = "kube-node-lease", ("get", "create", "update", "patch", "delete")
_READS = ("get", "list", "watch")
_MIRROR = "kubernetes.io/config.mirror"


class Related(NamedTuple):
    """Allowed if the object is related to the node."""

    kind: str


class Reference(NamedTuple):
    """An object that a pod uses, in the pod's namespace."""

    kind: str
    name: str


def node_of(user: User) -> str | None:
    """The node's name ("" when it does not say one), None for users who are no nodes."""
    return user.name.removeprefix(PREFIX) if user.name.startswith(PREFIX) and NODES in user.groups else None


def judge(node: str, asked: Attributes) -> Decision | Related | None:
    """None: what the role `system:node` says."""
    match asked.group, asked.resource:
        case "", ("secrets" | "configmaps"):
            return _read(asked)
        case "", "persistentvolumeclaims":
            return _claim(asked)
        case ("", "persistentvolumes") | ("resource.k8s.io", "resourceclaims") | ("storage.k8s.io", "volumeattachments"):
            return _get(asked)
        case "", "serviceaccounts":
            return _account(asked)
        case "", "nodes":
            return _node(node, asked)
        case "", "pods":
            return _pod(node, asked)
        case "coordination.k8s.io", "leases":
            return _lease(node, asked)
        case "storage.k8s.io", "csinodes":
            return _csi_node(node, asked)
        case "resource.k8s.io", "resourceslices":
            return _slice(node, asked)
    return None


def unrelated(node: str) -> Decision:
    return _no(f"no relationship found between node '{node}' and this object")


def _no(why: str) -> Decision:
    return Decision(False, why)


def _named(asked: Attributes) -> Decision | Related:
    return Related(asked.resource) if asked.name else _no("No Object name found")


def _read(asked: Attributes) -> Decision | Related:
    if asked.verb not in _READS:
        return _no("can only read resources of this type")
    if asked.subresource:
        return _no("cannot read subresource")
    if not asked.namespace:
        return _no("can only read namespaced object of this type")
    return _named(asked)


def _get(asked: Attributes) -> Decision | Related:
    if asked.verb != "get":
        return _no("can only get individual resources of this type")
    return _no("cannot get subresource") if asked.subresource else _named(asked)


def _claim(asked: Attributes) -> Decision | Related:
    if asked.subresource != "status":
        return _get(asked)
    return _named(asked) if asked.verb in ("update", "patch") else _no("can only get/update/patch this type")


def _account(asked: Attributes) -> Decision | Related:
    if asked.verb == "get" and not asked.subresource:
        return _read(asked)
    if asked.verb != "create" or not asked.name:
        return _no("can only create tokens for individual service accounts")
    if asked.subresource != "token":
        return _no("can only create token subresource of serviceaccount")
    return Related(asked.resource)


def _node(node: str, asked: Attributes) -> Decision:
    if asked.subresource == "status":
        return ALLOWED if asked.verb in ("update", "patch") else NO_OPINION
    if asked.subresource:
        return NO_OPINION
    if asked.verb in ("create", "update", "patch"):
        return ALLOWED
    if asked.verb not in _READS:
        return NO_OPINION
    if asked.name == node:
        return ALLOWED
    if not asked.name:
        return _no(f"node '{node}' cannot read all nodes, only its own Node object")
    return _no(f"node '{node}' cannot read '{asked.name}', only its own Node object")


def _pod(node: str, asked: Attributes) -> Decision | Related:
    allowed = {"": ("create", "delete"), "status": ("update", "patch"), "eviction": ("create",)}.get(asked.subresource, ())
    if asked.verb in allowed:
        return ALLOWED
    if asked.subresource or asked.verb not in _READS:
        return NO_OPINION
    if asked.verb == "get":
        return _get(asked)
    if _selects(asked, "spec.nodeName", node):
        return ALLOWED
    return Related(asked.resource) if asked.name else _no("can only list/watch pods with spec.nodeName field selector")


def _lease(node: str, asked: Attributes) -> Decision:
    if asked.verb not in _OWN_WRITES:
        return _no("can only get, create, update, patch, or delete a node lease")
    if asked.namespace != _LEASES:
        return _no(f"can only access leases in the {quoted(_LEASES)} system namespace")
    if asked.verb != "create" and asked.name != node:
        return _no("can only access node lease with the same name as the requesting node")
    return ALLOWED


def _csi_node(node: str, asked: Attributes) -> Decision:
    if asked.verb not in _OWN_WRITES:
        return _no("can only get, create, update, patch, or delete a CSINode")
    if asked.subresource:
        return _no("cannot authorize CSINode subresources")
    if asked.verb != "create" and asked.name != node:
        return _no("can only access CSINode with the same name as the requesting node")
    return ALLOWED


def _slice(node: str, asked: Attributes) -> Decision | Related:
    if asked.subresource:
        return _no("cannot authorize ResourceSlice subresources")
    if asked.verb == "create":
        return ALLOWED
    if asked.verb in ("get", "update", "patch", "delete"):
        return _named(asked)
    if asked.verb in ("watch", "list", "deletecollection"):
        if _selects(asked, "spec.nodeName", node):
            return ALLOWED
        return _no("can only list/watch/deletecollection resourceslices with nodeName field selector")
    verbs = "get, watch, list, create, update, patch, delete, deletecollection"
    return _no(f"only the following verbs are allowed for a ResourceSlice: {verbs}")


def _selects(asked: Attributes, path: str, value: str) -> bool:
    """Whether the field selector demands this value."""
    terms = (term.strip() for term in asked.fields.split(","))
    return any(term in (f"{path}={value}", f"{path}=={value}") for term in terms)


def references(pod: Obj) -> Iterator[Reference]:
    """What a pod uses. Mirror pods use nothing: their node made them."""
    meta, spec = pod["metadata"], pod.get("spec") or {}
    yield Reference("pods", meta["name"])
    if _MIRROR in (meta.get("annotations") or {}):
        return
    if spec.get("serviceAccountName"):
        yield Reference("serviceaccounts", spec["serviceAccountName"])
    for secret in spec.get("imagePullSecrets") or ():
        yield Reference("secrets", secret.get("name", ""))
    for volume in spec.get("volumes") or ():
        if (claim := volume.get("persistentVolumeClaim")) is not None:
            yield Reference("persistentvolumeclaims", claim.get("claimName", ""))
        if volume.get("ephemeral") is not None:
            yield Reference("persistentvolumeclaims", f"{meta['name']}-{volume['name']}")
    for claim in spec.get("resourceClaims") or ():
        yield Reference("resourceclaims", claim.get("resourceClaimName") or "")
    for claim in (pod.get("status") or {}).get("resourceClaimStatuses") or ():
        yield Reference("resourceclaims", claim.get("resourceClaimName") or "")
    parts = [spec.get(part) for part in ("volumes", "containers", "initContainers", "ephemeralContainers")]
    for kind in ("secrets", "configmaps"):
        yield from (Reference(kind, name) for name in named(parts, kind))


_KEYS = {
    "secrets": ("secretKeyRef", "secretRef", "nodePublishSecretRef", "nodeStageSecretRef", "nodeExpandSecretRef", "secret"),
    "configmaps": ("configMapKeyRef", "configMapRef", "configMap"),
}


def named(value: Any, kind: str) -> Iterator[str]:
    """The Secrets or ConfigMaps that a part of a spec names, however deep."""
    if isinstance(value, list):
        for item in value:
            yield from named(item, kind)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key == "secretName" and kind == "secrets" and isinstance(inner, str):
                yield inner
            elif key in _KEYS[kind] and isinstance(inner, dict) and isinstance(inner.get("name"), str):
                yield inner["name"]
            if isinstance(inner, (dict, list)):
                yield from named(inner, kind)
