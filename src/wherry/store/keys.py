"""The live keys of one table in order, sorted as late as possible.

The log notes which keys came or went; the first reader after that puts them in place: one by one when they are few (a binary search and a
move of memory), with one merge when they are many. So a burst of thousands of creations costs one sort, and a list of a quiet table costs
a slice. Whether a changed key is there is noted with the change, and nobody else is asked: when the keys are put in place is of no
consequence to what is listed.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort

#: from one changed key in this many on, merging is quicker than placing one by one
MERGE_FROM = 128
#: from this many changed keys on they do not wait for a reader: a table of them takes several times the memory of the list
MOST_UNSORTED = 8192


class Keys:
    """`most_unsorted`: changed keys that wait for a reader."""

    __slots__ = ("_changed", "_most_unsorted", "_sorted", "count")

    def __init__(self, most_unsorted: int = MOST_UNSORTED) -> None:
        self._sorted: list[str] = []
        #: whether each key that changed since the last reader is there
        self._changed: dict[str, bool] = {}
        self._most_unsorted = most_unsorted
        self.count = 0

    def added(self, key: str) -> None:
        """The key, which was not there, is."""
        self.count += 1
        self._note(key, present=True)

    def removed(self, key: str) -> None:
        """The key, which was there, is not any more."""
        self.count -= 1
        self._note(key, present=False)

    def _note(self, key: str, *, present: bool) -> None:
        self._changed[key] = present
        if len(self._changed) > self._most_unsorted and len(self._changed) * 8 > len(self._sorted):
            self._settle()

    def ordered(self) -> list[str]:
        """All keys in order; the caller does not change the list."""
        if self._changed:
            self._settle()
        return self._sorted

    def _settle(self) -> None:
        changed, self._changed = self._changed, {}
        if len(changed) * MERGE_FROM > len(self._sorted):
            kept = [key for key in self._sorted if key not in changed]
            kept.extend(sorted(key for key, present in changed.items() if present))
            kept.sort()  # two runs: one merge
            self._sorted = kept
        else:
            for key, present in changed.items():
                self._place(key, present=present)

    def _place(self, key: str, *, present: bool) -> None:
        at = bisect_left(self._sorted, key)
        there = at < len(self._sorted) and self._sorted[at] == key
        if there and not present:
            del self._sorted[at]
        elif present and not there:
            insort(self._sorted, key, at, at)


def span(keys: list[str], prefix: str, after: str) -> tuple[int, int]:
    """Where the keys that start with `prefix` and are greater than `after` begin and end."""
    start = bisect_left(keys, prefix) if prefix > after else bisect_right(keys, after)
    end = bisect_left(keys, prefix[:-1] + chr(ord(prefix[-1]) + 1)) if prefix else len(keys)
    return start, max(start, end)
