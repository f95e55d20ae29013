"""Who waits for what the log is going to hold: writers for their own write, readers for a key or a revision that etcd has told them of.

The feed says what came (`arrived`, `reached`); whoever waits registers before he asks etcd, because news of the watch may be quicker than
the answer. A writer gives the bytes he sent, so that the record holds his object, which need not be decoded again. Whoever waits too long
gets StoreFailed: what he waits for has happened, and this server has not heard of it.
"""

from __future__ import annotations

import asyncio
from bisect import insort
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar

from wherry.store.protocol import Encoded, Record, StoreFailed

T = TypeVar("T")

#: seconds that news of the watch may be behind an answer
PATIENCE = 10.0
UNHEARD = "etcd has revision {}, and its watch does not tell this server of it"


class Write:
    """One write of this process, from before it is sent until its record is in the log. Use as a context."""

    __slots__ = ("_arrivals", "_future", "_key", "_seen", "_wanted", "encoded", "stored")

    def __init__(self, arrivals: Arrivals, key: str, stored: bytes | None, encoded: Encoded | None) -> None:
        self._arrivals, self._key = arrivals, key
        self.stored, self.encoded = stored, encoded
        self._seen: list[Record] = []
        self._wanted = 0
        self._future: asyncio.Future[Record] | None = None

    def __enter__(self) -> Write:
        self._arrivals.writes.setdefault(self._key, []).append(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        writes = self._arrivals.writes[self._key]
        writes.remove(self)
        if not writes:
            del self._arrivals.writes[self._key]
            self._arrivals.wrote()

    def came(self, record: Record) -> None:
        """A version of the key is in the log, this one's or another."""
        if self._future is None:
            self._seen.append(record)
        elif record.revision == self._wanted and not self._future.done():
            self._future.set_result(record)

    async def record(self, revision: int) -> Record:
        """The record at the revision that the write has got. Raises StoreFailed."""
        for record in self._seen:
            if record.revision == revision:
                return record
        self._wanted, self._future = revision, asyncio.get_running_loop().create_future()
        self._arrivals.watch_over(self._future, revision)
        return await self._future


class Arrivals:
    """`writes`: those under way, by their key."""

    def __init__(self) -> None:
        self.writes: dict[str, list[Write]] = {}
        self._keys: dict[str, list[tuple[Callable[[], bool], asyncio.Future[None]]]] = {}
        self._revisions: list[tuple[int, int, asyncio.Future[None]]] = []
        self._count = 0
        self._reached = 0
        self._idle: asyncio.Future[None] | None = None
        #: what is waited for, with the time at which patience ends; each as long, so the first ends first
        self._waiting: deque[tuple[float, int, asyncio.Future[Any]]] = deque()
        self._sweep: asyncio.TimerHandle | None = None

    def wrote(self) -> None:
        """A write has ended."""
        if self._idle is not None and not self.writes and not self._idle.done():
            self._idle.set_result(None)

    async def done(self, patience: float) -> None:
        """Until no write is under way, or patience ends."""
        if self.writes:
            self._idle = asyncio.get_running_loop().create_future()
            await asyncio.wait([self._idle], timeout=patience)

    def watch_over(self, future: asyncio.Future[Any], revision: int) -> None:
        """The future fails when patience ends. One timer serves all: a timer for each write would cost more than the write."""
        loop = asyncio.get_running_loop()
        self._waiting.append((loop.time() + PATIENCE, revision, future))
        if self._sweep is None:
            self._sweep = loop.call_later(PATIENCE, self._end_patience)

    def _end_patience(self) -> None:
        loop, waiting = asyncio.get_running_loop(), self._waiting
        while waiting and (waiting[0][2].done() or waiting[0][0] <= loop.time()):
            _, revision, future = waiting.popleft()
            if not future.done():
                future.set_exception(StoreFailed(UNHEARD.format(revision)))
        self._sweep = loop.call_at(waiting[0][0], self._end_patience) if waiting else None

    def close(self) -> None:
        if self._sweep is not None:
            self._sweep.cancel()

    def write(self, key: str, stored: bytes | None = None, encoded: Encoded | None = None) -> Write:
        return Write(self, key, stored, encoded)

    def encoded(self, key: str, stored: bytes) -> Encoded | None:
        """What a writer of this process gave for these bytes; given once, since its object belongs to one record."""
        for write in self.writes.get(key, ()):
            if write.encoded is not None and write.stored == stored:
                encoded, write.encoded = write.encoded, None
                return encoded
        return None

    def arrived(self, record: Record) -> None:
        """The record is in the log."""
        key = record.key
        if key in self.writes:
            for write in self.writes[key]:
                write.came(record)
        if key in self._keys:
            for is_there, future in self._keys[key]:
                if not future.done() and is_there():
                    future.set_result(None)

    def reached(self, revision: int) -> None:
        """The log has everything up to this revision."""
        self._reached = revision
        waiting = self._revisions
        while waiting and waiting[0][0] <= revision:
            future = waiting.pop(0)[2]
            if not future.done():
                future.set_result(None)

    async def until(self, key: str, revision: int, is_there: Callable[[], bool]) -> None:
        """Until news of the key make it true; `revision`: of which news, for the message. Raises StoreFailed."""
        if is_there():
            return
        entry = (is_there, asyncio.get_running_loop().create_future())
        self._keys.setdefault(key, []).append(entry)
        try:
            await _patiently(entry[1], revision)
        finally:
            self._keys[key].remove(entry)
            if not self._keys[key]:
                del self._keys[key]

    async def at(self, revision: int, patience: float = PATIENCE) -> None:
        """Until the log has everything up to this revision. Raises StoreFailed."""
        if revision <= self._reached:
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count += 1
        entry = (revision, self._count, future)
        insort(self._revisions, entry)
        try:
            await _patiently(future, revision, patience)
        finally:
            if entry in self._revisions:
                self._revisions.remove(entry)


async def _patiently(future: asyncio.Future[T], revision: int, patience: float = PATIENCE) -> T:
    try:
        return await asyncio.wait_for(future, patience)
    except TimeoutError:
        raise StoreFailed(UNHEARD.format(revision)) from None
