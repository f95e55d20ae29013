"""An event loop whose time jumps to the next timer whenever nothing else can happen.

Tests and rehearsals run on it: an hour of back-off passes in no time, and the same program takes the same course every time. Real input
and output still work: sockets are looked at before every jump, and time stands still while a job runs in an executor of its own (the
commit of a store). Jobs of the default executor (`asyncio.to_thread`) do not hold time: they may be a client that waits for it to pass.
With nothing scheduled the loop blocks as any other.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Selector(selectors.DefaultSelector):
    """Where the loop would sleep: look, then jump instead."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        ready = super().select(None if self.loop.jobs else 0)
        if not ready:
            self.loop.elapsed += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """`epoch` is the wall time (seconds since 1970) at which its time starts; `kit.clock.Clock` reads it."""

    def __init__(self, epoch: float | None = None) -> None:
        self.epoch = time.time() if epoch is None else epoch
        self.elapsed = 0.0
        self.jobs = 0
        selector = _Selector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        """Seconds since the loop was made, in its own time."""
        return self.elapsed

    def wall_time(self) -> float:
        return self.epoch + self.elapsed

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]
        """As ever; virtual time waits for the job, unless it is the default executor's."""
        future: asyncio.Future[T] = super().run_in_executor(executor, func, *args)
        if executor is not None:
            self.jobs += 1
            future.add_done_callback(self._job_done)
        return future

    def _job_done(self, future: asyncio.Future[Any]) -> None:
        self.jobs -= 1


def run_virtual(main: Coroutine[Any, Any, T], *, epoch: float | None = None) -> T:
    """Run `main` to its end on a VirtualLoop, as asyncio.run does on a plain one."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(epoch)) as runner:
        return runner.run(main)
