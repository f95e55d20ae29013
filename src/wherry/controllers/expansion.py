"""The expansion controller: volumes of claims that ask for more grow. Its keys are those of claims.

Rule: `wherry.rules.storage.binding.expansion`. Source of the wiring: pkg/controller/volume/expand/expand_controller.go.
"""

from __future__ import annotations

from collections.abc import Iterable

from wherry.api.errors import NotFound
from wherry.api.objects import Obj, key
from wherry.api.resources import resource
from wherry.reconcile import Controller, Parts
from wherry.rules.objects.plan import Emit
from wherry.rules.storage.binding import expansion

CLAIMS, VOLUMES = resource("persistentvolumeclaims"), resource("persistentvolumes")
CLASSES = resource("storageclasses", "storage.k8s.io")
_STEPS = 4


class ExpansionController(Controller):
    name = "volume_expand"

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._volumes, self._classes = self.informer(VOLUMES), self.informer(CLASSES)
        self._claims = self.watch(CLAIMS, self._of_claim)

    async def reconcile(self, key: str) -> float | None:
        for _ in range(_STEPS):
            claim = self._claims.get(key)
            if claim is None:
                return None
            volume = self._volumes.get(claim["spec"].get("volumeName") or "")
            plan = expansion.plan(claim, volume, self._classes.get, self.clock.now())
            error = (await self.apply(plan)).error
            if error is not None and not isinstance(error, NotFound):
                raise error
            if error is not None or all(isinstance(action, Emit) for action in plan.actions):
                return None
        return None

    def _of_claim(self, old: Obj | None, new: Obj | None) -> Iterable[str]:
        return (key(new),) if new is not None and expansion.wants_more(new) else ()
