"""What every store answers from its log alone: the part of the protocol that does not depend on where the log's records come from.

`MemoryStore`, `SQLiteStore`, `EtcdStore` and `ReplicaStore` are such; each adds how it writes and when a read is exact.
"""

from __future__ import annotations

from collections.abc import Callable

from wherry.store.log import Log
from wherry.store.protocol import Follower, Part, Range, Record, StoreFailed
from wherry.store.watcher import Watcher

CLOSED = "the store is closed"


class LogReads:
    """`_log` is what is known here; `_closed` is set by `close`."""

    _log: Log
    _closed = False

    @property
    def revision(self) -> int:
        return self._log.revision

    @property
    def oldest(self) -> int:
        return self._log.oldest

    def known(self, key: str) -> Record | None:
        return self._log.get(key)

    async def range(self, prefix: str, *, revision: int = 0, after: str = "", limit: int = 0) -> Range:
        return self._log.range(prefix, revision, after, limit)

    def watch(self, prefix: str, *, after: int, part: Part | None = None) -> Watcher:
        self._check_open()
        return self._log.watch(prefix, after, part)

    def compact(self, revision: int) -> None:
        self._log.history.forget(revision)

    def is_stale(self, key: str) -> bool:
        return False

    def size(self, table: str) -> int:
        return self._log.size(table)

    def follow(self, table: str, hear: Follower) -> Callable[[], None]:
        return self._log.follow(table, hear)

    def _check_open(self) -> None:
        """Raises StoreFailed."""
        if self._closed:
            raise StoreFailed(CLOSED)
