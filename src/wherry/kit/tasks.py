"""A group of long-running tasks that are started one by one and stopped together, last first.

A task that crashes is reported the moment it does, through the callback given, and kept for `wait`; it is never lost with its exception
unread. Tasks that simply end leave the group.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

#: called with the task's name and what it raised
Report = Callable[[str, BaseException], None]


class Tasks:
    """Use as `async with Tasks(report) as tasks`, or call `stop` in the end."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._changed: asyncio.Event = asyncio.Event()
        self.crashes: list[tuple[str, BaseException]] = []

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks[task] = None
        task.add_done_callback(self._ended)
        return task

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
            task.cancel()
            await asyncio.wait([task])
            self._tasks.pop(task, None)

    async def __aenter__(self) -> Tasks:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.pop(task, None)
        self._changed.set()
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.crashes.append((task.get_name(), error))
            self._report(task.get_name(), error)
