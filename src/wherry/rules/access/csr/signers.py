"""What the signers of kubernetes.io demand of a request.

Asked by the signing and approving controllers, with what the request's subject says. A problem is told in the Failed condition.
Source: https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#kubernetes-signers;
pkg/apis/certificates/helpers.go; pkg/controller/certificates/signer/signer.go, approver/sarapprove.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from wherry.api.objects import Obj, condition

CLIENT, KUBELET_CLIENT = "kubernetes.io/kube-apiserver-client", "kubernetes.io/kube-apiserver-client-kubelet"
KUBELET_SERVING, LEGACY = "kubernetes.io/kubelet-serving", "kubernetes.io/legacy-unknown"
#: the signers of the cluster's own CA
OURS = (CLIENT, KUBELET_CLIENT, KUBELET_SERVING, LEGACY)
YEAR, SHORTEST, SHORT, BACKDATE = 365 * 86400, 600, 8 * 3600, 300
_NODES, _NODE = ("system:nodes",), "system:node:"
_SIGN, _ENCIPHER, _CLIENT, _SERVER = "digital signature", "key encipherment", "client auth", "server auth"


class Subject(NamedTuple):
    """What a PKCS#10 request says about its bearer."""

    common_name: str
    organizations: tuple[str, ...] = ()
    dns: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    uris: tuple[str, ...] = ()


def is_to_be_signed(request: Obj) -> bool:
    """Approved, not failed, not signed yet, and for one of our signers."""
    if (request.get("status") or {}).get("certificate") or request["spec"].get("signerName") not in OURS:
        return False
    return is_decided(request, "Approved") and not is_decided(request, "Denied") and not _is_true(request, "Failed")


def is_decided(request: Obj, decision: str) -> bool:
    """Whether it is Approved (or Denied)."""
    return condition(request, decision) is not None


def _is_true(request: Obj, type_: str) -> bool:
    found = condition(request, type_)
    return found is not None and found.get("status") in ("True", "", None)


def problem(signer: str, subject: Subject, usages: Iterable[str]) -> str:
    """Why the signer refuses the request, "" when it does not."""
    if signer == CLIENT:
        return _client(list(usages))
    if signer == KUBELET_CLIENT:
        return kubelet_client(subject, set(usages))
    if signer == KUBELET_SERVING:
        return _kubelet_serving(subject, set(usages))
    return ""


def _client(usages: list[str]) -> str:
    for usage in usages:
        if usage not in (_SIGN, _ENCIPHER, _CLIENT):
            return f"invalid usage for client certificate: {usage}"
    return "" if _CLIENT in usages else f"missing required usage for client certificate: {_CLIENT}"


def kubelet_client(subject: Subject, usages: set[str]) -> str:
    if subject.organizations != _NODES:
        return "subject organization is not system:nodes"
    for found, name in ((subject.dns, "DNS"), (subject.emails, "Email"), (subject.addresses, "IP"), (subject.uris, "URI")):
        if found:
            return f"{name} subjectAltNames are not allowed"
    if not subject.common_name.startswith(_NODE):
        return "subject common name does not begin with system:node:"
    return _exact(usages, _CLIENT)


def _kubelet_serving(subject: Subject, usages: set[str]) -> str:
    if subject.organizations != _NODES:
        return "subject organization is not system:nodes"
    if not (subject.dns or subject.addresses):
        return "DNS or IP subjectAltName is required"
    for found, name in ((subject.emails, "Email"), (subject.uris, "URI")):
        if found:
            return f"{name} subjectAltNames are not allowed"
    if wrong := _exact(usages, _SERVER):
        return wrong
    return "" if subject.common_name.startswith(_NODE) else "subject common name does not begin with system:node:"


def _exact(usages: set[str], purpose: str) -> str:
    """Only RSA keys encipher keys, so that usage may be left out."""
    wanted = {_SIGN, _ENCIPHER, purpose}
    if usages in (wanted, wanted - {_ENCIPHER}):
        return ""
    return f"usages did not match [{' '.join(sorted(wanted))}]"


class Validity(NamedTuple):
    """Seconds from now."""

    begins: int
    ends: int


def validity(seconds: int | None) -> Validity:
    """Of a certificate for which `seconds` were asked: a year at most, backdated for clocks that are slow."""
    life = YEAR if seconds is None else min(max(seconds, SHORTEST), YEAR)
    return Validity(-BACKDATE, life if life < SHORT else life - BACKDATE)


def approvals(request: Obj, subject: Subject) -> list[tuple[str, str]]:
    """(subresource that the requester must be allowed to create, message of the approval) for requests that need nobody's decision."""
    spec = request["spec"]
    if spec.get("signerName") != KUBELET_CLIENT or kubelet_client(subject, set(spec.get("usages") or ())):
        return []
    found = [("nodeclient", "Auto approving kubelet client certificate after SubjectAccessReview.")]
    if spec.get("username") == subject.common_name:
        found.insert(0, ("selfnodeclient", "Auto approving self kubelet client certificate after SubjectAccessReview."))
    return found
