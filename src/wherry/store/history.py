"""The recent versions of all keys, oldest first, within bounds of number, bytes and age.

The log appends every durable record; watches replay from here and ranges at older revisions are read from here. A record's `prev`
lives exactly as long as the record is in the history: forgetting revision N cuts the `prev` of every record up to N, so what was
superseded by then is freed, while a read at N (and later) still finds every version it needs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from wherry.store.keys import MOST_UNSORTED
from wherry.store.protocol import Compacted, FutureRevision, Record

#: memory of a record beside its value: the object, its bytes' header, its place in the history
OVERHEAD = 240
#: how many writes ago a version must have been superseded, or written where nobody follows, before its decoded form is dropped
WARM = 1000
#: resolution of the bound on age, in seconds
MARK_EVERY = 1.0


class Bounds(NamedTuple):
    """How much history is kept: whichever bound is met first.

    `watch_buffer`: records a watcher may be behind; `unsorted_keys`: changed keys of a table that wait for a reader to be put in order.
    """

    records: int = 20_000
    bytes: int = 32 << 20
    seconds: float | None = 300.0
    watch_buffer: int = 10_000
    unsorted_keys: int = MOST_UNSORTED


class History:
    """`oldest` is the last revision forgotten; every record after it is here."""

    def __init__(self, bounds: Bounds, now: Callable[[], float], followed: Callable[[str], bool], oldest: int = 0) -> None:
        """`followed`: whether somebody watches the table of a key, so that the decoded form of what is there is held anyway."""
        self.oldest = oldest
        self.newest = oldest
        self.bytes = 0
        self._bounds = bounds
        self._now = now
        self._followed = followed
        self._records: deque[Record] = deque()
        self._warm: deque[Record] = deque()
        self._marks: deque[tuple[float, int]] = deque()

    def __len__(self) -> int:
        return len(self._records)

    def append(self, record: Record) -> None:
        self._records.append(record)
        self.newest = record.revision
        self.bytes += _held(record)
        self._cool(record)
        self._enforce()

    def after(self, revision: int) -> list[Record]:
        """All records newer than `revision`, in order. Raises Compacted, FutureRevision."""
        self.check(revision)
        found: list[Record] = []
        for record in reversed(self._records):
            if record.revision <= revision:
                break
            found.append(record)
        found.reverse()
        return found

    def check(self, revision: int) -> None:
        if revision < self.oldest:
            raise Compacted(revision, self.oldest)
        if revision > self.newest:
            raise FutureRevision(revision, self.newest)

    def forget(self, revision: int) -> None:
        """Drop history up to and including `revision`."""
        records = self._records
        while records and records[0].revision <= revision:
            record = records.popleft()
            self.bytes -= _held(record)
            record.prev = None
        self.oldest = max(self.oldest, min(revision, self.newest))

    def _enforce(self) -> None:
        bounds = self._bounds
        while self._records and (len(self._records) > bounds.records or self.bytes > bounds.bytes):
            self.forget(self._records[0].revision)
        if bounds.seconds is not None:
            self._age(self._now(), bounds.seconds)

    def _age(self, now: float, seconds: float) -> None:
        marks = self._marks
        if not marks or now - marks[-1][0] >= MARK_EVERY:
            marks.append((now, self.newest - 1))
        while marks and marks[0][0] < now - seconds:
            self.forget(marks.popleft()[1])

    def _cool(self, record: Record) -> None:
        """Decoded forms are larger than the bytes, and rarely asked for again when they are long superseded or when nobody follows them."""
        self._warm.append(record)
        if len(self._warm) > WARM:
            old = self._warm.popleft()
            for version in (old.prev, old if old.deleted or not self._followed(old.key) else None):
                if version is not None:
                    version.obj = version.cache = None


def _held(record: Record) -> int:
    """The memory that is held only because this record is in the history."""
    held = OVERHEAD
    if record.prev is not None:
        held += len(record.prev.value)
    if record.deleted:
        held += len(record.value)
    return held
