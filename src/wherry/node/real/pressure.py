"""The node's look at what is left of it, every ten seconds: conditions, and pods that are thrown out for what they took.

Started by the real nodes. One look is for all nodes of this process, which share the machine. Rules decide (`rules.pods.kubelet.eviction`);
here is what they are told and what is done. Images that nothing uses go before pods do.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from wherry.api.objects import Obj
from wherry.kit.clock import Clock
from wherry.node.engine import Unavailable, Usage
from wherry.node.real import measuring
from wherry.node.real.measuring import Folders
from wherry.node.worker import PodWorker
from wherry.rules.pods.kubelet import eviction
from wherry.rules.pods.kubelet.configuration import KubeletConfiguration, Threshold
from wherry.rules.pods.kubelet.eviction import Observation, PodUse, Watched
from wherry.rules.pods.kubelet.status import Verdict

log = logging.getLogger(__name__)

_EVERY = 10.0
#: condition -> event when it begins, event when it is over
_TOLD = {
    "MemoryPressure": ("NodeHasInsufficientMemory", "NodeHasSufficientMemory"),
    "DiskPressure": ("NodeHasDiskPressure", "NodeHasNoDiskPressure"),
    "PIDPressure": ("NodeHasInsufficientPID", "NodeHasSufficientPID"),
}


class Host(Protocol):
    """What it needs of the agent."""

    clock: Clock

    @property
    def node_names(self) -> list[str]: ...

    def workers(self) -> list[PodWorker]: ...

    def node_event(self, node: str, type_: str, reason: str, message: str) -> None: ...

    def folders(self) -> dict[str, Folders]:
        """Of the pods that run, by uid."""
        ...

    async def stats(self) -> Mapping[str, Usage]:
        """Of containers by id. Raises Unavailable."""
        ...

    async def free_images(self) -> int:
        """Remove all that nothing uses: bytes that went."""
        ...


class Pressure:
    """`folder`: on the disk that is watched. `now` holds the conditions that hold."""

    def __init__(self, host: Host, configuration: KubeletConfiguration, folder: Path) -> None:
        self._host, self._configuration, self._folder = host, configuration, folder
        self._watched = Watched()
        self.now: frozenset[str] = frozenset()

    async def run(self) -> None:
        while True:
            await self._host.clock.sleep(_EVERY)
            try:
                await self.look()
            except (OSError, Unavailable) as error:
                log.warning("what is left of the node is not known: %s", error)

    async def look(self) -> None:
        """Once. Raises OSError, Unavailable."""
        uses = await self._uses()
        observations = await asyncio.to_thread(measuring.machine, self._folder)
        finding = self._find(observations)
        if self._over_limits(uses) or finding.starved is None:
            return
        resource = eviction.resource_of(finding.starved)
        for node in self._host.node_names:
            self._host.node_event(node, "Warning", "EvictionThresholdMet", f"Attempting to reclaim {resource}")
        if resource in ("ephemeral-storage", "inodes") and await self._host.free_images():
            observations = await asyncio.to_thread(measuring.machine, self._folder)
            if self._find(observations).starved is None:
                return
        self._evict_one(finding.starved, uses, observations)

    def _find(self, observations: Mapping[str, Observation]) -> eviction.Finding:
        finding = eviction.look(self._configuration, self._watched, observations, self._host.clock.now())
        self._watched = finding.watched
        for kind in sorted(finding.pressures ^ self.now):
            reason = _TOLD[kind][kind not in finding.pressures]
            for node in self._host.node_names:
                self._host.node_event(node, "Normal", reason, f"Node {node} status is now: {reason}")
        self.now = finding.pressures
        return finding

    async def _uses(self) -> dict[str, PodUse]:
        return await asyncio.to_thread(measuring.pods, self._host.folders(), await self._host.stats())

    def _over_limits(self, uses: Mapping[str, PodUse]) -> bool:
        """Every pod that wrote more than it may ends."""
        found = False
        for worker in self._active():
            use = uses.get(worker.uid)
            text = eviction.over_limit(worker.pod, use) if use is not None and not eviction.is_critical(worker.pod) else ""
            if text:
                self._evict(worker, Verdict(eviction.REASON, text), 1.0)
                found = True
        return found

    def _evict_one(self, starved: Threshold, uses: Mapping[str, PodUse], observations: Mapping[str, Observation]) -> None:
        workers = {worker.uid: worker for worker in self._active() if worker.sandbox == "ready"}
        pods: list[Obj] = [worker.pod for worker in workers.values()]
        for pod in eviction.ranked(pods, uses, eviction.resource_of(starved)):
            if not eviction.is_critical(pod):
                worker = workers[pod["metadata"]["uid"]]
                text = eviction.message(pod, uses.get(worker.uid), starved, observations)
                self._evict(worker, Verdict(eviction.REASON, text, disruption=True), eviction.grace(self._configuration, starved, pod))
                return

    def _active(self) -> list[PodWorker]:
        return [worker for worker in self._host.workers() if worker.active and not worker.stopping]

    def _evict(self, worker: PodWorker, verdict: Verdict, grace: float) -> None:
        worker.events.pod("Warning", eviction.REASON, verdict.message)
        worker.end(verdict, grace)
