"""Rows of role bindings, signing requests and API services. Called through `tables.row`.

Source: pkg/printers/internalversion/printers.go, kube-aggregator pkg/registry/apiservice/etcd/etcd.go.
"""

from __future__ import annotations

from typing import Any

from wherry.api.objects import Obj, condition
from wherry.rules.showing.tables.cells import NONE, age, name, part, spec, status
from wherry.rules.showing.tables.column import AGE, META, NAME, Column, Doc, Printer, doc, text, wide
from wherry.rules.texts import age as duration


def _subjects(obj: Obj) -> tuple[str, str, str]:
    """Users, groups and service accounts, each joined."""
    subjects = obj.get("subjects") or ()
    users = [s.get("name", "") for s in subjects if s.get("kind") == "User"]
    groups = [s.get("name", "") for s in subjects if s.get("kind") == "Group"]
    accounts = [f"{s.get('namespace', '')}/{s.get('name', '')}" for s in subjects if s.get("kind") == "ServiceAccount"]
    return ", ".join(users), ", ".join(groups), ", ".join(accounts)


def _binding(obj: Obj, now: float) -> list[Any]:
    ref = part(obj, "roleRef")
    return [name(obj), f"{ref.get('kind', '')}/{ref.get('name', '')}", age(obj, now), *_subjects(obj)]


def _csr_state(obj: Obj) -> str:
    types = {c.get("type") for c in status(obj).get("conditions") or ()}
    state = "Denied" if "Denied" in types else "Approved" if "Approved" in types else "Pending"
    return state + (",Failed" if "Failed" in types else "") + (",Issued" if status(obj).get("certificate") else "")


def _csr(obj: Obj, now: float) -> list[Any]:
    wanted = spec(obj)
    seconds = wanted.get("expirationSeconds")
    return [name(obj), age(obj, now), wanted.get("signerName") or NONE, wanted.get("username", ""),
            NONE if seconds is None else duration.human(seconds), _csr_state(obj)]  # fmt: skip


def _api_service(obj: Obj, now: float) -> list[Any]:
    service, available = spec(obj).get("service"), condition(obj, "Available")
    state = "Unknown" if available is None else available.get("status", "")
    if available is not None and state != "True" and available.get("reason"):
        state = f"{state} ({available['reason']})"
    target = "Local" if service is None else f"{service.get('namespace', '')}/{service.get('name', '')}"
    return [name(obj), target, state, age(obj, now)]


def _binding_columns(kind: str, role: str) -> tuple[Column, ...]:
    # the reference documents roleRef with an older version's text
    return (NAME, text("Role", role), AGE, wide("Users", f"Users in the {kind}"), wide("Groups", f"Groups in the {kind}"),
            wide("ServiceAccounts", f"ServiceAccounts in the {kind}"))  # fmt: skip


_ANY_ROLE = "RoleRef can reference a Role in the current namespace or a ClusterRole in the global namespace."
_ROLE = "If the RoleRef cannot be resolved, the Authorizer must return an error."
_REQUEST = "certificates.v1.CertificateSigningRequestSpec"
#: text of certificates.k8s.io/v1beta1, which the reference still shows here
_SIGNER = (
    "Requested signer for the request. It is a qualified name in the form: `scope-hostname.io/name`. If empty, it will be defaulted:\n"
    ' 1. If it\'s a kubelet client certificate, it is assigned\n    "kubernetes.io/kube-apiserver-client-kubelet".\n'
    ' 2. If it\'s a kubelet serving certificate, it is assigned\n    "kubernetes.io/kubelet-serving".\n'
    ' 3. Otherwise, it is assigned "kubernetes.io/legacy-unknown".\n'
    "Distribution of trust for signers happens out of band. You can select on this field using `spec.signerName`."
)
PRINTERS = {
    "RoleBinding.rbac.authorization.k8s.io": Printer(
        _binding_columns("roleBinding", f"{_ANY_ROLE} {_ROLE}"),
        _binding,
    ),
    "ClusterRoleBinding.rbac.authorization.k8s.io": Printer(
        _binding_columns("clusterRoleBinding", f"RoleRef can only reference a ClusterRole in the global namespace. {_ROLE}"), _binding
    ),
    "CertificateSigningRequest.certificates.k8s.io": Printer(
        (
            NAME,
            AGE,
            text("SignerName", _SIGNER),
            text("Requestor", "Base64-encoded PKCS#10 CSR data"),
            text("RequestedDuration", doc(_REQUEST, "expirationSeconds")),
            text("Condition", "Conditions applied to the request, such as approval or denial."),
        ),
        _csr,
    ),
    "APIService.apiregistration.k8s.io": Printer(
        (
            NAME,
            text("Service", "The reference to the service that hosts this API endpoint."),
            text("Available", "Whether this service is available."),
            Column("Age", "string", Doc(META, "creationTimestamp")),
        ),
        _api_service,
    ),
}
