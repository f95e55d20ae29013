"""The embedded durable store: the log in memory, every write in a SQLite file before anyone sees it.

The registry calls it on the event loop. A write is compared with the newest version, committed or waiting, gets its revision and joins
the batch; one worker thread commits batch after batch (group commit: all writes that came while the last commit ran share the next).
After the commit the batch enters the log in order, watchers are told, writers get their answer. So every answer, read and watch event
is on disk. A commit that fails fails all waiting writes, and every later one until a restart.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from wherry.store.database import Loaded, connect, load, write
from wherry.store.history import Bounds
from wherry.store.lock import DirectoryLock
from wherry.store.log import Log, compare, next_version
from wherry.store.protocol import CompareFailed, Encoder, Follower, Range, Record, StoreError, StoreFailed
from wherry.store.watcher import Watcher

#: revisions whose history one commit deletes at most, so that no write waits long for it
FORGET_STEP = 500
FILE = "wherry.db"


class SQLiteStore:
    """Open with `await SQLiteStore.open(directory)`; close it, or kill the process: nothing acknowledged is lost."""

    def __init__(self, db: sqlite3.Connection, lock: DirectoryLock, worker: ThreadPoolExecutor, loaded: Loaded, bounds: Bounds,
                 now: Callable[[], float]) -> None:
        self._db, self._lock, self._worker = db, lock, worker
        self._log = Log(bounds, now)
        self._log.load(loaded.live, loaded.history, loaded.oldest)
        self._compacted = loaded.compacted
        self._assigned = loaded.revision
        self._newest: dict[str, Record] = {}  # the newest version of each key that waits for its commit
        self._batch: list[Record] = []
        self._answers: dict[int, list[asyncio.Future[None]]] = {}
        self._flusher: asyncio.Task[None] | None = None
        self._failure = ""
        self._forget_all = False  # asked for by `compact`; else the file's history is deleted in steps, along with writes

    @classmethod
    async def open(cls, directory: Path, bounds: Bounds | None = None, *, now: Callable[[], float] = time.monotonic) -> SQLiteStore:
        """Raises StoreError when the directory is in use or the file is not ours to read."""
        bounds = bounds or Bounds()
        lock = DirectoryLock(directory)
        worker = ThreadPoolExecutor(1, thread_name_prefix="wherry-store")
        try:
            db, loaded = await asyncio.get_running_loop().run_in_executor(worker, _open, directory / FILE, bounds.records)
        except BaseException:
            lock.release()
            worker.shutdown(wait=False)
            raise
        return cls(db, lock, worker, loaded, bounds, now)

    @property
    def revision(self) -> int:
        return self._log.revision

    @property
    def oldest(self) -> int:
        return self._log.oldest

    async def get(self, key: str) -> Record | None:
        while (waiting := self._newest.get(key)) is not None:
            await self._durable(waiting)
        return self._log.get(key)

    async def range(self, prefix: str, *, revision: int = 0, after: str = "", limit: int = 0) -> Range:
        return self._log.range(prefix, revision, after, limit)

    async def put(self, key: str, encode: Encoder, *, expect: int | None = None) -> Record:
        current = await self._expected(key, expect)
        return await self._write(key, current, encode, deleted=False)

    async def delete(self, key: str, encode: Encoder, *, expect: int | None = None) -> Record:
        current = await self._expected(key, expect, exists=True)
        return await self._write(key, current, encode, deleted=True)

    def watch(self, prefix: str, *, after: int) -> Watcher:
        if self._failure:
            raise StoreFailed(self._failure)
        return self._log.watch(prefix, after)

    def compact(self, revision: int) -> None:
        self._log.history.forget(revision)
        self._forget_all = True
        self._start()

    def size(self, table: str) -> int:
        return self._log.size(table)

    def follow(self, table: str, hear: Follower) -> Callable[[], None]:
        return self._log.follow(table, hear)

    async def close(self) -> None:
        """Waits for the writes under way, then gives the directory free."""
        if self._failure == "the store is closed":
            return
        if self._flusher is not None:
            await asyncio.wait([self._flusher])
        self._failure = "the store is closed"
        self._log.close()
        await asyncio.get_running_loop().run_in_executor(self._worker, self._db.close)
        self._worker.shutdown()
        self._lock.release()

    async def _expected(self, key: str, expect: int | None, *, exists: bool = False) -> Record | None:
        """The newest version of the key, if it is as expected; a comparison that fails is answered from durable state only."""
        while True:
            waiting = self._newest.get(key)
            current = self._log.get(key) if waiting is None else None if waiting.deleted else waiting
            try:
                if exists and current is None:
                    raise CompareFailed(key, None)
                compare(key, current, expect)
            except CompareFailed:
                if waiting is None:
                    raise
            else:
                return current
            await self._durable(waiting)

    async def _write(self, key: str, current: Record | None, encode: Encoder, *, deleted: bool) -> Record:
        if self._failure:
            raise StoreFailed(self._failure)
        record = next_version(key, current, self._assigned + 1, encode, deleted)
        self._assigned += 1
        self._newest[record.key] = record
        self._batch.append(record)
        self._start()
        await self._durable(record)
        return record

    async def _durable(self, record: Record) -> None:
        answer = asyncio.get_running_loop().create_future()
        self._answers.setdefault(record.revision, []).append(answer)
        await answer

    def _start(self) -> None:
        if self._flusher is None and not self._failure:
            self._flusher = asyncio.get_running_loop().create_task(self._flush(), name="store-flush")

    async def _flush(self) -> None:
        """Commit until nothing waits. Between two commits the loop runs, so the next batch has gathered."""
        loop = asyncio.get_running_loop()
        while self._batch or self._behind():
            batch, self._batch = self._batch, []
            forget = range(self._compacted + 1, min(self._log.oldest, self._compacted + FORGET_STEP) + 1)
            try:
                await loop.run_in_executor(self._worker, write, self._db, batch, forget)
            except Exception as error:
                return self._fail(str(error))
            except asyncio.CancelledError:
                self._fail("cancelled")
                raise
            self._compacted += len(forget)
            self._publish(batch)
        self._flusher = None
        self._forget_all = False

    def _behind(self) -> bool:
        """Is a commit due for nothing but the deletion of old history?"""
        return self._log.oldest - self._compacted >= (1 if self._forget_all else FORGET_STEP)

    def _publish(self, batch: list[Record]) -> None:
        for record in batch:
            self._log.append(record)
            if self._newest.get(record.key) is record:
                del self._newest[record.key]
            for answer in self._answers.pop(record.revision, ()):
                if not answer.done():
                    answer.set_result(None)

    def _fail(self, why: str) -> None:
        self._flusher = None
        self._failure = f"writing to the store failed: {why}"
        for answers in self._answers.values():
            for answer in answers:
                if not answer.done():
                    answer.set_exception(StoreFailed(self._failure))
        self._answers.clear()
        self._newest.clear()
        self._batch.clear()


def _open(path: Path, keep: int) -> tuple[sqlite3.Connection, Loaded]:
    db = connect(path)
    try:
        return db, load(db, keep)
    except sqlite3.Error as error:
        db.close()
        raise StoreError(f"{path} cannot be read: {error}") from error
