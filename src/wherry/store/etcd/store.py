"""The store over etcd v3: several servers share it, and each has the log as its watch cache.

The registry calls it on the event loop. A write is one transaction that compares the key's revision, and is answered when its own
event has come back through the watch, so the log here has it; reads of ranges, watches and followers are served by the log. `get` asks etcd
at which revision the key is, and waits until the log has that; `settle` does so for everything. An older state than the log goes back to is
read from etcd. Nothing is written twice: a write whose answer got lost fails with StoreFailed, and whether it happened the next read says.
`failure` says why etcd cannot be followed or written; both end by themselves.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import grpc

from wherry.kit.health import Health
from wherry.kit.metrics import COMMIT_BOUNDS, Histogram
from wherry.store.encryption.transformer import Sealed, Transformer, refuse_encrypted
from wherry.store.etcd import values
from wherry.store.etcd.beside import Beside
from wherry.store.etcd.compactor import EVERY, Compactor, compact
from wherry.store.etcd.connection import FIRST_TIMEOUT, Access, Connection
from wherry.store.etcd.errors import EtcdError
from wherry.store.etcd.exact import Exact
from wherry.store.etcd.feed import Feed, record_of
from wherry.store.etcd.layout import PREFIX, Layout, after
from wherry.store.etcd.leases import Leases
from wherry.store.etcd.messages import (
    EQUAL,
    GREATER,
    MOD,
    RANGE,
    TXN,
    Compare,
    DeleteRangeRequest,
    PutRequest,
    RangeRequest,
    RequestOp,
    TxnRequest,
)
from wherry.store.etcd.shared import Shared
from wherry.store.history import Bounds
from wherry.store.log import Log
from wherry.store.protocol import (
    Claim,
    ClaimLost,
    Compacted,
    CompareFailed,
    Encoded,
    FutureRevision,
    Range,
    Record,
    StoreError,
    StoreFailed,
)
from wherry.store.reads import CLOSED, LogReads

log = logging.getLogger(__name__)


#: how long objects live, in seconds, of the tables whose objects go by themselves: --event-ttl
LIVES: Mapping[str, float] = {"events": 3600.0}
#: seconds that are waited for news which are on their way, before it is asked whether there are any
GRACE = 0.005
#: seconds between two writes that are tried to see whether etcd can be written again
PROBE_EVERY = 1.0
#: seconds that the writes under way get when the store is closed
CLOSE_PATIENCE = 2.0
FEED_PATIENCE = 0.2
#: the name of the task that follows etcd
FEED = "etcd-feed"


@dataclass(frozen=True, slots=True)
class Settings:
    """`prefix`: of all keys; `lives`: see LIVES; `compact_every`: seconds, 0 for never; `read_protobuf`: for what others wrote;
    `transformer`: keeps chosen resources encrypted.
    """

    prefix: str = PREFIX
    lives: Mapping[str, float] = field(default_factory=lambda: LIVES)
    compact_every: float = EVERY
    read_protobuf: values.ReadProtobuf | None = None
    transformer: Transformer | None = None


class EtcdStore(LogReads):
    """Open with `await EtcdStore.open(access)`."""

    def __init__(self, connection: Connection, settings: Settings, log: Log, now: Callable[[], float], health: Health) -> None:
        self._connection, self._settings, self._log = connection, settings, log
        self._layout = Layout(settings.prefix)
        self._beside = Beside(connection, self._layout)
        self._exact = Exact(connection, self._beside.key("nothing"))
        self._leases = Leases(connection, settings.lives, now)
        self._feed = Feed(connection, self._exact, self._layout, log, self._read, health)
        self._arrivals = self._feed.arrivals
        self._loop = asyncio.get_running_loop()
        #: how long transactions took, in seconds
        self.commits = Histogram(COMMIT_BOUNDS)
        self._tasks: list[asyncio.Task[None]] = []
        self.shared = Shared(self._beside, settings.transformer, self._failed)
        self._probing: asyncio.Task[None] | None = None
        self._refused = ""
        self._compacted = 0
        self._compacting: list[asyncio.Task[None]] = []

    @classmethod
    async def open(cls, access: Access, settings: Settings | None = None, bounds: Bounds | None = None, *,
                   now: Callable[[], float] = time.monotonic, health: Health | None = None) -> EtcdStore:
        """Raises StoreError when etcd cannot be reached, refuses, or holds what cannot be read."""
        health = health or Health()
        connection = Connection(access)
        store = cls(connection, settings or Settings(), Log(bounds or Bounds(), now, health), now, health)
        try:
            await connection.login()
            await connection.version()
            unreadable = await store._feed.load()
        except EtcdError as error:
            await connection.close()
            raise StoreError(f"etcd at {', '.join(access.servers)} cannot be used: {error}") from error
        except BaseException:
            await connection.close()
            raise
        if unreadable:
            await connection.close()
            more = f" and {len(unreadable) - 3} more" if len(unreadable) > 3 else ""
            raise StoreError(f"etcd at {', '.join(access.servers)} holds what cannot be read: {'; '.join(unreadable[:3])}{more}")
        await store._start()
        return store

    @property
    def failure(self) -> str:
        return CLOSED if self._closed else self._feed.failure or self._refused

    async def get(self, key: str) -> Record | None:
        self._check_open()
        try:
            found = await self._exact.ask(self._layout.path(key))
        except EtcdError as error:
            raise self._failed(error) from error
        return await self._at(key, found.mod_revision, found.revision)

    async def range(self, prefix: str, *, revision: int = 0, after: str = "", limit: int = 0) -> Range:
        if revision and self._compacted <= revision < self._log.oldest and "/" in prefix:
            return await self._range_there(prefix, revision, after, limit)
        return await super().range(prefix, revision=revision, after=after, limit=limit)

    async def settle(self) -> None:
        self._check_open()
        try:
            newest = (await self._exact.ask()).revision
            if self._log.revision >= newest:
                return
            with suppress(StoreFailed):
                await self._arrivals.at(newest, GRACE)
                return
            # what etcd counted since may have been none of ours, of which the watch does not tell
            await self._arrivals.at(await self._beside.fence())
        except EtcdError as error:
            raise self._failed(error) from error

    async def reach(self, revision: int, patience: float) -> bool:
        if self._log.revision < revision:
            with suppress(StoreFailed):
                await asyncio.wait_for(self.settle(), patience)
        return self._log.revision >= revision

    async def claim(self, name: str) -> Claim | None:
        self._check_open()
        try:
            found = await self._exact.ask(self._beside.claim_key(name))
        except EtcdError as error:
            raise self._failed(error) from error
        await self._arrivals.at(found.mod_revision)
        return Claim(name, found.mod_revision)

    async def put(self, key: str, encoded: Encoded, *, expect: int | None = None, claim: Claim | None = None) -> Record:
        self._check_open()
        stored = values.without_revision(encoded.value)
        if self._settings.transformer is not None:
            stored = self._settings.transformer.seal(key, stored)
        with self._arrivals.write(key, stored, encoded) as write:
            try:
                lease = await self._leases.of(key.partition("/")[0])
                put = RequestOp(request_put=PutRequest(key=self._layout.path(key), value=stored, lease=lease))
                answer = await self._write(key, [put], [] if expect is None else [self._is_at(key, expect)], claim)
            except EtcdError as error:
                raise self._failed(error) from error
            if not answer.succeeded:
                raise await self._refusal(key, answer, expect, claim)
            return await write.record(answer.header.revision)

    async def delete(self, key: str, last: Encoded | None = None, *, expect: int | None = None) -> Record:
        self._check_open()
        if last is not None:
            expect = (await self._last(key, last, expect)).revision
        with self._arrivals.write(key) as write:
            there = [Compare(key=self._layout.path(key), target=MOD, result=GREATER)]
            if expect is not None:
                there.append(self._is_at(key, expect))
            delete = RequestOp(request_delete_range=DeleteRangeRequest(key=self._layout.path(key)))
            try:
                answer = await self._write(key, [delete], there)
            except EtcdError as error:
                raise self._failed(error) from error
            if not answer.succeeded:
                raise await self._compare_failed(key, answer)
            return await write.record(answer.header.revision)

    def compact(self, revision: int) -> None:
        super().compact(revision)
        self._compacted = max(self._compacted, revision)
        self._compacting = [task for task in self._compacting if not task.done()]
        self._compacting.append(self._spawn(self._compact(revision), "etcd-compact"))

    def is_stale(self, key: str) -> bool:
        return self._settings.transformer is not None and self._settings.transformer.is_stale(key)

    async def close(self) -> None:
        """Waits for the writes under way."""
        if self._closed:
            return
        self._closed = True
        await self._arrivals.done(CLOSE_PATIENCE)
        self._arrivals.close()
        if under_way := [task for task in self._compacting if not task.done()]:
            await asyncio.wait(under_way, timeout=CLOSE_PATIENCE)
        feed = [task for task in self._tasks if task.get_name() == FEED]
        if feed and self._feed.end():
            await asyncio.wait(feed, timeout=FEED_PATIENCE)
        tasks = [*self._tasks, *self._exact.tasks, *self._beside.tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._log.close()
        await self._connection.close()

    # --- reads ---
    async def _at(self, key: str, mod_revision: int, revision: int) -> Record | None:
        """The record once the log has what etcd told of the key: at `mod_revision` or later, or gone by `revision`."""
        def is_there() -> bool:
            record = self._log.get(key)
            if mod_revision:
                return self._log.revision >= mod_revision
            return record is None or record.revision > revision

        await self._arrivals.until(key, mod_revision or revision, is_there)
        return self._log.get(key)

    async def _range_there(self, prefix: str, revision: int, start: str, limit: int) -> Range:
        """At a revision that the log does not go back to."""
        first = self._layout.path(start) + b"\0" if start > prefix else self._layout.path(prefix)
        request = RangeRequest(key=first, range_end=after(self._layout.path(prefix)), limit=limit, revision=revision)
        try:
            found = await self._connection.call(RANGE, request)
        except EtcdError as error:
            if error.code is not grpc.StatusCode.OUT_OF_RANGE:
                raise self._failed(error) from error
            if "future" in error.details:
                raise FutureRevision(revision, self._log.revision) from None
            raise Compacted(revision, self._log.oldest) from None
        try:
            records = [record_of(kv, key, self._read) for kv in found.kvs if (key := self._layout.key(kv.key)) is not None]
        except values.Unreadable as error:
            raise StoreFailed(f"an object below {prefix} cannot be read: {error}") from error
        return Range(records, revision, found.count - len(found.kvs))

    def _read(self, key: str, stored: bytes) -> bytes:
        """Raises Unreadable."""
        try:
            return values.with_mark(self._opened(key, stored), self._settings.read_protobuf)
        except Sealed as error:
            raise values.Unreadable(str(error)) from None

    def _opened(self, key: str, stored: bytes) -> bytes:
        """Raises Sealed."""
        transformer = self._settings.transformer
        return refuse_encrypted(key, stored) if transformer is None else transformer.open(key, stored)

    # --- writes ---
    def _is_at(self, key: str, revision: int) -> Any:
        return Compare(key=self._layout.path(key), target=MOD, result=EQUAL, mod_revision=revision)

    async def _write(self, key: str, success: list[Any], compare: list[Any], claim: Claim | None = None) -> Any:
        """One transaction; where the comparison fails, the answer has what is there. Raises EtcdError."""
        if claim is not None:
            path = self._beside.claim_key(claim.name)
            compare.append(Compare(key=path, target=MOD, result=EQUAL, mod_revision=claim.revision))
            success.append(RequestOp(request_put=PutRequest(key=path)))
        there = RequestOp(request_range=RangeRequest(key=self._layout.path(key), keys_only=True))
        begun = self._loop.time()
        answer = await self._connection.call(TXN, TxnRequest(compare=compare, success=success, failure=[there]))
        self.commits.add(self._loop.time() - begun)
        if self._refused:
            log.warning("etcd can be written again")
            self._refused = ""
        return answer

    async def _last(self, key: str, last: Encoded, expect: int | None) -> Record:
        """The last state of an object, before it is deleted: etcd cannot do both at once."""
        if expect is None:
            current = await self.get(key)
            if current is None:
                raise CompareFailed(key, None)
            expect = current.revision
        return await self.put(key, last, expect=expect)

    async def _refusal(self, key: str, answer: Any, expect: int | None, claim: Claim | None) -> CompareFailed | ClaimLost:
        kvs = answer.responses[0].response_range.kvs
        if claim is not None and (expect is None or expect == (kvs[0].mod_revision if kvs else 0)):
            return ClaimLost(claim.name)
        return await self._compare_failed(key, answer)

    async def _compare_failed(self, key: str, answer: Any) -> CompareFailed:
        kvs = answer.responses[0].response_range.kvs
        return CompareFailed(key, await self._at(key, kvs[0].mod_revision if kvs else 0, answer.header.revision))

    # --- what goes wrong ---
    def _failed(self, error: EtcdError) -> StoreFailed:
        """For whoever asked; the way is looked at, and whether writing works is tried until it does."""
        if error.is_unreachable:
            self._feed.doubt()
        elif error.code is grpc.StatusCode.RESOURCE_EXHAUSTED and self._probing is None and not self._closed:
            log.error("etcd cannot be written: %s; it is tried again every %.3g s", error, PROBE_EVERY)
            self._refused = str(error)
            self._probing = self._spawn(self._probe(), "etcd-probe")
        return StoreFailed(CLOSED if self._closed else str(error))

    async def _probe(self) -> None:
        try:
            while self._refused:
                await asyncio.sleep(PROBE_EVERY)
                with suppress(EtcdError):
                    await self._beside.put_fence()
                    self._refused = ""
        finally:
            self._probing = None

    async def _compact(self, revision: int) -> None:
        try:
            await compact(self._connection, revision)
        except EtcdError as error:
            log.error("etcd could not be compacted: %s", error)

    async def _start(self) -> None:
        """A watch that begins before the first write tells of it at once; of what was before, etcd tells within a tenth of a second."""
        self._spawn(self._feed.run(), FEED)
        with suppress(TimeoutError):  # then `failure` says why
            await asyncio.wait_for(self._feed.begun.wait(), FIRST_TIMEOUT)
        self._spawn(Compactor(self._connection, self._settings.compact_every).run(), "etcd-compactor")

    def _spawn(self, work: Any, name: str) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.append(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.remove(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, EtcdError):
            log.error("%s ended", task.get_name(), exc_info=error)
            if task.get_name() == FEED:
                self._feed.failure = f"following etcd ended: {error!r}"
