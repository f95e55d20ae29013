"""Certificate signing requests: who asks is written into them, and not everybody may approve or sign.

CertificateApproval and CertificateSigning: the verbs `approve` and `sign` on the signer, or on all signers of its domain.
CertificateSubjectRestriction: no client certificate of the API server's signer for `system:masters`.
Source: plugin/pkg/admission/certificates, pkg/certauthorization; pkg/registry/certificates/certificates/strategy.go (PrepareForCreate).
"""

from __future__ import annotations

import base64

from wherry.api import errors
from wherry.api.field import invalid
from wherry.api.options import User
from wherry.api.resources import Resource
from wherry.registry.core import Core
from wherry.registry.rbac.stored import StoredPolicy
from wherry.registry.request import Operation, Request
from wherry.rules.access.csr.signers import CLIENT
from wherry.rules.access.rbac.request import Attributes

MASTERS = "system:masters"
_GROUP = "certificates.k8s.io"


class Certificates:
    _stored: StoredPolicy

    def bind(self, core: Core) -> None:
        self._stored = core.policy

    def handles(self, operation: Operation, resource: Resource, subresource: str) -> bool:
        if (resource.group, resource.plural) != (_GROUP, "certificatesigningrequests"):
            return False
        return (operation == "CREATE" and not subresource) or (operation == "UPDATE" and subresource in ("approval", "status"))

    async def admit(self, request: Request) -> None:
        """A new request says who made it, whatever its body said."""
        if request.operation != "CREATE":
            return
        user, spec = request.user, request.draft.setdefault("spec", {})
        extra = {key: list(values) for key, values in user.extra}
        for name, value in (("username", user.name), ("uid", user.uid), ("groups", list(user.groups)), ("extra", extra)):
            if value:
                spec[name] = value
            else:
                spec.pop(name, None)

    async def validate(self, request: Request) -> None:
        """Raises Forbidden, and Invalid for a request that cannot be read."""
        if request.operation == "CREATE":
            _subject(request)
            return
        old, new = request.old or {}, request.draft
        if request.subresource == "status":
            before, after = old.get("status") or {}, new.get("status") or {}
            if all((before.get(k) or None) == (after.get(k) or None) for k in ("certificate", "conditions")):
                return
        verb = "approve" if request.subresource == "approval" else "sign"
        signer = (old.get("spec") or {}).get("signerName", "")
        if not await self._may(request.user, verb, signer):
            raise request.forbidden(f'user not permitted to {verb} requests with signerName "{signer}"')

    async def _may(self, user: User, verb: str, signer: str) -> bool:
        if MASTERS in user.groups:
            return True
        policy = await self._stored.current()
        names = (signer, f"{signer.partition('/')[0]}/*")
        return any(policy.decide(user, Attributes(verb, "", _GROUP, "*", "signers", name=name)).allowed for name in names)


def _subject(request: Request) -> None:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    spec = request.draft["spec"]
    try:
        found = x509.load_pem_x509_csr(base64.b64decode(spec.get("request") or ""))
        why = "" if found.is_signature_valid else "x509: signature is not valid"
    except ValueError as error:
        why = str(error)
    if why:
        causes = [invalid("spec.request", spec.get("request"), why)]
        raise errors.invalid(request.resource.group_kind, request.draft["metadata"].get("name", ""), causes)
    groups = [str(a.value) for a in found.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
    if spec.get("signerName") == CLIENT and MASTERS in groups:
        raise request.forbidden(f"use of {CLIENT} signer with {MASTERS} group is not allowed")
