"""NodeRestriction: a node writes its own Node, its lease, and the pods bound to it; never what would steer pods or secrets to it.

Nodes are users `system:node:NAME` of the group `system:nodes`; what they may ask for at all is the Node authorizer's matter. Not checked:
that a pod's audiences are those of its volumes for CSI drivers that ask for tokens (only projected volumes are looked at).
Source: https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#noderestriction;
plugin/pkg/admission/noderestriction/admission.go; k8s.io/kubelet/pkg/apis/well_known_labels.go.
"""

from __future__ import annotations

from wherry.api import errors
from wherry.api.objects import Obj, labels, uid
from wherry.api.resources import Resource
from wherry.registry.request import Operation, Request
from wherry.rules.access.rbac.nodes import node_of, references
from wherry.rules.access.rbac.request import quoted
from wherry.store.protocol import Store

_HANDLED = {
    "pods", "nodes", "persistentvolumeclaims", "serviceaccounts", "leases.coordination.k8s.io", "csinodes.storage.k8s.io",
    "resourceslices.resource.k8s.io", "certificatesigningrequests.certificates.k8s.io",
}  # fmt: skip
_MIRROR = "kubernetes.io/config.mirror"
_RESTRICTED = "node-restriction.kubernetes.io"
_KUBELET_LABELS = frozenset(
    {
        "kubernetes.io/hostname", "topology.kubernetes.io/zone", "topology.kubernetes.io/region",
        "failure-domain.beta.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/region", "beta.kubernetes.io/instance-type",
        "node.kubernetes.io/instance-type", "kubernetes.io/os", "kubernetes.io/arch", "beta.kubernetes.io/os", "beta.kubernetes.io/arch",
    }
)  # fmt: skip


