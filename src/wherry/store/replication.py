"""The store's side of replicas in other processes: all that is there, then all that is written, and the newest revision as it grows.

Kept by `wherry.cluster.processes`. A replica that does not read costs no more than a watcher's buffer: when it fell behind further than
that, it is told everything anew. Of stores whose every revision is a record (memory, SQLite).
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from wherry.store.protocol import Compacted, Record, Store
from wherry.store.replica_wire import Newest, News, Snapshot, rows, write

#: records in a message
_PART = 2000


class Replication:
    """`newest`: the store's newest revision, for the replicas. Ends with `close`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.newest = Newest()
        self.newest.set(store.revision)
        self._end = store.follow("", self._hear)

    def _hear(self, record: Record) -> None:
        self.newest.set(record.revision)

    def close(self) -> None:
        self._end()
        self.newest.close()

    async def tell(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One replica, over a stream that nobody else uses, until it is gone or the store closes."""
        telling = asyncio.create_task(self._tell(writer), name="replication")
        try:
            with suppress(ConnectionError):
                await reader.read()  # it says nothing: this ends when it is gone, of which whoever started its process hears
        finally:
            telling.cancel()
            with suppress(asyncio.CancelledError, ConnectionError):
                await telling
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _tell(self, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                await self._everything_and_news(writer)
            except Compacted:
                continue
            return

    async def _everything_and_news(self, writer: asyncio.StreamWriter) -> None:
        """Until the store closes. Raises Compacted when the replica fell too far behind."""
        found = await self._store.range("")
        watch = self._store.watch("", after=found.revision)
        try:
            for at in range(0, len(found.records) or 1, _PART):
                part = found.records[at : at + _PART]
                write(writer, Snapshot(rows(part), found.revision, at + _PART >= len(found.records)))
                await writer.drain()
            async for batch in watch:
                for at in range(0, len(batch), _PART):
                    write(writer, News(rows(batch[at : at + _PART])))
                    await writer.drain()
        finally:
            watch.close()
