"""The embedded durable store: the log in memory, every write in a SQLite file before anyone sees it.

The registry calls it on the event loop. A write is compared with the newest version, committed or waiting, gets its revision and joins
the batch; one worker thread commits batch after batch (group commit: all writes that came while the last commit ran share the next).
After the commit the batch enters the log in order, watchers are told, writers get their answer. So every answer, read and watch event
is on disk. A commit that fails (a full disk, most of all) fails all writes that wait, since those that came later may rest on them; reads
go on from what was acknowledged, and `failure` says why until a commit succeeds: that of the next write, or one that is tried every second.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from wherry.kit.health import Health
from wherry.kit.metrics import COMMIT_BOUNDS, Histogram
from wherry.store.database import Loaded, Version, connect, load, write
from wherry.store.encryption.transformer import Transformer, refuse_encrypted
from wherry.store.history import Bounds
from wherry.store.lock import DirectoryLock
from wherry.store.log import Log, compare, deletion, next_version
from wherry.store.protocol import Claim, CompareFailed, Encoded, Record, StoreError, StoreFailed
from wherry.store.reads import CLOSED, LogReads

log = logging.getLogger(__name__)

#: revisions whose history one commit deletes at most, so that no write waits long for it
FORGET_STEP = 500
FILE = "wherry.db"
#: seconds between two commits that are tried to see whether writing works again
RETRY_EVERY = 1.0


def remove(directory: Path) -> None:
    """Takes a store that nobody has open out of its directory."""
    for name in (FILE, f"{FILE}-wal", f"{FILE}-shm"):
        (directory / name).unlink(missing_ok=True)


class SQLiteStore(LogReads):
    """Open with `await SQLiteStore.open(directory)`; close it, or kill the process: nothing acknowledged is lost."""

    def __init__(self, db: sqlite3.Connection, lock: DirectoryLock, worker: ThreadPoolExecutor, loaded: Loaded, log: Log,
                 transformer: Transformer | None = None) -> None:
        self._transformer = transformer
        self._db, self._lock, self._worker = db, lock, worker
        self._log = log
        self._log.load(loaded.live, loaded.history, loaded.oldest)
        self._compacted = loaded.compacted
        self._assigned = loaded.revision
        self._newest: dict[str, Record] = {}  # the newest version of each key that waits for its commit
        self._batch: list[Version] = []
        self._answers: dict[int, list[asyncio.Future[None]]] = {}
        self._flusher: asyncio.Task[None] | None = None
        self._failure = ""
        self._probe: asyncio.TimerHandle | None = None
        self._probing = False
        #: how long commits took, in seconds
        self.commits = Histogram(COMMIT_BOUNDS)
        self._forget_all = False  # asked for by `compact`; else the file's history is deleted in steps, along with writes

    @classmethod
    async def open(cls, directory: Path, bounds: Bounds | None = None, *, now: Callable[[], float] = time.monotonic,
                   health: Health | None = None, transformer: Transformer | None = None) -> SQLiteStore:
        """`transformer`: keeps chosen resources encrypted.

        Raises StoreError when the directory is in use or open to others, the file is not ours to read, or objects in it are damaged or
        encrypted with keys that are not known here.
        """
        bounds = bounds or Bounds()
        lock = DirectoryLock(directory)
        worker = ThreadPoolExecutor(1, thread_name_prefix="wherry-store")
        try:
            db, loaded = await asyncio.get_running_loop().run_in_executor(worker, _open, directory / FILE, bounds.records, transformer)
        except BaseException:
            lock.release()
            worker.shutdown(wait=False)
            raise
        return cls(db, lock, worker, loaded, Log(bounds, now, health), transformer)

    @property
    def failure(self) -> str:
        return CLOSED if self._closed else self._failure

    async def get(self, key: str) -> Record | None:
        while (waiting := self._newest.get(key)) is not None:
            await self._settled(waiting)
        return self._log.get(key)

    async def settle(self) -> None:
        """The log is all there is."""

    async def reach(self, revision: int, patience: float) -> bool:
        return revision <= self._log.revision

    async def claim(self, name: str) -> Claim | None:
        """Nobody else writes here."""
        return None

    async def put(self, key: str, encoded: Encoded, *, expect: int | None = None, claim: Claim | None = None) -> Record:
        current = await self._expected(key, expect)
        return await self._write(next_version(key, current, self._assigned + 1, encoded), encoded.value)

    async def delete(self, key: str, last: Encoded | None = None, *, expect: int | None = None) -> Record:
        current = await self._expected(key, expect, exists=True)
        assert current is not None
        return await self._write(deletion(current, self._assigned + 1, last), last.value if last is not None else b"")

    def compact(self, revision: int) -> None:
        super().compact(revision)
        self._forget_all = True
        self._start()

    def is_stale(self, key: str) -> bool:
        return self._transformer is not None and self._transformer.is_stale(key)

    async def close(self) -> None:
        """Waits for the writes under way, then gives the directory free."""
        if self._closed:
            return
        if self._flusher is not None:
            await asyncio.wait([self._flusher])
        self._closed = True
        if self._probe is not None:
            self._probe.cancel()
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
            await self._settled(waiting)

    async def _write(self, record: Record, stored: bytes) -> Record:
        """`stored`: what the file is to hold of it, without the revision."""
        if self._closed:
            raise StoreFailed(CLOSED)
        if self._transformer is not None and stored:
            stored = self._transformer.seal(record.key, stored)
        self._assigned += 1
        self._newest[record.key] = record
        self._batch.append((record, stored))
        self._start()
        await self._durable(record)
        return record

    async def _durable(self, record: Record) -> None:
        answer = asyncio.get_running_loop().create_future()
        self._answers.setdefault(record.revision, []).append(answer)
        await answer

    async def _settled(self, record: Record) -> None:
        """Until it is known what became of a write; whoever waits reads again."""
        with suppress(StoreFailed):
            await self._durable(record)

    def _start(self) -> None:
        if self._flusher is None and not self._closed:
            self._flusher = asyncio.get_running_loop().create_task(self._flush(), name="store-flush")
            self._flusher.add_done_callback(self._flushed)

    def _flushed(self, task: asyncio.Task[None]) -> None:
        """A flush that ends by anything but a commit that failed is a fault of ours; whoever waits must not wait for ever."""
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("the flush of the store failed", exc_info=error)
            self._fail(repr(error))

    async def _flush(self) -> None:
        """Commit until nothing waits. Between two commits the loop runs, so the next batch has gathered."""
        loop = asyncio.get_running_loop()
        while self._batch or self._behind() or self._probing:
            batch, self._batch = self._batch, []
            self._probing = False
            forget = range(self._compacted + 1, min(self._log.oldest, self._compacted + FORGET_STEP) + 1)
            begun = loop.time()
            try:
                await loop.run_in_executor(self._worker, write, self._db, batch, forget)
            except Exception as error:
                self._fail(str(error))
                self._probe = loop.call_later(RETRY_EVERY, self._try_again)
                return
            except asyncio.CancelledError:
                self._fail("cancelled")
                raise
            if self._failure:
                self._works_again()
            self.commits.add(loop.time() - begun)
            self._compacted += len(forget)
            self._publish(batch)
        self._flusher = None
        self._forget_all = False

    def _behind(self) -> bool:
        """Is a commit due for nothing but the deletion of old history?"""
        return self._log.oldest - self._compacted >= (1 if self._forget_all else FORGET_STEP)

    def _publish(self, batch: list[Version]) -> None:
        for record, _ in batch:
            self._log.append(record)
            if self._newest.get(record.key) is record:
                del self._newest[record.key]
            for answer in self._answers.pop(record.revision, ()):
                if not answer.done():
                    answer.set_result(None)

    def _try_again(self) -> None:
        self._probing = True
        self._start()

    def _works_again(self) -> None:
        log.warning("the store can be written again")
        self._failure = ""
        if self._probe is not None:
            self._probe.cancel()

    def _fail(self, why: str) -> None:
        """Nothing that waits was written: their writers are told, and what they would have made is forgotten."""
        self._flusher = None
        failure = f"writing to the store failed: {why}"
        if self._failure != failure:
            log.error("%s; it is tried again every %.3g s", failure, RETRY_EVERY)
        self._failure = failure
        self._assigned = self._log.revision
        if self._probe is not None:
            self._probe.cancel()
        for answers in self._answers.values():
            for answer in answers:
                if not answer.done():
                    answer.set_exception(StoreFailed(self._failure))
        self._answers.clear()
        self._newest.clear()
        self._batch.clear()


def _open(path: Path, keep: int, transformer: Transformer | None) -> tuple[sqlite3.Connection, Loaded]:
    db = connect(path)
    try:
        return db, load(db, keep, path, transformer.open if transformer is not None else refuse_encrypted)
    except StoreError:
        db.close()
        raise
    except sqlite3.Error as error:
        db.close()
        raise StoreError(f"{path} cannot be read: {error}") from error
