"""Keeps the log of this server up with etcd: reads everything once, then follows one watch on the whole prefix.

Called by the store. The watch tells every version in order, so the log is what etcd was at some revision, never a mixture. When the
stream ends it is begun again at the next server where the log ends, so nothing is missed; when etcd has meanwhile forgotten what
would come next, everything is read again, watchers end with Compacted (their clients list again), and followers hear of what is different.
`failure` says what is wrong while the log cannot be kept up. A value that cannot be read is told of and leaves the version before it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any

from wherry.kit.health import Health
from wherry.store.etcd.arrivals import Arrivals
from wherry.store.etcd.connection import Connection
from wherry.store.etcd.errors import EtcdError
from wherry.store.etcd.exact import Exact
from wherry.store.etcd.layout import Layout
from wherry.store.etcd.messages import DELETE, RANGE, RangeRequest, WatchCreateRequest, WatchRequest
from wherry.store.etcd.stream import WatchStream
from wherry.store.etcd.values import Unreadable
from wherry.store.log import Log, deletion, next_version
from wherry.store.protocol import Encoded, Record
from wherry.store.stamp import stamped

log = logging.getLogger(__name__)

#: objects in one answer of etcd
PAGE = 500
#: seconds between two tries to follow etcd
RETRY_EVERY = 0.5
PART = "values in etcd"

#: from the key and the stored bytes of an object to those with an empty resourceVersion; raises Unreadable
Read = Callable[[str, bytes], bytes]


class Rewound(Exception):
    """etcd is older than what this server has seen of it."""


class Feed:
    """`read`: from stored bytes to an object's; `health`: where it is noted that one could not be read."""

    def __init__(self, connection: Connection, exact: Exact, layout: Layout, log: Log, read: Read, health: Health) -> None:
        self._connection, self._exact, self._layout, self._log = connection, exact, layout, log
        self._read, self._health = read, health
        self._stream: WatchStream | None = None
        self._ending = False
        self.arrivals = Arrivals()
        #: set once the watch has begun for the first time
        self.begun = asyncio.Event()
        self.failure = ""

    async def load(self) -> list[str]:
        """Fill the empty log; gives what was wrong with each value that cannot be read. Raises EtcdError."""
        records, revision, unreadable = await self._everything()
        self._log.load(records, (), revision)
        self.arrivals.reached(revision)
        return unreadable

    async def run(self) -> None:
        """Until it is ended."""
        while not self._ending:
            try:
                await self._check_age()
                why = await self._follow()
            except (EtcdError, Rewound) as error:
                why = str(error)
            if why and not self._ending:
                self._failed(why)
                self._connection.next_server()
                await asyncio.sleep(RETRY_EVERY)

    def end(self) -> bool:
        """Ends the watch, and with it `run`; False where there is none."""
        self._ending = True
        self.doubt()
        return self._stream is not None

    def doubt(self) -> None:
        """Somebody's call found no server: begin the watch again, which shows whether there is one."""
        if self._stream is not None:
            self._stream.end()

    def _failed(self, why: str) -> None:
        if not self.failure:
            log.error("etcd at %s cannot be followed: %s; it is tried again every %.3g s", self._connection.server, why, RETRY_EVERY)
        self.failure = why

    def _well(self) -> None:
        if self.failure:
            log.warning("etcd is followed again, at %s", self._connection.server)
        self.failure = ""

    async def _check_age(self) -> None:
        """A server that was restored from an older copy counts revisions again that mean something else."""
        there = (await self._exact.ask()).revision
        if there < self._log.revision:
            raise Rewound(f"it is at revision {there}, and this server has seen {self._log.revision}: "
                          "it was restored from an older copy; start this server again")

    async def _follow(self) -> str:
        """One watch, until it ends: why it did, "" when everything was read again. Raises EtcdError."""
        self._stream = stream = await self._connection.watch(WatchRequest(create_request=WatchCreateRequest(
            key=self._layout.start, range_end=self._layout.end, start_revision=self._log.revision + 1, progress_notify=True,
            fragment=True)))
        try:
            while responses := await stream.read():
                for response in responses:
                    if response.canceled:
                        return await self._canceled(response)
                    self._took(response)
            return "the watch ended"
        finally:
            self._stream = None
            stream.end()

    def _took(self, response: Any) -> None:
        if response.created:
            self.begun.set()
            self._well()
        elif response.events:
            self._apply(response.events)
        else:
            self._progress(response.header.revision)

    async def _canceled(self, response: Any) -> str:
        if not response.compact_revision:
            return response.cancel_reason or "the watch was cancelled"
        await self._reload()
        return ""

    def _progress(self, revision: int) -> None:
        self._log.advance(revision)
        self.arrivals.reached(self._log.revision)

    def _apply(self, events: Iterable[Any]) -> None:
        revision = 0
        for event in events:
            revision = event.kv.mod_revision
            key = self._layout.key(event.kv.key)
            record = None if key is None else self._version(key, event)
            if record is not None:
                self._log.append(record)
                self.arrivals.arrived(record)
        self._progress(revision)

    def _version(self, key: str, event: Any) -> Record | None:
        current, revision = self._log.get(key), event.kv.mod_revision
        if event.type == DELETE:
            return None if current is None else deletion(current, revision, None)
        encoded = self.arrivals.encoded(key, event.kv.value)
        if encoded is None:
            try:
                encoded = Encoded(self._read(key, event.kv.value))
            except Unreadable as error:
                self._unreadable(f"{event.kv.key.decode(errors='replace')}: {error}")
                return None
        return next_version(key, current, revision, encoded)

    def _unreadable(self, what: str) -> None:
        if PART not in self._health.ill:
            log.error("%s cannot be read: %s", PART, what)
            self._health.failed(PART, what)  # twice, for nobody will try it again: it is ill at once
        self._health.failed(PART, what)

    async def _reload(self) -> None:
        """What comes next is forgotten there: go on with everything as it is now."""
        log.warning("etcd has compacted what comes after revision %d: everything is read again", self._log.revision)
        records, revision, unreadable = await self._everything()
        for what in unreadable:
            self._unreadable(what)
        for record in self._log.replace(records, revision):
            self.arrivals.arrived(record)
        self.arrivals.reached(revision)

    async def _everything(self) -> tuple[list[Record], int, list[str]]:
        """The live records at one revision, which is the second."""
        key, revision, more = self._layout.start, 0, True
        records: list[Record] = []
        unreadable: list[str] = []
        while more:
            page = await self._connection.call(RANGE, RangeRequest(key=key, range_end=self._layout.end, limit=PAGE, revision=revision))
            revision, more = revision or page.header.revision, page.more
            for kv in page.kvs:
                self._enter(kv, records, unreadable)
            if page.kvs:
                key = page.kvs[-1].key + b"\0"
        return records, revision, unreadable

    def _enter(self, kv: Any, records: list[Record], unreadable: list[str]) -> None:
        key = self._layout.key(kv.key)
        if key is None:
            return
        try:
            records.append(record_of(kv, key, self._read))
        except Unreadable as error:
            unreadable.append(f"{kv.key.decode(errors='replace')}: {error}")


def record_of(kv: Any, key: str, read: Read) -> Record:
    """A version that etcd holds, as a record of its own. Raises Unreadable."""
    value = stamped(read(key, kv.value), kv.mod_revision)
    return Record(key, Encoded(value), kv.mod_revision, kv.create_revision, False, None)
