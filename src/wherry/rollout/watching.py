"""A rollout followed as snapshots: the workload, its revisions, its pods and events are watched together, and every change gives one.

Called by the live screen, the JSON stream and the guard. Nothing is asked for again and again: four watches, and a look once a second
because a deadline comes nearer by itself. What may not be read (events, budgets, nodes) is left out.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

from wherry.api.errors import StatusError
from wherry.api.objects import Obj, is_controlled_by
from wherry.client.protocol import Client
from wherry.rollout.budgets import blocking
from wherry.rollout.causes import Cause
from wherry.rollout.errors import Deleted
from wherry.rollout.explain import with_log
from wherry.rollout.held_up import selector_of
from wherry.rollout.mirror import Mirror
from wherry.rollout.revisions import newest, of_sources, read
from wherry.rollout.snapshot import Snapshot, snapshot
from wherry.rollout.targets import BUDGETS, CONTROLLER_REVISIONS, DEPLOYMENTS, EVENTS, NODES, PODS, REPLICA_SETS, Named

#: seconds between two looks while nothing changes, and for which changes are collected
EVERY, TOGETHER = 1.0, 0.05
#: seconds between two looks at the nodes while a budget lets no pod go
NODES_EVERY = 10.0


async def snapshots(client: Client, target: Named, namespace: str, *, every: float = EVERY, until_over: bool = True,
                    now: Callable[[], float] = time.time) -> AsyncIterator[Snapshot]:
    """Until the rollout is done or has failed; without `until_over`, for ever, and at least every so many seconds.

    Raises NotFound, RolloutError, and Deleted when it goes.
    """
    watched = Watched(client, target, namespace, now)
    try:
        await watched.start()
        last: Snapshot | None = None
        while True:
            found = await watched.look()
            if found != last or not until_over:
                last = found
                yield found
            if found.over and until_over:
                return
            await watched.wait(every)
    finally:
        await watched.stop()


class Watched:
    """One workload with all that belongs to it. `start` before `look`; `stop` at the end."""

    def __init__(self, client: Client, target: Named, namespace: str, now: Callable[[], float] = time.time) -> None:
        self._client = client
        self._target = target
        self._namespace = namespace
        self._now = now
        self._changed = asyncio.Event()
        self._mirrors: dict[str, Mirror] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._logs: dict[tuple[str, str, str], Cause] = {}
        self._nodes: tuple[float, list[Obj]] = (0.0, [])

    async def start(self) -> None:
        """Raises NotFound."""
        workload = await read(self._client, self._target, self._namespace)
        kept = REPLICA_SETS if self._target.resource is DEPLOYMENTS else CONTROLLER_REVISIONS
        selector = selector_of(workload)

        def mirror(resource: object, **options: object) -> Mirror:
            return Mirror(self._client, resource, self._namespace, self._changed, **options)  # type: ignore[arg-type]

        self._mirrors = {
            "workload": mirror(self._target.resource, field_selector=f"metadata.name={self._target.name}"),
            "sources": mirror(kept, label_selector=selector), "pods": mirror(PODS, label_selector=selector),
            "events": mirror(EVENTS, optional=True), "budgets": mirror(BUDGETS, optional=True)}
        self._tasks = [asyncio.create_task(each.run()) for each in self._mirrors.values()]
        for each in self._mirrors.values():
            while not each.synced.is_set():
                self._raise()
                await self.wait(EVERY)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _raise(self) -> None:
        """What ended a watch for good; an optional one may end quietly."""
        for task in self._tasks:
            if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                raise error

    async def wait(self, seconds: float) -> None:
        """Until something changes, and then a moment for what changes with it; at most that long."""
        try:
            # not wait_for, which in Python 3.11 forgets a cancellation that comes together with the change
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return
        await asyncio.sleep(TOGETHER)
        self._changed.clear()

    def workload(self) -> Obj:
        """As it is now. Raises Deleted."""
        found = self._mirrors["workload"].objects.get(self._target.name)
        if found is None:
            raise Deleted("object has been deleted")
        return found

    def pods(self) -> list[Obj]:
        """All that its selector means."""
        return self._mirrors["pods"].values()

    def sources(self) -> list[Obj]:
        """Its ReplicaSets or ControllerRevisions."""
        workload = self.workload()
        return [source for source in self._mirrors["sources"].values() if is_controlled_by(source, workload)]

    async def look(self) -> Snapshot:
        """The rollout now."""
        self._raise()
        workload = self.workload()
        sources = self.sources()
        budgets = self._mirrors["budgets"].values()
        found = snapshot(workload, f"{self._target.resource.plural}/{self._target.name}", of_sources(self._target, workload, sources),
                         newest(workload, sources), self.pods(), self._mirrors["events"].values(), self._now(), budgets=budgets,
                         nodes=await self._cordoned() if blocking(budgets) else ())
        return replace(found, causes=tuple([await self._logged(cause) for cause in found.causes]))

    async def _cordoned(self) -> list[Obj]:
        """The nodes, read now and then."""
        at, nodes = self._nodes
        now = asyncio.get_running_loop().time()
        if not at or now - at > NODES_EVERY:
            try:
                nodes = (await self._client.list(NODES)).items
            except StatusError:
                nodes = []
            self._nodes = (now, nodes)
        return nodes

    async def _logged(self, cause: Cause) -> Cause:
        """With the last lines of its log, read once for every crash."""
        key = (cause.pod, cause.container, cause.message)
        if cause.kind == "crash" and key not in self._logs:
            self._logs[key] = await with_log(self._client, self._namespace, cause)
        return self._logs.get(key, cause) if cause.kind == "crash" else cause
