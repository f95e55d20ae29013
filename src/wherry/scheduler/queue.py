"""The pods that wait for a node: ready, backing off, or waiting for the cluster to change. Used by the scheduler's loop only.

More important pods first, then older ones. A pod that fits nowhere waits until something happens that could help it (`wake`), and not
before its back-off is over unless nothing else is to be done. Invariant: a pod is in exactly one of the three places, or being scheduled.
Source of the rule: pkg/scheduler/backend/queue/scheduling_queue.go (activeQ, backoffQ, unschedulablePods).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass

from wherry.kit.backoff import delay
from wherry.rules.placing.scheduling.demand import PodInfo

FIRST_BACKOFF = 1.0
MAX_BACKOFF = 10.0
#: a pod that nothing woke is tried again after this long
STALE_AFTER = 300.0


@dataclass(slots=True, eq=False)
class _Entry:
    info: PodInfo
    added: float
    order: int
    place: str = "active"
    attempts: int = 0
    ready_at: float = 0.0
    waiting_since: float = 0.0
    error: bool = False
    plugins: frozenset[str] = frozenset()


class SchedulingQueue:
    """`now` is an argument of whatever depends on the time."""

    def __init__(self, first_backoff: float = FIRST_BACKOFF, max_backoff: float = MAX_BACKOFF) -> None:
        self._first_backoff, self._max_backoff = first_backoff, max_backoff
        self._entries: dict[str, _Entry] = {}
        self._active: list[tuple[int, float, int, _Entry]] = []
        self._backoff: list[tuple[float, int, _Entry]] = []
        self._parked: dict[str, _Entry] = {}
        self._counter = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def places(self) -> dict[str, int]:
        """How many pods are active, in backoff, parked, and working."""
        found: dict[str, int] = {}
        for entry in self._entries.values():
            found[entry.place] = found.get(entry.place, 0) + 1
        return found

    def add(self, info: PodInfo, now: float) -> None:
        """A pod that needs a node, or its new version; a change may make a waiting pod fit, so it is tried again."""
        entry = self._entries.get(info.key)
        if entry is not None and entry.info.uid == info.uid:
            entry.info = info
            if entry.place == "parked":
                self._release(entry, now)
            return
        if entry is not None:
            self.remove(info.key)
        entry = _Entry(info, now, self._next())
        self._entries[info.key] = entry
        self._push_active(entry)

    def remove(self, key: str, uid: str = "") -> None:
        """Forget the pod of that key, if it is still the one with that uid ("": whichever)."""
        entry = self._entries.get(key)
        if entry is not None and uid in ("", entry.info.uid):
            entry.place = "gone"
            del self._entries[key]
            self._parked.pop(key, None)

    def pop(self, now: float) -> PodInfo | None:
        """The next pod to schedule; call `remove`, `park` or `retry` when done with it."""
        while self._backoff and self._backoff[0][0] <= now:
            entry = heapq.heappop(self._backoff)[2]
            if entry.place == "backoff":
                self._push_active(entry)
        entry_or_none = self._take_active() or self._take_early()
        if entry_or_none is None:
            return None
        entry_or_none.place = "working"
        entry_or_none.attempts += 1
        return entry_or_none.info

    def park(self, key: str, plugins: Iterable[str], now: float) -> None:
        """No node will do: wait until something happens that these plug-ins care about."""
        entry = self._entries.get(key)
        if entry is not None and entry.place == "working":
            entry.place, entry.plugins, entry.error = "parked", frozenset(plugins), False
            entry.waiting_since = now
            entry.ready_at = now + delay(entry.attempts, self._first_backoff, self._max_backoff)
            self._parked[key] = entry

    def retry(self, key: str, now: float) -> None:
        """Something went wrong: try again after the back-off."""
        entry = self._entries.get(key)
        if entry is not None and entry.place == "working":
            entry.error = True
            entry.ready_at = now + delay(entry.attempts, self._first_backoff, self._max_backoff)
            self._push_backoff(entry)

    def wake(self, now: float, plugins: frozenset[str] | None = None) -> bool:
        """Something changed that could help pods refused by one of these plug-ins (None: all). Whether any pod woke."""
        woken = [e for e in self._parked.values() if plugins is None or not plugins.isdisjoint(e.plugins)]
        for entry in woken:
            self._release(entry, now)
        return bool(woken)

    def wake_one(self, key: str, now: float) -> bool:
        """Something changed that could help this pod. Whether it woke."""
        entry = self._parked.get(key)
        if entry is not None:
            self._release(entry, now)
        return entry is not None

    def wake_stale(self, now: float) -> None:
        for entry in [e for e in self._parked.values() if now - e.waiting_since >= STALE_AFTER]:
            self._release(entry, now)

    def due(self) -> float | None:
        """When the next pod's back-off or long wait ends."""
        times = [self._backoff[0][0]] if self._backoff else []
        if self._parked:
            times.append(min(e.waiting_since for e in self._parked.values()) + STALE_AFTER)
        return min(times, default=None)

    @property
    def idle(self) -> bool:
        """Nothing can be done before something changes or time passes."""
        return not any(e.place in ("active", "working") for e in self._entries.values())

    def _next(self) -> int:
        self._counter += 1
        return self._counter

    def _release(self, entry: _Entry, now: float) -> None:
        self._parked.pop(entry.info.key, None)
        if entry.ready_at <= now:
            self._push_active(entry)
        else:
            self._push_backoff(entry)

    def _push_active(self, entry: _Entry) -> None:
        entry.place = "active"
        heapq.heappush(self._active, (-entry.info.demand.priority, entry.added, self._next(), entry))

    def _push_backoff(self, entry: _Entry) -> None:
        entry.place = "backoff"
        heapq.heappush(self._backoff, (entry.ready_at, self._next(), entry))

    def _take_active(self) -> _Entry | None:
        while self._active:
            entry = heapq.heappop(self._active)[3]
            if entry.place == "active":
                return entry
        return None

    def _take_early(self) -> _Entry | None:
        """With nothing else to do, a pod that only waits out its back-off may go on (SchedulerPopFromBackoffQ); not after an error."""
        for i, (_, _, entry) in enumerate(self._backoff):
            if entry.place == "backoff" and not entry.error:
                del self._backoff[i]
                heapq.heapify(self._backoff)
                return entry
        return None
