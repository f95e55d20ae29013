"""The end of real nodes in order: their pods end group by group, lower priorities first, each within its time.

Called once, before anything else is stopped. Where the kubelet's configuration says so it is the reference's: pods end as Failed and say
that the node shut down, the node is not ready meanwhile, and new pods are refused. Otherwise programs only get their time to end: nothing
is written, and at the next start the pods come back by their restart policies, as after a machine's restart.
Source: pkg/kubelet/nodeshutdown; https://kubernetes.io/docs/concepts/cluster-administration/node-shutdown/.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from wherry.kit.clock import Clock
from wherry.node.worker import PodWorker
from wherry.rules.pods.kubelet import node_shutdown as rules
from wherry.rules.pods.kubelet.configuration import ShutdownStep
from wherry.rules.pods.kubelet.static_pods import pod_id
from wherry.rules.pods.kubelet.status import Verdict

_VERDICT = Verdict(rules.REASON, rules.MESSAGE, disruption=True)
_NOT_ADMITTED = Verdict(rules.NOT_ADMITTED_REASON, rules.NOT_ADMITTED)


class Host(Protocol):
    clock: Clock

    def workers(self) -> list[PodWorker]: ...


class Shutdown:
    """`told`: statuses say it. `begun`: nothing new is started any more."""

    def __init__(self, host: Host, *, told: bool) -> None:
        self._host, self._told = host, told
        self._changed = asyncio.Event()
        self._hurry = False
        self.begun = False

    @property
    def silent(self) -> bool:
        return self.begun and not self._told

    @property
    def trouble(self) -> str:
        """What the node's Ready condition says, "" for nothing."""
        return rules.NOT_READY if self.begun and self._told else ""

    @property
    def refusal(self) -> Verdict | None:
        return _NOT_ADMITTED if self.begun and self._told else None

    def changed(self) -> None:
        """A pod is not what it was."""
        self._changed.set()

    def hurry(self) -> None:
        """Wait no longer."""
        self._hurry = True
        self._changed.set()

    async def run(self, steps: Sequence[ShutdownStep]) -> None:
        self.begun = True
        workers = {worker.uid: worker for worker in self._host.workers() if worker.active}
        for group in rules.groups(steps, [worker.pod for worker in workers.values()]):
            those = [workers[pod_id(pod)] for pod in group.pods]
            for worker in those:
                worker.end(_VERDICT, rules.grace(group, worker.pod))
            await self._until_ended(those, self._host.clock.now() + group.seconds)

    async def _until_ended(self, workers: Sequence[PodWorker], deadline: float) -> None:
        while not self._hurry and any(not worker.finished for worker in workers):
            left = deadline - self._host.clock.now()
            if left <= 0:
                return
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), left)
            except TimeoutError:
                return
