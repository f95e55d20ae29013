"""The store for tests and rehearsals: the log alone. A write is acknowledged, visible and as durable as it gets at once."""

from __future__ import annotations

import time
from collections.abc import Callable

from wherry.kit.health import Health
from wherry.store.history import Bounds
from wherry.store.log import Log, compare, deletion, next_version
from wherry.store.protocol import Claim, CompareFailed, Encoded, Record
from wherry.store.reads import CLOSED, LogReads


class MemoryStore(LogReads):
    """`now` (any clock in seconds that only goes forward) ages the history; in `health` it is noted that a follower raises."""

    def __init__(self, bounds: Bounds | None = None, *, now: Callable[[], float] = time.monotonic, health: Health | None = None) -> None:
        self._log = Log(bounds or Bounds(), now, health)

    @property
    def failure(self) -> str:
        return CLOSED if self._closed else ""

    async def get(self, key: str) -> Record | None:
        return self._log.get(key)

    async def settle(self) -> None:
        """The log is all there is."""

    async def reach(self, revision: int, patience: float) -> bool:
        return revision <= self._log.revision

    async def claim(self, name: str) -> Claim | None:
        """Nobody else writes here."""
        return None

    async def put(self, key: str, encoded: Encoded, *, expect: int | None = None, claim: Claim | None = None) -> Record:
        current = self._log.get(key)
        compare(key, current, expect)
        return self._append(next_version(key, current, self._log.revision + 1, encoded))

    async def delete(self, key: str, last: Encoded | None = None, *, expect: int | None = None) -> Record:
        current = self._log.get(key)
        if current is None:
            raise CompareFailed(key, None)
        compare(key, current, expect)
        return self._append(deletion(current, self._log.revision + 1, last))

    async def close(self) -> None:
        self._closed = True
        self._log.close()

    def _append(self, record: Record) -> Record:
        self._check_open()
        self._log.append(record)
        return record
