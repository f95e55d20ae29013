"""The claim protection controller: a claim that pods use stays until they are gone. Its keys are those of claims.

Rule: `wherry.rules.storage.binding.protection`. Source of the wiring: pkg/controller/volume/pvcprotection.
"""

from __future__ import annotations

from collections.abc import Iterable

from wherry.api.errors import NotFound
from wherry.api.objects import Obj
from wherry.api.resources import resource
from wherry.reconcile import Controller, Parts
from wherry.rules.storage.binding import protection
from wherry.rules.storage.binding.names import claim_keys

CLAIMS, PODS = resource("persistentvolumeclaims"), resource("pods")


class ClaimProtectionController(Controller):
    name = "persistentvolumeclaim-protection-controller"

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._claims, self._pods = self.watch(CLAIMS), self.informer(PODS)
        self._pods.add_index("claim", claim_keys)
        self.watch(PODS, self._of_pod)

    async def reconcile(self, key: str) -> float | None:
        claim = self._claims.get(key)
        if claim is None:
            return None
        error = (await self.apply(protection.plan_claim(claim, self._pods.by_index("claim", key)))).error
        if error is not None and not isinstance(error, NotFound):
            raise error
        return None

    def _of_pod(self, old: Obj | None, new: Obj | None) -> Iterable[str]:
        """A pod that goes, or is another now, may have been the last to use its claims."""
        if old is None or (new is not None and old["metadata"]["uid"] == new["metadata"]["uid"]):
            return ()
        return claim_keys(old)