class NodeRestriction:
    def __init__(self, store: Store) -> None:
        self._store = store

    def handles(self, operation: Operation, resource: Resource, subresource: str) -> bool:
        return operation != "CONNECT" and resource.group_resource in _HANDLED

    async def admit(self, request: Request) -> None:
        """Raises Forbidden, NotFound."""
        node = node_of(request.user)
        if node is None:
            return
        if not node:
            raise request.forbidden(f"could not determine node from user {quoted(request.user.name)}")
        match request.resource.plural:
            case "pods":
                await self._pod(node, request)
            case "nodes":
                _node(node, request)
            case "persistentvolumeclaims":
                _claim(node, request)
            case "serviceaccounts":
                await self._account(node, request)
            case "leases":
                _lease(node, request)
            case "csinodes":
                if _name(request) != node:
                    raise request.forbidden("can only access CSINode with the same name as the requesting node")
            case "resourceslices":
                _slice(node, request)
            case "certificatesigningrequests":
                _signing(node, request)

    # --- pods ---
    async def _pod(self, node: str, request: Request) -> None:
        if request.subresource == "status":
            _pod_status(node, request)
        elif request.subresource == "eviction":
            if (await self._existing(request)).get("spec", {}).get("nodeName") != node:
                raise request.forbidden(f"node {node} can only evict pods with spec.nodeName set to itself")
        elif request.subresource:
            why = f"unexpected pod subresource {quoted(request.subresource)}, only 'status' and 'eviction' are allowed"
            raise request.forbidden(why)
        elif request.operation == "DELETE":
            if (await self._existing(request)).get("spec", {}).get("nodeName") != node:
                raise request.forbidden(f"node {quoted(node)} can only delete pods with spec.nodeName set to itself")
        elif request.operation == "CREATE":
            await self._mirror(node, request)
        else:
            why = f"unexpected operation {quoted(request.operation)}, node {quoted(node)} can only create and delete mirror pods"
            raise request.forbidden(why)

    async def _existing(self, request: Request) -> Obj:
        record = await self._store.get(f"pods/{request.namespace}/{request.name}")
        if record is None:
            raise errors.not_found("pods", request.name)
        found: Obj = record.object()
        return found

    async def _mirror(self, node: str, request: Request) -> None:
        pod, who = request.draft, f"node {quoted(node)}"
        if _MIRROR not in (pod["metadata"].get("annotations") or {}):
            raise request.forbidden(f"pod does not have {quoted(_MIRROR)} annotation, {who} can only create mirror pods")
        if pod["spec"].get("nodeName") != node:
            raise request.forbidden(f"{who} can only create pods with spec.nodeName set to itself")
        owners = pod["metadata"].get("ownerReferences") or []
        if len(owners) > 1:
            raise request.forbidden(f"{who} can only create pods with a single owner reference set to itself")
        owner = owners[0] if owners else {}
        if (owner.get("apiVersion"), owner.get("kind"), owner.get("name")) != ("v1", "Node", node):
            raise request.forbidden(f"{who} can only create pods with an owner reference set to itself")
        if not owner.get("controller"):
            raise request.forbidden(f"{who} can only create pods with a controller owner reference set to itself")
        if owner.get("blockOwnerDeletion"):
            raise request.forbidden(f"{who} must not set blockOwnerDeletion on an owner reference")
        record = await self._store.get(f"nodes/{node}")
        if record is None:
            raise errors.not_found("nodes", node)
        if owner.get("uid") != uid(record.object()):
            raise request.forbidden(f"node {node} UID mismatch: expected {owner.get('uid', '')} got {uid(record.object())}")
        plain = {**pod, "metadata": {**pod["metadata"], "annotations": {}, "name": request.name}}
        for used in references(plain):
            if used.kind != "pods":
                raise request.forbidden(f"{who} can not create pods that reference {used.kind}")

    # --- tokens ---
    async def _account(self, node: str, request: Request) -> None:
        if request.operation != "CREATE" or request.subresource != "token":
            return
        ref = request.draft["spec"].get("boundObjectRef") or {}
        if ref.get("apiVersion") != "v1" or ref.get("kind") != "Pod" or not ref.get("name"):
            raise request.forbidden("node requested token not bound to a pod")
        if not ref.get("uid"):
            raise request.forbidden("node requested token with a pod binding without a uid")
        record = await self._store.get(f"pods/{request.namespace}/{ref['name']}")
        if record is None:
            raise errors.not_found("pods", ref["name"])
        pod: Obj = record.object()
        if ref["uid"] != uid(pod):
            why = f"the UID in the bound object reference ({ref['uid']}) does not match the UID in record. "
            raise request.forbidden(why + "The object might have been deleted and then recreated")
        if pod["spec"].get("nodeName") != node:
            raise request.forbidden("node requested token bound to a pod scheduled on a different node")
        self._audience(request, pod)

    @staticmethod
    def _audience(request: Request, pod: Obj) -> None:
        """A pod's token is for an audience that one of its volumes names."""
        asked = request.draft["spec"].get("audiences") or [""]
        if len(asked) > 1:
            raise request.forbidden("node may only request 0 or 1 audiences")
        sources = [s for v in pod["spec"].get("volumes") or () for s in (v.get("projected") or {}).get("sources") or ()]
        if any("serviceAccountToken" in s and (s["serviceAccountToken"].get("audience") or "") == asked[0] for s in sources):
            return
        who = request.user.name
        why = f"audience {quoted(asked[0])} not found in pod spec volume, {who} is not authorized to request tokens for this audience"
        raise request.forbidden(why)


def _name(request: Request) -> str:
    return request.name or request.draft["metadata"].get("name", "")


def _pod_status(node: str, request: Request) -> None:
    who, old, new = f"node {quoted(node)}", request.old or {}, request.draft
    if (old.get("spec") or {}).get("nodeName") != node:
        raise request.forbidden(f"{who} can only update pod status for pods with spec.nodeName set to itself")
    if labels(old) != labels(new):
        raise request.forbidden(f"{who} cannot update labels through pod status")
    before, after = old.get("status") or {}, new.get("status") or {}
    if (before.get("resourceClaimStatuses") or []) != (after.get("resourceClaimStatuses") or []):
        raise request.forbidden(f"{who} cannot update resource claim statues")
    if before.get("extendedResourceClaimStatus") != after.get("extendedResourceClaimStatus"):
        raise request.forbidden(f"{who} cannot update extended resource claim status")


