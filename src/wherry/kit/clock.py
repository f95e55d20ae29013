"""One clock per cluster. Everything that waits or tells the time asks it; nothing else does.

The clock follows an event loop: on a plain loop time is real; on a `VirtualLoop` (kit.virtual) it jumps whenever the loop is idle.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any


class Clock:
    """Wall time and timers of the running event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None, *, epoch: float | None = None) -> None:
        """`epoch`: wall time in seconds since 1970 at this moment; default the loop's own (kit.virtual) or the machine's."""
        self._loop = loop or asyncio.get_running_loop()
        wall_time: Callable[[], float] = getattr(self._loop, "wall_time", time.time)
        self._offset = (wall_time() if epoch is None else epoch) - self._loop.time()

    def now(self) -> float:
        """Seconds since the Unix epoch."""
        return self._loop.time() + self._offset

    def steady(self) -> float:
        """Seconds since some moment; nobody sets this clock, so differences are always time that has passed."""
        return self._loop.time()

    def shift(self, seconds: float) -> None:
        """Set the wall clock forward (or back); timers are not touched. For tests of what a changed clock does."""
        self._offset += seconds

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def call_later(self, seconds: float, call: Callable[..., Any], *args: Any) -> asyncio.TimerHandle:
        return self._loop.call_later(seconds, call, *args)
