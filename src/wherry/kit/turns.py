"""Turns: tasks that could work on and on let the event loop look at its sockets at least every few milliseconds.

A write to a store in memory never waits, so a controller with a thousand pods to make would keep every client waiting until all are made.
Whoever does many pieces of work in a row asks for a `turn` before each. While the present turn lasts that costs nothing; when it is over,
those who ask wait in line, and each round of the loop lets the next few go on. Time comes from the machine, so on a loop whose time is
virtual (kit.virtual), where runs must be the same each time and nobody outside waits, there are no turns.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from weakref import WeakKeyDictionary, ref

#: seconds that a turn lasts while clients ask, and when none has asked for REMEMBERED seconds
SLICE = 0.002
LONG_SLICE = 0.05
REMEMBERED = 0.5
#: how many go on in one round while clients ask: most have one short piece of work
AT_ONCE = 4


class _Turns:
    """Of one loop, which it does not hold: the table of loops would keep both."""

    def __init__(self) -> None:
        self._until = 0.0
        self._asked = -REMEMBERED
        self._line: deque[asyncio.Future[None]] = deque()
        self._called = False

    def asked(self) -> None:
        self._asked = time.perf_counter()

    def is_over(self) -> bool:
        return time.perf_counter() > self._until

    async def wait(self) -> None:
        place = asyncio.get_running_loop().create_future()
        self._line.append(place)
        self._call()
        await place

    def _call(self) -> None:
        if not self._called:
            self._called = True
            asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        """In the round after the one in which somebody got in line: sockets were looked at since."""
        self._called = False
        now = time.perf_counter()
        watched = now - self._asked < REMEMBERED
        self._until = now + (SLICE if watched else LONG_SLICE)
        for _ in range(min(AT_ONCE, len(self._line)) if watched else len(self._line)):
            place = self._line.popleft()
            if not place.done():
                place.set_result(None)
        if self._line:
            self._call()


_OF: WeakKeyDictionary[asyncio.AbstractEventLoop, _Turns | None] = WeakKeyDictionary()


def _nobody() -> None:
    return None


#: the loop that was asked for last, and its turns: a process has one, and it is asked for at every write
_last: tuple[Callable[[], asyncio.AbstractEventLoop | None], _Turns | None] = _nobody, None


def _of(loop: asyncio.AbstractEventLoop) -> _Turns | None:
    global _last
    known, turns = _last
    if known() is loop:
        return turns
    if loop not in _OF:
        _OF[loop] = None if hasattr(loop, "advance") else _Turns()
    turns = _OF[loop]
    _last = ref(loop), turns
    return turns


async def turn() -> None:
    """Returns at once while a turn lasts, else when it is the caller's."""
    turns = _of(asyncio.get_running_loop())
    if turns is not None and turns.is_over():
        await turns.wait()


def somebody_asks() -> None:
    """Called for every request from outside: turns are short for a while."""
    turns = _of(asyncio.get_running_loop())
    if turns is not None:
        turns.asked()
