"""A store that is a copy of another process's, for reads: its log goes on by what that process tells.

Made by a further process of a cluster (`wherry.cluster.read_process`). As the protocol asks of every store, `get` and `settle` are exact:
they look which revision is the newest, in memory that both share, and wait until the log here has it. Nothing can be written here. Watches
begin at the revision with which the copy began, as those of a server that has just started do.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from wherry.kit.health import Health
from wherry.store.history import Bounds
from wherry.store.log import Log
from wherry.store.protocol import Claim, Encoded, Record, StoreError, StoreFailed
from wherry.store.reads import CLOSED, LogReads
from wherry.store.replica_wire import News, Row, Said, Snapshot, read, record

_READS_ONLY = "this process only reads"


class ReplicaStore(LogReads):
    """Open with `await ReplicaStore.open(reader, writer, newest)`, then run `follow_first` as a task."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, newest: Callable[[], int], log: Log) -> None:
        self._reader, self._writer, self._newest, self._log = reader, writer, newest, log
        #: revisions that are waited for; each was the newest when it was, so they grow
        self._awaited: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._failure = ""

    @classmethod
    async def open(cls, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, newest: Callable[[], int],
                   bounds: Bounds | None = None, *, now: Callable[[], float] = time.monotonic,
                   health: Health | None = None) -> ReplicaStore:  # fmt: skip
        """`newest`: the newest revision now. Returns when it has everything. Raises StoreError when the other side goes before."""
        store = cls(reader, writer, newest, Log(bounds or Bounds(), now, health))
        try:
            live, revision = await store._snapshot(await read(reader))
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            writer.close()
            raise StoreError("the process with the store is gone") from error
        store._log.load(live, (), revision)
        store._log.advance(revision)
        return store

    async def follow_first(self) -> None:
        """Until the process with the store is gone, or this is closed."""
        try:
            while True:
                said = await read(self._reader)
                if isinstance(said, News):
                    for row in said.rows:
                        self._log.append(record(row, self._log.get(row.key)))
                else:
                    live, revision = await self._snapshot(said)
                    self._log.replace(live, revision)
                self._arrived()
        except (asyncio.IncompleteReadError, ConnectionError):
            self._fail("the process with the store is gone")

    # --- the protocol ---
    @property
    def failure(self) -> str:
        return self._failure or _READS_ONLY

    async def get(self, key: str) -> Record | None:
        await self.settle()
        return self._log.get(key)

    async def settle(self) -> None:
        if self._failure:
            raise StoreFailed(self._failure)
        newest = self._newest()
        if self._log.revision < newest:
            waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._awaited.append((newest, waiting))
            await waiting

    async def reach(self, revision: int, patience: float) -> bool:
        if self._log.revision < revision:
            with suppress(StoreFailed, TimeoutError):
                async with asyncio.timeout(patience):
                    await self.settle()
        return self._log.revision >= revision

    async def claim(self, name: str) -> Claim | None:
        raise StoreFailed(_READS_ONLY)

    async def put(self, key: str, encoded: Encoded, *, expect: int | None = None, claim: Claim | None = None) -> Record:
        raise StoreFailed(_READS_ONLY)

    async def delete(self, key: str, last: Encoded | None = None, *, expect: int | None = None) -> Record:
        raise StoreFailed(_READS_ONLY)

    async def close(self) -> None:
        self._closed = True
        self._fail(CLOSED)
        self._log.close()
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()

    # --- what the other side says ---
    async def _snapshot(self, part: Said) -> tuple[list[Record], int]:
        """All of it, from its first part on."""
        rows: list[Row] = []
        while True:
            assert isinstance(part, Snapshot)
            rows += part.rows
            if part.last:
                return [record(row, None) for row in rows], part.revision
            part = await read(self._reader)

    def _arrived(self) -> None:
        while self._awaited and self._awaited[0][0] <= self._log.revision:
            waiting = self._awaited.popleft()[1]
            if not waiting.done():
                waiting.set_result(None)

    def _fail(self, why: str) -> None:
        self._failure = why
        waiting = [each for _, each in self._awaited]
        self._awaited.clear()
        for future in waiting:
            if not future.done():
                future.set_exception(StoreFailed(why))
