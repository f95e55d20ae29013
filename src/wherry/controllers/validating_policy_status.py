"""Keeps `status.typeChecking` of ValidatingAdmissionPolicies: what their expressions get wrong about the kinds they are meant for.

Source: pkg/controller/validatingadmissionpolicystatus/controller.go.
"""

from __future__ import annotations

from wherry.api.errors import NotFound
from wherry.api.objects import Obj
from wherry.api.options import APPLY_PATCH, WriteOptions
from wherry.api.resources import resource
from wherry.reconcile.controller import Controller, Parts

_POLICIES = resource("validatingadmissionpolicies", "admissionregistration.k8s.io")


class ValidatingPolicyStatusController(Controller):
    """Its keys are names of policies."""

    name = "validatingadmissionpolicy-status-controller"
    workers = 1

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._policies = self.watch(_POLICIES)

    async def reconcile(self, key: str) -> float | None:
        policy = self._policies.get(key)
        generation = policy["metadata"].get("generation", 0) if policy is not None else 0
        if policy is None or generation <= (policy.get("status") or {}).get("observedGeneration", 0):
            return None
        from wherry.rules.admission.policies.type_checking import warnings  # with the first policy: CEL is not imported before

        found = warnings(policy, self.parts.table.by_path)
        checked: Obj = {"expressionWarnings": found} if found else {}
        applied: Obj = {
            "kind": _POLICIES.kind,
            "apiVersion": _POLICIES.api_version,
            "metadata": {"name": key},
            "status": {"observedGeneration": generation, "typeChecking": checked},
        }
        options = WriteOptions(field_manager=self.name, force=True)
        try:
            await self.parts.client.patch(_POLICIES, "", key, applied, APPLY_PATCH, subresource="status", options=options)
        except NotFound:
            return None
        return None
