"""Events go by themselves, an hour after they were written last (--event-ttl): they are taken out of the store when their time is over.

Run by the cluster as a component, for stores whose objects stay until they are deleted (etcd's go with their leases). Hears of every event
from the store's log; what was there at the start counts from when its fields were last written. Nobody is asked and no admission runs: as
in the reference it is the storage that forgets them, and watchers see a deletion. Invariant: only the version that grew old goes.
Source: https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/ (--event-ttl).
"""

from __future__ import annotations

import asyncio
from collections import deque
from itertools import islice, takewhile
from typing import NamedTuple

import msgspec

from wherry.api import timestamps
from wherry.api.objects import Obj
from wherry.kit import eager
from wherry.kit.clock import Clock
from wherry.registry import storing
from wherry.store.protocol import CompareFailed, Record, Store

EVENTS = "events"
#: how many go in one commit
AT_ONCE = 100


class _Entry(NamedTuple):
    ends: float
    key: str
    revision: int


class EventExpiry:
    """`seconds`: how long an event stays after it was written."""

    def __init__(self, store: Store, clock: Clock, seconds: float) -> None:
        self._store, self._clock, self._seconds = store, clock, seconds
        #: in the order in which they end: what is written later ends later
        self._entries: deque[_Entry] = deque()
        self._more = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled. Raises StoreFailed; what is left then is found again by the next run."""
        self._entries.clear()
        end = self._store.follow(EVENTS, self._written)
        try:
            there = [self._entry(record) for record in (await self._store.range(f"{EVENTS}/")).records]
            self._entries.extendleft(sorted(there, reverse=True))
            while True:
                await self._wait()
                await self._remove()
        finally:
            end()

    def _entry(self, record: Record) -> _Entry:
        """Of an event that is there already. (`Record.object` would keep it decoded.)"""
        now = self._clock.now()
        return _Entry(min(_last_written(msgspec.json.decode(record.value)) or now, now) + self._seconds, record.key, record.revision)

    def _written(self, record: Record) -> None:
        if not record.deleted:
            self._entries.append(_Entry(self._clock.now() + self._seconds, record.key, record.revision))
            self._more.set()

    async def _wait(self) -> None:
        """Until the first entry's time is over."""
        while not self._entries:
            self._more.clear()
            await self._more.wait()
        if (left := self._entries[0].ends - self._clock.now()) > 0:
            await self._clock.sleep(left)

    async def _remove(self) -> None:
        now = self._clock.now()
        due = list(takewhile(lambda entry: entry.ends <= now, islice(self._entries, AT_ONCE)))
        for outcome in await eager.gather([storing.expire(self._store, entry.key, entry.revision) for entry in due]):
            if isinstance(outcome, BaseException) and not isinstance(outcome, CompareFailed):
                raise outcome
        for _ in due:
            self._entries.popleft()


def _last_written(event: Obj) -> float:
    """Seconds since the epoch; 0 where nothing tells."""
    meta = event["metadata"]
    told = [entry.get("time") for entry in meta.get("managedFields") or ()]
    return max((timestamps.parse(time) for time in (*told, meta.get("creationTimestamp")) if time), default=0.0)
