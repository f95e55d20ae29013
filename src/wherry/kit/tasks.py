"""A group of long-running tasks that are started one by one, supervised, and stopped together, last first.

The policy of supervision, the same for every part of a process: a task that raises is told with its cause and started again, at once the
first time and later each time after; after two failures in a row its part is ill (`Health`, which readiness shows); after ten it is given
up, and `wait` raises what it raised, so that the process can end with an error instead of going on without the part. A task that ran for
`STEADY` seconds since its last failure is well. Seconds are the loop's, so on a loop with virtual time they cost nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from wherry.kit.health import Health

log = logging.getLogger(__name__)

#: called with the task's name and what it raised
Report = Callable[[str, BaseException], None]
Work = Callable[[], Coroutine[Any, Any, None]]

#: failures in a row after which a task is not started again
MOST_FAILURES = 10
#: seconds without a failure after which earlier ones do not count
STEADY = 20.0
#: seconds before the second restart; doubled each time, up to the longest (the first restart is at once)
FIRST_WAIT, LONGEST_WAIT = 0.25, 30.0


class GivenUp(RuntimeError):
    """A part failed too often in a row and is not started again; its cause is what it raised last."""


class Tasks:
    """Use as `async with Tasks(report) as tasks`, or call `stop` in the end. `report` is told of tasks that ended by an error for good."""

    def __init__(self, report: Report, health: Health | None = None) -> None:
        self._report = report
        self.health = health or Health()
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._struck: dict[asyncio.Task[Any], BaseException] = {}
        self._changed: asyncio.Event = asyncio.Event()
        self.crashes: list[tuple[str, BaseException]] = []

    def __len__(self) -> int:
        return len(self._tasks)

    @property
    def names(self) -> list[str]:
        """Of the tasks there are, in the order of their start."""
        return [task.get_name() for task in self._tasks]

    def start(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Run it once: a task that ends by an error is reported, and not started again."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks[task] = None
        task.add_done_callback(self._ended)
        return task

    def supervise(self, work: Work, name: str) -> asyncio.Task[Any]:
        """Run it, again and again when it raises. `work` must be ready to be called again after what it raised."""
        return self.start(self._supervised(work, name), name)

    def strike(self, name: str, error: BaseException) -> None:
        """For drills: the supervised tasks of that name end at what they wait for, as if that had raised `error`. Raises KeyError."""
        struck = [task for task in self._tasks if task.get_name() == name]
        if not struck:
            raise KeyError(name)
        for task in struck:
            self._struck[task] = error
            task.cancel()

    async def wait(self) -> None:
        """Until every task has ended; raises what the first crash raised, as soon as it happens."""
        while not self.crashes and self._tasks:
            self._changed.clear()
            await self._changed.wait()
        if self.crashes:
            raise self.crashes[0][1]

    async def stop(self) -> None:
        """Cancel all tasks, the last started first, and wait for each to end."""
        while self._tasks:
            task = next(reversed(self._tasks))
            self._struck.pop(task, None)
            task.cancel()
            await asyncio.wait([task])
            self._tasks.pop(task, None)

    async def __aenter__(self) -> Tasks:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    async def _supervised(self, work: Work, name: str) -> None:
        loop = asyncio.get_running_loop()
        while True:
            steady = loop.call_later(STEADY, self.health.well, name) if self.health.failures(name) else None
            begun = loop.time()
            try:
                await work()
                return
            except asyncio.CancelledError:
                if (error := self._drill()) is None:
                    raise
                failure = error
            except Exception as error:
                failure = error
            finally:
                if steady is not None:
                    steady.cancel()
            if loop.time() - begun >= STEADY:
                self.health.well(name)
            await self._after(name, failure)

    def _drill(self) -> BaseException | None:
        """What the running task was struck with; None when it was cancelled by somebody who means it."""
        task = asyncio.current_task()
        assert task is not None
        error = self._struck.pop(task, None)
        if error is not None:
            task.uncancel()
        return error

    async def _after(self, name: str, failure: BaseException) -> None:
        """Tell of a failure, and wait for as long as it takes until the next try. Raises GivenUp when there is none."""
        count = self.health.failed(name, f"{type(failure).__name__}: {failure}")
        if count >= MOST_FAILURES:
            raise GivenUp(f"{name} failed {count} times in a row and is given up: {failure!r}") from failure
        wait = 0.0 if count == 1 else min(FIRST_WAIT * 2.0 ** (count - 2), LONGEST_WAIT)
        log.error("%s failed (%d of %d): %r; it is started again in %.3g s", name, count, MOST_FAILURES, failure, wait, exc_info=failure)
        try:
            await asyncio.sleep(wait)
        except asyncio.CancelledError:
            if self._drill() is None:
                raise

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.pop(task, None)
        self._changed.set()
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.crashes.append((task.get_name(), error))
            self._report(task.get_name(), error)