def _node(node: str, request: Request) -> None:
    who, new = f"node {quoted(node)}", request.draft
    if _name(request) != node:
        raise request.forbidden(f"{who} is not allowed to modify node {quoted(_name(request))}")
    if request.operation == "CREATE" and (wrong := _forbidden_labels(labels(new), {})):
        raise request.forbidden(f"{who} is not allowed to set the following labels: {', '.join(wrong)}")
    if request.operation == "UPDATE":
        old = request.old or {}
        if ((new.get("spec") or {}).get("taints") or []) != ((old.get("spec") or {}).get("taints") or []):
            raise request.forbidden(f"{who} is not allowed to modify taints")
        if (new["metadata"].get("ownerReferences") or []) != (old["metadata"].get("ownerReferences") or []):
            raise request.forbidden(f"{who} is not allowed to modify ownerReferences")
        if wrong := _forbidden_labels(labels(new), labels(old)):
            raise request.forbidden(f"is not allowed to modify labels: {', '.join(wrong)}")


def _forbidden_labels(new: dict[str, str], old: dict[str, str]) -> list[str]:
    changed = {key for key in {*new, *old} if new.get(key) != old.get(key)}
    return sorted(key for key in changed if _is_forbidden(key))


def _is_forbidden(label: str) -> bool:
    space = label.partition("/")[0] if "/" in label else ""
    if _within(space, _RESTRICTED):
        return True
    ours = _within(space, "kubernetes.io") or _within(space, "k8s.io")
    kubelets = label in _KUBELET_LABELS or _within(space, "kubelet.kubernetes.io") or _within(space, "node.kubernetes.io")
    return ours and not kubelets


def _within(space: str, domain: str) -> bool:
    return space == domain or space.endswith(f".{domain}")


def _claim(node: str, request: Request) -> None:
    if request.subresource != "status":
        raise request.forbidden("may only update PVC status")
    if _other_parts(request.draft) != _other_parts(request.old or {}):
        raise request.forbidden(f"node {quoted(node)} is not allowed to update fields other than status.quantity and status.conditions")


def _other_parts(claim: Obj) -> Obj:
    """All but what a node may change."""
    free = ("capacity", "conditions", "allocatedResources", "allocatedResourceStatuses")
    meta = {k: v for k, v in (claim.get("metadata") or {}).items() if k not in ("resourceVersion", "managedFields")}
    return {**claim, "metadata": meta, "status": {k: v for k, v in (claim.get("status") or {}).items() if k not in free}}


def _lease(node: str, request: Request) -> None:
    if request.namespace != "kube-node-lease":
        raise request.forbidden('can only access leases in the "kube-node-lease" system namespace')
    if _name(request) != node:
        raise request.forbidden("can only access node lease with the same name as the requesting node")


def _slice(node: str, request: Request) -> None:
    if request.operation == "UPDATE":
        return
    if (request.draft.get("spec") or {}).get("nodeName") != node:
        verb = "create" if request.operation == "CREATE" else "delete"
        raise request.forbidden(f"can only {verb} ResourceSlice with the same NodeName as the requesting node")


def _signing(node: str, request: Request) -> None:
    """A node asks for certificates of its own name only."""
    spec = request.draft.get("spec") or {}
    if request.operation != "CREATE" or spec.get("signerName") not in (
        "kubernetes.io/kubelet-serving", "kubernetes.io/kube-apiserver-client-kubelet",
    ):  # fmt: skip
        return
    import base64

    from cryptography import x509
    from cryptography.x509.oid import NameOID

    try:
        names = x509.load_pem_x509_csr(base64.b64decode(spec.get("request") or "")).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    except ValueError as error:
        raise request.forbidden(f"unable to parse csr: {error}") from error
    if not names or names[-1].value != request.user.name:
        raise request.forbidden("can only create a node CSR with CN=" + request.user.name)
