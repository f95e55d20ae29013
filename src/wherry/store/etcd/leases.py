"""Leases of objects that go by themselves: events, an hour after they were written last.

A lease serves many objects, so that etcd has few: one is used for objects that are written within a minute (or a twentieth of
the time, if that is less), at most a thousand. Source: apiserver/pkg/storage/etcd3/lease_manager.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from wherry.store.etcd.connection import Connection
from wherry.store.etcd.messages import LEASE_GRANT, LeaseGrantRequest

REUSED_FOR, REUSED_SHARE, MOST_OBJECTS = 60.0, 0.05, 1000


class Leases:
    """`seconds`: how long objects live, of the tables whose objects go. `now`: any clock in seconds that only goes forward."""

    def __init__(self, connection: Connection, seconds: Mapping[str, float], now: Callable[[], float]) -> None:
        self._connection, self._seconds, self._now = connection, seconds, now
        self._held: dict[float, tuple[int, float]] = {}  # by the time that objects live: the lease, and when it ends
        self._count: dict[float, int] = {}

    async def of(self, table: str) -> int:
        """The lease for an object that is written now; 0 for what stays. Raises EtcdError."""
        seconds = self._seconds.get(table)
        if seconds is None:
            return 0
        more = min(REUSED_FOR, seconds * REUSED_SHARE)
        lease, ends = self._held.get(seconds, (0, 0.0))
        if not (self._now() + seconds < ends and self._count[seconds] < MOST_OBJECTS):
            whole = max(1, round(seconds + more))
            answer = await self._connection.call(LEASE_GRANT, LeaseGrantRequest(TTL=whole))
            lease = answer.ID
            self._held[seconds], self._count[seconds] = (lease, self._now() + whole), 0
        self._count[seconds] += 1
        return lease
