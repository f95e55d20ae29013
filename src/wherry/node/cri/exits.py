"""Who runs and who has ended: every container that was started is followed until its end, and each end is told once.

Used by the engine. Events say whom to look at; a look at all is the safety, with each new connection and every few seconds (oftener where
the runtime tells of nothing). What a container's end was, its status says. Invariants: an end is told after `ended` is allowed to (the
start has been told), and once; a container that the runtime does not know any more has ended too.
Source of the rules: pkg/kubelet/pleg (generic.go, evented.go).
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Sequence
from typing import Any

from wherry.node.cri import events
from wherry.node.cri.calls import CallFailed, Calls
from wherry.node.engine import Exit, Unavailable

log = logging.getLogger(__name__)

#: seconds between two looks at all: where events come, and where none do
_RARELY, _OFTEN = 10.0, 0.5
#: seconds until a broken stream is opened again
_AGAIN = 0.5
#: seconds between two looks at one that is to have ended, and how many of them
_SETTLE, _LOOKS = 0.005, 10
#: seconds between two looks at a log that may still grow, and how many of them
_QUIET, _QUIET_LOOKS = 0.01, 100
RUNNING, EXITED, UNKNOWN = 1, 2, 3
_KILLED = 137


class Exits:
    """`listed`: the ids of all of ours that are there. `tell`: of an end."""

    def __init__(self, calls: Calls, owned: dict[str, str], tell: Callable[[Exit], None], now: Callable[[], float]) -> None:
        self._calls, self._owned, self._tell, self._now = calls, owned, tell, now
        self._followed: dict[str, asyncio.Event] = {}
        self._looking: dict[str, asyncio.Task[None]] = {}
        self._eventless = False
        #: called with the lists of sandboxes and containers, each time that they are looked at
        self.on_list: Callable[[Sequence[Any], Sequence[Any]], None] = lambda sandboxes, containers: None

    def follow(self, id: str) -> None:
        """From now on its end is told."""
        self._followed.setdefault(id, asyncio.Event())

    def follows(self, id: str) -> bool:
        return id in self._followed

    def forget(self, id: str) -> None:
        self._over(id)

    async def until(self, id: str) -> None:
        """Until it has ended; at once for one that is not followed."""
        ended = self._followed.get(id)
        if ended is not None:
            await ended.wait()

    async def run(self) -> None:
        """Until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._listen())
                group.create_task(self._look_at_all())
        finally:
            for task in self._looking.values():
                task.cancel()

    # --- what the runtime tells ---
    async def _listen(self) -> None:
        while True:
            try:
                async for id in events.changed(self._calls):
                    if id in self._followed:
                        self.look(id)
            except events.NoEvents:
                log.info("the container runtime tells of nothing by itself: its list is looked at every %g s", _OFTEN)
                self._eventless = True
                return
            except (CallFailed, Unavailable) as error:
                log.debug("events of the container runtime: %s", error)
            await asyncio.sleep(_AGAIN)
            await self._list()

    async def _look_at_all(self) -> None:
        while True:
            await self._list()
            await asyncio.sleep(_OFTEN if self._eventless else _RARELY)

    async def _list(self) -> None:
        before = list(self._followed)
        try:
            sandboxes = await self._calls("ListPodSandbox", {"filter": {"label_selector": self._owned}})
            told = await self._calls("ListContainers", {"filter": {"label_selector": self._owned}})
        except (CallFailed, Unavailable) as error:
            log.debug("the list of the container runtime: %s", error)
            return
        states = {each.id: each.state for each in told.containers}
        for id in before:
            if states.get(id, EXITED) in (EXITED, UNKNOWN):
                self.look(id)
        self.on_list(list(sandboxes.items), list(told.containers))

    # --- how it ended ---
    def look(self, id: str) -> None:
        """It may have ended: ask, unless that is done already."""
        if id not in self._looking:
            task = self._looking[id] = asyncio.get_running_loop().create_task(self._settle(id), name=f"end of {id[:12]}")
            task.add_done_callback(lambda done: self._looked(id, done))

    def _looked(self, id: str, task: asyncio.Task[None]) -> None:
        self._looking.pop(id, None)
        if not task.cancelled() and task.exception() is not None:
            log.error("how container %s ended was not to be learnt", id, exc_info=task.exception())

    async def _settle(self, id: str) -> None:
        for look in range(_LOOKS):
            try:
                status = (await self._calls("ContainerStatus", {"container_id": id})).status
            except CallFailed as failed:
                if failed.code != "NotFound":
                    raise
                self.lost(id)
                return
            except Unavailable:
                return  # with the next list
            if status.state == EXITED:
                await written(status.log_path)
                self._ended(exit_of(id, status))
                return
            if status.state == UNKNOWN and look == _LOOKS - 1:
                self.lost(id)
            await asyncio.sleep(_SETTLE * 2**look)

    def lost(self, id: str) -> None:
        """It does not run, and how it ended nobody knows."""
        self._ended(Exit(id, _KILLED, self._now(), reason="ContainerStatusUnknown"))

    def _ended(self, exit: Exit) -> None:
        if exit.id in self._followed:
            self._over(exit.id)
            self._tell(exit)

    def _over(self, id: str) -> None:
        ended = self._followed.pop(id, None)
        if ended is not None:
            ended.set()


async def written(log: str) -> None:
    """Until the runtime has written what came last: it says that a container has ended a moment before."""
    size = -1
    for _ in range(_QUIET_LOOKS):
        try:
            now = os.stat(log).st_size
        except OSError:
            return
        if now == size:
            return
        size = now
        await asyncio.sleep(_QUIET)


def exit_of(id: str, status: Any) -> Exit:
    """As the runtime says it: OOMKilled is its word, Completed and Error are for the kubelet to find."""
    reason = status.reason if status.reason not in ("Completed", "Error") else ""
    return Exit(id, status.exit_code, status.finished_at / 1e9, reason=reason)
