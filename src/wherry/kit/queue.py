"""The work queue of a control loop: each key at most once waiting and at most once in work.

A key added while it is in work comes again after `done`, so no change is missed and no key is worked on twice at a time. `add_after`
adds later (an earlier moment wins over a later one), `add_failed` after the key's back-off. Model: client-go's util/workqueue.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Hashable
from typing import Generic, NamedTuple, TypeVar

from wherry.kit.backoff import Backoff
from wherry.kit.clock import Clock
from wherry.kit.metrics import Histogram, exponential

K = TypeVar("K", bound=Hashable)
#: of how long keys wait and are worked on, in seconds: client-go's
BOUNDS = exponential(1e-8, 10, 10)


class QueueClosed(Exception):
    """The queue was closed and everything in it has been handed out."""


class _Later(NamedTuple):
    timer: asyncio.Handle
    due: float


class WorkQueue(Generic[K]):
    """All methods are called from one event loop; any number of workers may `get`."""

    def __init__(self, clock: Clock, backoff: Backoff[K] | None = None) -> None:
        self._clock = clock
        self._backoff: Backoff[K] = backoff if backoff is not None else Backoff()
        self._ready: deque[K] = deque()
        #: the keys to be worked on, and since when; those in work, and since when
        self._dirty: dict[K, float] = {}
        self._working: dict[K, float] = {}
        self._later: dict[K, _Later] = {}
        self._getters: deque[asyncio.Future[None]] = deque()
        self._closed = False
        #: what happened so far: keys that were added, those among them after a failure, how long they waited and were worked on
        self.adds, self.retries = 0, 0
        self.waited, self.worked = Histogram(BOUNDS), Histogram(BOUNDS)

    def __len__(self) -> int:
        """How many keys are ready."""
        return len(self._ready)

    @property
    def idle(self) -> bool:
        """Nothing is ready or in work (keys that wait for their time do not count)."""
        return not self._dirty and not self._working

    def add(self, key: K) -> None:
        if self._closed or key in self._dirty:
            return
        self._dirty[key] = self._clock.steady()
        self.adds += 1
        if key not in self._working:
            self._push(key)

    def add_after(self, key: K, seconds: float) -> None:
        """Add the key that many seconds from now; at once when not positive."""
        if self._closed:
            return
        if seconds <= 0:
            self.add(key)
            return
        # kept here, since what a loop gives for a very short time need not know when it is due
        due = self._clock.steady() + seconds
        waiting = self._later.get(key)
        if waiting is not None:
            if waiting.due <= due:
                return
            waiting.timer.cancel()
        self._later[key] = _Later(self._clock.call_later(seconds, self._due, key), due)

    def add_failed(self, key: K) -> float:
        """Add the key after its back-off, which grows with each call until `forget`. The seconds it will wait."""
        self.retries += 1
        seconds = self._backoff.next(key)
        self.add_after(key, seconds)
        return seconds

    def forget(self, key: K) -> None:
        """The key succeeded: its back-off starts anew."""
        self._backoff.forget(key)

    def failures(self, key: K) -> int:
        return self._backoff.failures(key)

    def in_work(self) -> dict[K, float]:
        """The keys that are worked on now, and for how many seconds."""
        now = self._clock.steady()
        return {key: now - begun for key, begun in self._working.items()}

    def waiting(self) -> tuple[list[K], dict[K, float]]:
        """The keys that are ready, in order, and those that come later, with the seconds until then."""
        now = self._clock.steady()
        return list(self._ready), {key: later.due - now for key, later in self._later.items()}

    async def get(self) -> K:
        """The next key, which is in work until `done`. Raises QueueClosed."""
        while not self._ready:
            if self._closed:
                raise QueueClosed
            await self._wait()
        key = self._ready.popleft()
        now = self._working[key] = self._clock.steady()
        self.waited.add(now - self._dirty.pop(key))
        return key

    def done(self, key: K) -> None:
        if (begun := self._working.pop(key, None)) is not None:
            self.worked.add(self._clock.steady() - begun)
        if key in self._dirty:
            self._push(key)

    def close(self) -> None:
        """Take nothing more; what is ready may still be got."""
        self._closed = True
        for waiting in self._later.values():
            waiting.timer.cancel()
        self._later.clear()
        for getter in self._getters:
            if not getter.done():
                getter.set_result(None)

    def _due(self, key: K) -> None:
        self._later.pop(key, None)
        self.add(key)

    def _push(self, key: K) -> None:
        self._ready.append(key)
        self._wake_one()

    def _wake_one(self) -> None:
        while self._getters:
            getter = self._getters.popleft()
            if not getter.done():
                getter.set_result(None)
                return

    async def _wait(self) -> None:
        getter = asyncio.get_running_loop().create_future()
        self._getters.append(getter)
        try:
            await getter
        except asyncio.CancelledError:
            if getter.done() and not getter.cancelled():  # woken and cancelled in one turn: the key is for another
                self._wake_one()
            raise
