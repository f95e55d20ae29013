"""Pods that are about to end: whoever leads traffic to them is asked to stop first, and only then they are told.

Given to the node agent as its `drain` by the cluster. The Service proxy, and whoever else leads traffic (an Ingress), adds itself.
Invariant: a pod is told to end also when one of them fails or hangs, a moment later and with a line in the log.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from wherry.api.objects import Obj, key

log = logging.getLogger(__name__)

#: seconds for which a pod's end waits for those who lead traffic to it
PATIENCE = 1.0


class Leaving:
    def __init__(self) -> None:
        self._ways: list[Callable[[Obj], Awaitable[None]]] = []
        self._elsewhere: list[Callable[[Obj], Awaitable[None]]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, without: Callable[[Obj], Awaitable[None]]) -> None:
        """`without` returns when no new traffic comes to the pod this way any more."""
        self._ways.append(without)

    def add_elsewhere(self, without: Callable[[Obj], Awaitable[None]]) -> None:
        """The same of other machines, which ask `here` of theirs."""
        self._elsewhere.append(without)

    async def here(self, pod: Obj) -> None:
        """Returns when this machine leads no new traffic to the pod any more."""
        await asyncio.gather(*(way(pod) for way in self._ways))

    def drain(self, pod: Obj, then: Callable[[], None]) -> None:
        """`then` is called when no traffic is led to the pod any more, or after PATIENCE."""
        task = asyncio.get_running_loop().create_task(self._all(pod, then), name=f"no traffic to {key(pod)}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _all(self, pod: Obj, then: Callable[[], None]) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                for error in await asyncio.gather(*(way(pod) for way in (*self._ways, *self._elsewhere)), return_exceptions=True):
                    if isinstance(error, Exception):
                        log.error("pod %s ends while traffic may still be led to it", key(pod), exc_info=error)
        except TimeoutError:
            log.warning("pod %s ends while traffic may still be led to it: the rules did not change within %.3g s", key(pod), PATIENCE)
        then()
