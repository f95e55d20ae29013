"""Leader election: of the processes that could do some work, one does it.

Used by components that run as their own processes (`wherry controllers`, `wherry scheduler`). The Lease is taken by compare-and-set, so no
two hold it; a leader that cannot renew in time stops its work before another may start. Rule: `wherry.rules.objects.leader_election`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from wherry.api.errors import AlreadyExists, Conflict, NotFound, StatusError
from wherry.api.objects import Obj
from wherry.api.resources import resource
from wherry.client.protocol import Client
from wherry.client.recorder import Recorder
from wherry.errors import WherryError
from wherry.kit.clock import Clock
from wherry.rules.objects import leader_election as rule
from wherry.rules.objects.leader_election import Seen, Timings

log = logging.getLogger(__name__)
LEASES = resource("leases", "coordination.k8s.io")


class LeadershipLost(WherryError, RuntimeError):
    """The Lease could not be renewed in time; the work was stopped."""


class LeaderElection:
    """`identity`: of this process, unlike that of any other. Raises ValueError for timings that cannot work."""

    def __init__(self, client: Client, clock: Clock, name: str, identity: str, *, namespace: str = "kube-system",
                 timings: Timings | None = None) -> None:
        self._timings = timings or Timings()
        if why := rule.refusal(self._timings):
            raise ValueError(why)
        self._client, self._clock = client, clock
        self._name, self._namespace, self._identity = name, namespace, identity
        self._seen: Seen | None = None
        self._lease: Obj | None = None
        self._recorder = Recorder(client, clock, name)
        self.leading = asyncio.Event()

    async def lead(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Wait to lead, then do the work for as long as the Lease is held. Raises LeadershipLost, and what the work raises."""
        recorder = asyncio.create_task(self._recorder.run(), name=f"{self._name} events")
        tasks: list[asyncio.Task[Any]] = [recorder]
        try:
            await self._acquire()
            tasks += [asyncio.create_task(work(), name=self._name), asyncio.create_task(self._hold(), name=f"{self._name} lease")]
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self.leading.is_set():
                self.leading.clear()
                await self._release()

    async def _acquire(self) -> None:
        told = ""
        while not await self._try():
            other = rule.holder(self._lease)
            if other != told:
                log.info("%s waits: %s leads", self._identity, other)
                told = other
            await self._clock.sleep(self._timings.retry)
        self.leading.set()
        assert self._lease is not None
        self._recorder.event(self._lease, "Normal", "LeaderElection", f"{self._identity} became leader")

    async def _hold(self) -> None:
        """Renew until it fails for too long."""
        renewed = self._clock.steady()
        while True:
            await self._clock.sleep(self._timings.retry)
            try:
                async with asyncio.timeout(self._timings.renew):
                    held = await self._try()
            except TimeoutError:
                held = False
            taken = self._lease is not None and rule.holder(self._lease) not in ("", self._identity)
            if held:
                renewed = self._clock.steady()
            elif taken or self._clock.steady() - renewed >= self._timings.renew:
                self.leading.clear()
                raise LeadershipLost(f"{self._identity} could not renew {self._namespace}/{self._name} for {self._timings.renew:g} s")

    async def _try(self) -> bool:
        """Take or renew the Lease; False when another holds it, or the server cannot be asked."""
        try:
            return await self._take()
        except (Conflict, AlreadyExists):
            return False  # another was quicker
        except (StatusError, OSError) as error:
            log.warning("lease %s/%s: %s", self._namespace, self._name, error)
            return False

    async def _take(self) -> bool:
        try:
            lease = await self._client.get(LEASES, self._namespace, self._name)
        except NotFound:
            lease = rule.first(self._name, self._namespace, self._identity, self._timings, self._clock.now())
            self._keep(await self._client.create(LEASES, self._namespace, lease))
            return True
        self._keep(lease)
        assert self._seen is not None
        if not rule.is_free(self._seen, self._identity, self._timings, self._clock.steady()):
            return False
        self._keep(await self._client.update(LEASES, rule.claimed(lease, self._identity, self._timings, self._clock.now())))
        return True

    def _keep(self, lease: Obj) -> None:
        self._lease = lease
        self._seen = rule.observe(self._seen, lease, self._clock.steady())

    async def _release(self) -> None:
        """So that the next one need not wait; if it fails, the next one waits."""
        with suppress(StatusError, OSError, TimeoutError):
            async with asyncio.timeout(self._timings.retry):
                lease = await self._client.get(LEASES, self._namespace, self._name)
                if rule.is_own(lease, self._identity):
                    await self._client.update(LEASES, rule.released(lease, self._clock.now()))
