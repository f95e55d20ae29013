"""One clock per cluster. Everything that waits or tells the time asks it; nothing else does.

The clock follows an event loop: on a plain loop time is real; on a `VirtualLoop` (kit.virtual) it moves only when nothing else can happen.
There its owner moves it: `advance` by a length of time, `run_until` something is so, `freeze` and `run` stop it and let it go.
"""

from __future__ import annotations

import asyncio
import inspect
import math
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from wherry.errors import WherryError
from wherry.kit.durations import Duration, seconds

if TYPE_CHECKING:
    from wherry.kit.virtual import VirtualLoop

T = TypeVar("T")
#: seconds between two looks of `run_until` where time is real
POLL = 0.02


class NotVirtual(WherryError, RuntimeError):
    """Time is real here and cannot be moved."""


class NotReached(WherryError, TimeoutError):
    """`run_until` came to its limit; `last` is what the condition said, or raised, in the end."""

    def __init__(self, limit: Duration, last: Any) -> None:
        said = f"raised {type(last).__name__}: {last}" if isinstance(last, Exception) else f"was {last!r}"
        super().__init__(
            f"not reached within {limit if isinstance(limit, str) else f'{limit} s'} of the cluster's time: the condition {said}"
        )
        self.last = last


class Clock:
    """Wall time and timers of the running event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None, *, epoch: float | None = None) -> None:
        """`epoch`: wall time in seconds since 1970 at this moment; default the loop's own (kit.virtual) or the machine's."""
        self._loop = loop or asyncio.get_running_loop()
        wall_time: Callable[[], float] = getattr(self._loop, "wall_time", time.time)
        self._offset = (wall_time() if epoch is None else epoch) - self._loop.time()
        self._last_moment = 0

    def now(self) -> float:
        """Seconds since the Unix epoch."""
        return self._loop.time() + self._offset

    def moment(self) -> int:
        """Nanoseconds since the Unix epoch, never the same twice and never less than before: an order of what happens."""
        self._last_moment = max(self._last_moment + 1, int(self.now() * 1e9))
        return self._last_moment

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

    # --- virtual time ---
    @property
    def virtual(self) -> bool:
        return hasattr(self._loop, "advance")

    async def advance(self, duration: Duration) -> None:
        """Time passes, timer by timer, each with all that follows from it. Raises NotVirtual."""
        await self._virtual().advance(seconds(duration))

    async def settle(self) -> None:
        """Returns when all that can happen at this moment has. Raises NotVirtual."""
        await self._virtual().settle()

    async def run_until(self, condition: Callable[[], T | Awaitable[T]], limit: Duration = "1h") -> T:
        """Time passes until the condition is true; what it gave then. LookupError and what is not found count as not yet.

        Where time is real this looks again and again. Raises NotReached.
        """
        return await run_until(self, condition, limit)

    async def step(self, limit: float) -> None:
        """Time passes to the next timer, `limit` seconds at most; where time is real, for a moment."""
        if self.virtual:
            await self._virtual().step(self._loop.time() + limit)
        else:
            await asyncio.sleep(min(POLL, max(limit, 0.0)))

    def freeze(self) -> None:
        """From now on time stands still unless it is moved. Raises NotVirtual."""
        self._virtual().speed = 0.0

    def run(self, speed: float = 1.0) -> None:
        """From now on that many seconds pass in a real one (infinite: idle time passes at once). Raises NotVirtual."""
        if not speed > 0 or math.isnan(speed):
            raise ValueError(f"a speed is a positive number, not {speed!r}")
        self._virtual().speed = speed

    def _virtual(self) -> VirtualLoop:
        if not self.virtual:
            raise NotVirtual('this clock follows real time; a cluster made with time="virtual" has one that can be moved')
        return self._loop  # type: ignore[return-value]


class Moving(Protocol):
    """What `run_until` needs of a clock."""

    @property
    def virtual(self) -> bool: ...
    def now(self) -> float: ...
    async def settle(self) -> None: ...
    async def step(self, limit: float) -> None: ...


async def run_until(clock: Moving, condition: Callable[[], T | Awaitable[T]], limit: Duration) -> T:
    """Step by step until the condition is true. Raises NotReached."""
    end = clock.now() + seconds(limit)
    while True:
        if clock.virtual:
            await clock.settle()
        found: Any = attempt(condition)
        if inspect.isawaitable(found):
            found = await _attempt_async(found)
        if found and not isinstance(found, Exception):
            return found  # type: ignore[no-any-return]
        if clock.now() >= end:
            raise NotReached(limit, found)
        await clock.step(end - clock.now())


def attempt(condition: Callable[[], Any]) -> Any:
    """What it gives, or the exception that means `not yet`."""
    try:
        return condition()
    except Exception as error:
        return _not_yet(error)


async def _attempt_async(found: Awaitable[Any]) -> Any:
    try:
        return await found
    except Exception as error:
        return _not_yet(error)


def _not_yet(error: Exception) -> Exception:
    """Raises the error again, unless it says that something is not there."""
    missing = isinstance(error, LookupError) or 404 in (getattr(error, "code", 0), getattr(error, "status", 0))
    response = getattr(error, "response", None)
    if missing or getattr(response, "status_code", 0) == 404:
        return error
    raise error
