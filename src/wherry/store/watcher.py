"""One watcher of the log: a bounded buffer between the writer, who never waits, and a reader, who may be slow.

The log offers every durable record under the prefix, in order; `__anext__` hands over all that is pending as one batch. A reader that
falls behind by more than its buffer ends with Compacted and never misses a record silently. Wake-ups coalesce: however many records
one turn of the event loop appends, the reader runs once. Model: kube-apiserver's cacheWatcher, which also drops the slow ones.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from wherry.store.protocol import Compacted, Record


class Watcher:
    """An async iterator of batches of records. Made by `Log.watch`."""

    __slots__ = ("_ended", "_forget", "_limit", "_lost", "_next_limit", "_pending", "_position", "_waiter", "part", "prefix")

    def __init__(self, prefix: str, replay: list[Record], after: int, limit: int, forget: Callable[[Watcher], None]) -> None:
        """`replay`: history to deliver first, which does not count against `limit`; `forget` takes the watcher off the log's list."""
        self.prefix = prefix
        #: name and value of the part of the table that it is for, None for all
        self.part: tuple[str, str] | None = None
        self._pending = replay
        self._position = after
        self._next_limit = limit
        self._limit = limit + len(replay)
        self._forget = forget
        self._waiter: asyncio.Future[None] | None = None
        self._lost = 0
        self._ended = False

    def offer(self, record: Record) -> None:
        """Called by the log for every record under the prefix."""
        if len(self._pending) >= self._limit:
            self._overflow(record.revision)
        else:
            self._pending.append(record)
        if self._waiter is not None:
            self._wake()

    def lose(self, revision: int) -> None:
        """There was more than is known of, up to `revision`."""
        self._overflow(revision)
        if self._waiter is not None:
            self._wake()

    def end(self) -> None:
        """The store closes: what is pending is still delivered, then the iteration stops."""
        self._ended = True
        self._wake()

    def close(self) -> None:
        """The reader has had enough."""
        self._pending = []
        self._forget(self)
        self.end()

    def __aiter__(self) -> Watcher:
        return self

    async def __anext__(self) -> list[Record]:
        while not self._pending:
            if self._lost:
                raise Compacted(self._position, self._lost)
            if self._ended:
                raise StopAsyncIteration
            await self._wait()
        batch, self._pending = self._pending, []
        self._limit = self._next_limit
        self._position = batch[-1].revision
        return batch

    def _overflow(self, revision: int) -> None:
        self._pending = []
        self._lost = revision
        self._forget(self)

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    async def _wait(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            raise RuntimeError("a watch has one reader")
        self._waiter = asyncio.get_running_loop().create_future()
        await self._waiter
