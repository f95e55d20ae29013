"""The TTL-after-finished controller: deletes Jobs some time after they ended, their pods first.

Watches Jobs, and asks the server once more before it deletes: the time to live may just have been prolonged. Rule:
`wherry.rules.workloads.job.ttl`. Source of the wiring: pkg/controller/ttlafterfinished/ttlafterfinished_controller.go.
"""

from __future__ import annotations

from wherry.api.errors import NotFound
from wherry.api.resources import resource
from wherry.reconcile import Controller, Parts
from wherry.rules.objects.plan import Delete, Plan
from wherry.rules.workloads.job.ttl import expires_at

JOBS = resource("jobs", "batch")


class TTLAfterFinishedController(Controller):
    """Its keys are those of Jobs."""

    name = "ttl-after-finished-controller"

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._jobs = self.watch(JOBS)

    async def reconcile(self, key: str) -> float | None:
        job = self._jobs.get(key)
        at = expires_at(job) if job is not None else None
        if at is None or at > self.clock.now():
            return None if at is None else at - self.clock.now()
        namespace, _, name = key.partition("/")
        try:
            fresh = await self.parts.client.get(JOBS, namespace, name)
        except NotFound:
            return None
        at = expires_at(fresh)
        if at is None or at > self.clock.now():
            return None if at is None else at - self.clock.now()
        applied = await self.apply(Plan((Delete(fresh, propagation_policy="Foreground"),)))
        if applied.error is not None and not isinstance(applied.error, NotFound):
            raise applied.error
        return None
