"""The live keys of one table in order, sorted as late as possible.

Writers only note which keys came or went; the first reader after that puts them in place: one by one when they are few (a binary search
and a move of memory), with one merge when they are many. So a burst of thousands of creations costs one sort, and a list of a quiet
table costs a slice.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Container

#: from one changed key in this many on, merging is quicker than placing one by one
MERGE_FROM = 128
#: from this many changed keys on they do not wait for a reader: a set takes several times the memory of the list
MOST = 8192


class Keys:
    """`live` tells which keys exist; this object only keeps their order."""

    __slots__ = ("_changed", "_live", "_sorted", "count")

    def __init__(self, live: Container[str]) -> None:
        self._live = live
        self._sorted: list[str] = []
        self._changed: set[str] = set()
        self.count = 0

    def added(self, key: str) -> None:
        self._changed.add(key)
        self.count += 1
        self._bound()

    def removed(self, key: str) -> None:
        self._changed.add(key)
        self.count -= 1
        self._bound()

    def _bound(self) -> None:
        if len(self._changed) > MOST and len(self._changed) * 8 > len(self._sorted):
            self._settle()

    def ordered(self) -> list[str]:
        """All keys in order; the caller does not change the list."""
        if self._changed:
            self._settle()
        return self._sorted

    def _settle(self) -> None:
        changed, self._changed = self._changed, set()
        if len(changed) * MERGE_FROM > len(self._sorted):
            kept = [key for key in self._sorted if key not in changed]
            kept.extend(sorted(key for key in changed if key in self._live))
            kept.sort()  # two runs: one merge
            self._sorted = kept
        else:
            for key in changed:
                self._place(key)

    def _place(self, key: str) -> None:
        at = bisect_left(self._sorted, key)
        present = at < len(self._sorted) and self._sorted[at] == key
        if present and key not in self._live:
            del self._sorted[at]
        elif not present and key in self._live:
            insort(self._sorted, key, at, at)


def span(keys: list[str], prefix: str, after: str) -> tuple[int, int]:
    """Where the keys that start with `prefix` and are greater than `after` begin and end."""
    start = bisect_left(keys, prefix) if prefix > after else bisect_right(keys, after)
    end = bisect_left(keys, prefix[:-1] + chr(ord(prefix[-1]) + 1)) if prefix else len(keys)
    return start, max(start, end)
