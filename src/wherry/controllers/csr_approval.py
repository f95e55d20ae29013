"""Approves the requests of nodes for client certificates, where roles say that they need nobody's decision.

Source: pkg/controller/certificates/approver/sarapprove.go;
https://kubernetes.io/docs/reference/access-authn-authz/kubelet-tls-bootstrapping/#approval.
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Iterable

from wherry.api.objects import Obj, name
from wherry.api.options import User
from wherry.controllers import csr_certificates
from wherry.controllers.csr_signing import REQUESTS
from wherry.reconcile.controller import Controller, Parts
from wherry.rules.access.csr.signers import KUBELET_CLIENT, approvals, is_decided
from wherry.rules.access.rbac.request import Attributes, Decision
from wherry.rules.objects.plan import Plan, Update

#: the registry fills them in
_NO_TIMES = {"lastUpdateTime": None, "lastTransitionTime": None}
Decide = Callable[[User, Attributes], Awaitable[Decision]]


class CSRApprovingController(Controller):
    """Its keys are names of requests. `decide` asks the roles."""

    name = "csrapproving"
    workers = 1

    def __init__(self, parts: Parts, decide: Decide) -> None:
        super().__init__(parts)
        self._decide = decide
        self._requests = self.watch(REQUESTS, _open)

    async def reconcile(self, key: str) -> float | None:
        request = self._requests.get(key)
        if request is None or not _is_open(request):
            return None
        spec = request["spec"]
        try:
            subject = csr_certificates.subject(base64.b64decode(spec["request"]))
        except ValueError:
            return None
        extra = tuple((k, tuple(v)) for k, v in (spec.get("extra") or {}).items())
        user = User(spec.get("username", ""), spec.get("uid", ""), tuple(spec.get("groups") or ()), extra)
        for subresource, message in approvals(request, subject):
            asked = Attributes("create", "", "certificates.k8s.io", "*", "certificatesigningrequests", subresource)
            if (await self._decide(user, asked)).allowed:
                await self._approve(request, message)
                return None
        return None

    async def _approve(self, request: Obj, message: str) -> None:
        status = request.get("status") or {}
        approved = {"type": "Approved", "status": "True", "reason": "AutoApproved", "message": message, **_NO_TIMES}
        draft = {**request, "status": {**status, "conditions": [*(status.get("conditions") or ()), approved]}}
        error = (await self.apply(Plan((Update(draft, "approval"),)))).error
        if error is not None:
            raise error


def _open(old: Obj | None, new: Obj | None) -> Iterable[str]:
    return (name(new),) if new is not None and _is_open(new) else ()


def _is_open(request: Obj) -> bool:
    if request["spec"].get("signerName") != KUBELET_CLIENT or (request.get("status") or {}).get("certificate"):
        return False
    return not (is_decided(request, "Approved") or is_decided(request, "Denied"))
