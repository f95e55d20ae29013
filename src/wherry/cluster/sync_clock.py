"""A cluster's clock for code that is not asynchronous: the same methods, each waiting until it is done.

Made by a cluster in a plain `with`, as `SyncClient` is. Conditions of `run_until` run on the caller's thread, between two steps of time, so
they may use the cluster's client or any other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from wherry.cluster.bridge import done
from wherry.kit.clock import Clock, NotReached, attempt
from wherry.kit.durations import Duration, seconds

if TYPE_CHECKING:
    from wherry.client.sync import Call

T = TypeVar("T")


class SyncClock:
    """Each method waits until it is done."""

    def __init__(self, clock: Clock, call: Call) -> None:
        self._clock = clock
        self._call = call

    @property
    def virtual(self) -> bool:
        """Time moves only as it is told."""
        return self._clock.virtual

    def steady(self) -> float:
        """Seconds since some moment; nobody sets this clock."""
        return self._clock.steady()

    def now(self) -> float:
        """Seconds since 1970."""
        return self._clock.now()

    def advance(self, duration: Duration) -> None:
        """Time passes, timer by timer, each with all that follows from it. Raises NotVirtual."""
        self._call(self._clock.advance(duration))

    def settle(self) -> None:
        """Returns when all that can happen at this moment has. Raises NotVirtual."""
        self._call(self._clock.settle())

    def sleep(self, seconds: float) -> None:
        """Until that time has passed, by whatever moves it."""
        self._call(self._clock.sleep(seconds))

    def run_until(self, condition: Callable[[], T], limit: Duration = "1h") -> T:
        """As the clock's. Raises NotReached."""
        end = self.now() + seconds(limit)
        while True:
            if self._clock.virtual:
                self.settle()
            found = attempt(condition)
            if found and not isinstance(found, Exception):
                return found  # type: ignore[no-any-return]
            if self.now() >= end:
                raise NotReached(limit, found)
            self._call(self._clock.step(end - self.now()))

    def shift(self, seconds: float) -> None:
        """Sets the wall clock forward (or back); timers are not touched."""
        self._call(done(self._clock.shift, seconds))

    def freeze(self) -> None:
        """From now on time stands still unless it is moved. Raises NotVirtual."""
        self._call(done(self._clock.freeze))

    def run(self, speed: float = 1.0) -> None:
        """From now on that many seconds pass in a real one. Raises NotVirtual."""
        self._call(done(self._clock.run, speed))
