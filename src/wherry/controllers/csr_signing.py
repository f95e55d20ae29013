"""Signs approved certificate signing requests with the cluster's CA, for the signers of kubernetes.io.

Source: pkg/controller/certificates/signer/signer.go;
https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#signer-control-plane.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable

from wherry.api import timestamps
from wherry.api.objects import Obj, name
from wherry.api.resources import resource
from wherry.controllers import csr_certificates
from wherry.controllers.csr_certificates import Authority
from wherry.reconcile.controller import Controller, Parts
from wherry.rules.access.csr.signers import is_to_be_signed, problem, validity
from wherry.rules.objects.plan import Plan, Update

REQUESTS = resource("certificatesigningrequests", "certificates.k8s.io")


class CSRSigningController(Controller):
    """Its keys are names of requests. `authority` gives the CA when it is needed."""

    name = "csrsigning"
    workers = 1

    def __init__(self, parts: Parts, authority: Callable[[], Authority]) -> None:
        super().__init__(parts)
        self._authority = authority
        self._requests = self.watch(REQUESTS, _ready)

    async def reconcile(self, key: str) -> float | None:
        request = self._requests.get(key)
        if request is None or not is_to_be_signed(request):
            return None
        status = request.get("status") or {}
        draft = {**request, "status": {**status, **self._outcome(request, status)}}
        error = (await self.apply(Plan((Update(draft, "status"),)))).error
        if error is not None:
            raise error
        return None

    def _outcome(self, request: Obj, status: Obj) -> Obj:
        """What is to be written: a certificate, or why there is none."""
        spec = request["spec"]
        pem, usages = base64.b64decode(spec["request"]), spec.get("usages") or []
        try:
            why = problem(spec["signerName"], csr_certificates.subject(pem), usages)
            if not why:
                made = csr_certificates.sign(self._authority(), pem, usages, validity(spec.get("expirationSeconds")))
                return {"certificate": base64.b64encode(made).decode()}
        except ValueError as error:
            why = str(error)
        now = timestamps.time(self.clock.now())
        times = {"lastUpdateTime": now, "lastTransitionTime": None}
        failed = {"type": "Failed", "status": "True", "reason": "SignerValidationFailure", "message": why, **times}
        return {"conditions": [*(status.get("conditions") or ()), failed]}


def _ready(old: Obj | None, new: Obj | None) -> Iterable[str]:
    return (name(new),) if new is not None and is_to_be_signed(new) else ()
