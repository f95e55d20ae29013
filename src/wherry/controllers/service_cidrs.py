"""ServiceCIDRs: each has a finalizer, says that it is ready, and goes when no cluster IP needs it any more.

Source: pkg/controller/servicecidrs/servicecidrs_controller.go; KEP-1880.
"""

from __future__ import annotations

from collections.abc import Iterable

from wherry.api import timestamps
from wherry.api.objects import Obj, is_deleting, name
from wherry.api.resources import resource
from wherry.reconcile.controller import Controller, Parts
from wherry.rules.networking.services import ranges
from wherry.rules.networking.services.addresses import FINALIZER
from wherry.rules.objects.plan import Action, Plan, Update

RANGES = resource("servicecidrs", "networking.k8s.io")


class ServiceCIDRController(Controller):
    """Its keys are names of ServiceCIDRs."""

    name = "service-cidr-controller"

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._ranges = self.informer(RANGES)
        self.watch(RANGES, self._all)
        self._addresses = self.watch(resource("ipaddresses", "networking.k8s.io"), self._going)

    async def reconcile(self, key: str) -> float | None:
        found = self._ranges.get(key)
        if found is None:
            return None
        if not is_deleting(found):
            kept = found["metadata"].get("finalizers") or []
            if FINALIZER not in kept:
                found = await self._write(Update({**found, "metadata": {**found["metadata"], "finalizers": [*kept, FINALIZER]}}))
            await self._tell(found, "True")
            return None
        if not ranges.may_go(found, self._ranges.items(), self._addresses.items()):
            await self._tell(found, "False")
            return None
        left = timestamps.parse(found["metadata"]["deletionTimestamp"]) + ranges.GRACE - self.clock.now()
        if left > 0:
            return left
        finalizers = [each for each in found["metadata"].get("finalizers") or () if each != FINALIZER]
        await self._write(Update({**found, "metadata": {**found["metadata"], "finalizers": finalizers}}))
        return None

    async def _tell(self, found: Obj, status: str) -> None:
        conditions = (found.get("status") or {}).get("conditions") or []
        known: Obj = next((c for c in conditions if c.get("type") == "Ready"), {})
        wanted = ranges.ready(status, timestamps.time(self.clock.now()))
        # the server words the condition of its own range, and only the rest is ours
        if known.get("status") != status or known.get("reason", "") != wanted["reason"]:
            others = [c for c in conditions if c.get("type") != "Ready"]
            await self._write(Update({**found, "status": {"conditions": [*others, wanted]}}, "status"))

    async def _write(self, action: Action) -> Obj:
        applied = await self.apply(Plan((action,)))
        if applied.error is not None:
            raise applied.error
        return applied.results[0]

    def _all(self, old: Obj | None, new: Obj | None) -> Iterable[str]:
        """A range that comes or goes may be what another one waits for."""
        if old is not None and new is not None:
            return (name(new),)
        return (*self._ranges.names(), name(new or old or {}))

    def _going(self, old: Obj | None, new: Obj | None) -> Iterable[str]:
        return [name(each) for each in self._ranges.items() if is_deleting(each)]
