"""The pod garbage collector: every 20 seconds, deletes pods that nobody else will end. Its one key is `pods`.

A node that pods name and that is not there gets 40 seconds to appear, and is asked for once more before its pods go.
Rules: `wherry.rules.placing.node_lifecycle.pod_garbage`. Source of the wiring: pkg/controller/podgc.
"""

from __future__ import annotations

import logging

from wherry.api import objects
from wherry.api.errors import NotFound
from wherry.api.resources import resource
from wherry.reconcile import Controller, Parts
from wherry.rules.placing.node_lifecycle import pod_garbage

log = logging.getLogger(__name__)

PODS, NODES = resource("pods"), resource("nodes")
_KEY = "pods"


class PodGarbageCollector(Controller):
    name = "pod-garbage-collector-controller"
    workers = 1

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._pods, self._nodes = self.informer(PODS), self.informer(NODES)
        #: nodes that are missed, and until when they may appear
        self._missing: dict[str, float] = {}
        self.queue.add(_KEY)

    async def reconcile(self, key: str) -> float | None:
        await self._pods.synced()
        await self._nodes.synced()
        now, pods = self.clock.now(), list(self._pods.items())
        gone = await self._gone({p["spec"].get("nodeName", "") for p in pods}, now)
        orphans = pod_garbage.orphans(pods, gone)
        others = [*pod_garbage.ended(pods), *pod_garbage.going(pods, self._nodes.get)]
        known = {objects.uid(p) for p in orphans}
        plans = [pod_garbage.plan(p, now, orphan=True) for p in orphans]
        plans += [pod_garbage.plan(p, now) for p in {objects.uid(p): p for p in others}.values() if objects.uid(p) not in known]
        for plan in plans:
            error = (await self.apply(plan)).error
            if error is not None and not isinstance(error, NotFound):
                log.warning("a pod could not be collected: %s", error)
        return pod_garbage.EVERY

    async def _gone(self, named: set[str], now: float) -> set[str]:
        """The nodes among those named by pods that are gone for good."""
        missing = {name for name in named if name and self._nodes.get(name) is None}
        self._missing = {name: self._missing.get(name, now + pod_garbage.QUARANTINE) for name in missing}
        return {name for name, until in self._missing.items() if until <= now and not await self._exists(name)}

    async def _exists(self, name: str) -> bool:
        try:
            await self.parts.client.get(NODES, "", name)
        except NotFound:
            return False
        return True
