"""The log in memory that every store shares: live records per table in key order, recent history, and the watchers.

A store appends records once they are durable, in the order of their revisions; so whatever is read here is durable. Each is visible before
followers and watchers hear of it, and a follower that raises is told of in the log and in `Health` and stops nobody: neither the writer nor
the other followers. Reads at an older revision lay the versions of then over the live ones: for each key written since, the `prev` of its
first later record.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from heapq import merge
from itertools import islice

from wherry.kit.health import Health
from wherry.store.dispatch import Dispatch
from wherry.store.history import Bounds, History
from wherry.store.keys import Keys, span
from wherry.store.protocol import CompareFailed, Encoded, Follower, Part, Range, Record
from wherry.store.stamp import restamped, stamp, stamped, with_revision
from wherry.store.watcher import Watcher

log = logging.getLogger(__name__)

#: for each key written since some revision, its live version at that revision
Overlay = dict[str, Record | None]


class Log:
    """Not aware of durability: what is appended is visible at once."""

    def __init__(self, bounds: Bounds, now: Callable[[], float], health: Health | None = None) -> None:
        self._bounds = bounds
        self._now = now
        self._health = health or Health()
        self._live: dict[str, Record] = {}
        self._tables: dict[str, Keys] = {}
        self._watchers = Dispatch()
        self._followers: dict[str, list[Follower]] = {}  # by table
        self.history = History(bounds, now, self._is_followed)

    @property
    def revision(self) -> int:
        return self.history.newest

    @property
    def oldest(self) -> int:
        return self.history.oldest

    def get(self, key: str) -> Record | None:
        return self._live.get(key)

    def size(self, table: str) -> int:
        keys = self._tables.get(table)
        return keys.count if keys is not None else 0

    def follow(self, table: str, hear: Follower) -> Callable[[], None]:
        followers = self._followers.setdefault(table, [])
        followers.append(hear)

        def end() -> None:
            if hear in followers:
                followers.remove(hear)

        return end

    def load(self, live: Iterable[Record], history: Iterable[Record], oldest: int) -> None:
        """Start from what was stored: the live records, and the history after `oldest` (not older than the bounds allow)."""
        for record in live:
            self._enter(record, _table(record.key))
        self.history = History(self._bounds, self._now, self._is_followed, oldest)
        for record in history:
            self.history.append(record)

    def advance(self, revision: int) -> None:
        """Up to this revision nothing else was written."""
        self.history.newest = max(self.history.newest, revision)

    def replace(self, records: Iterable[Record], revision: int) -> list[Record]:
        """All that is live at `revision`, where how it came about is not known: what is different comes in, and is returned.

        Watchers end with Compacted, since they missed what was between; followers hear of the difference.
        """
        for watcher in self._watchers.all():
            watcher.lose(revision)
        now = {record.key: record for record in records}
        changed = [record for record in now.values() if (old := self._live.get(record.key)) is None or old.revision != record.revision]
        changed.sort(key=lambda record: record.revision)
        changed.extend(deletion(old, revision, None) for old in tuple(self._live.values()) if old.key not in now)
        for record in changed:
            self.append(record)
        self.advance(revision)
        self.history.forget(revision)
        return changed

    def append(self, record: Record) -> None:
        """The record is durable: make it visible, tell those who follow and watch."""
        table = _table(record.key)
        self._enter(record, table)
        self.history.append(record)
        if self._followers.get(table):
            self._tell(table, record)
        if self._followers.get(""):
            self._tell("", record)
        self._watchers.tell(record, table)

    def _tell(self, table: str, record: Record) -> None:
        part = f"followers of {table or 'everything'}"
        for hear in tuple(self._followers[table]):
            try:
                hear(record)
            except Exception as error:
                self._health.failed(part, f"{type(error).__name__}: {error}")
                log.exception("%s: %s failed about %s", part, getattr(hear, "__qualname__", hear), record.key)
            else:
                self._health.well(part)

    def range(self, prefix: str, revision: int, after: str, limit: int) -> Range:
        overlay = self._overlay(prefix, revision)
        keys = self._ordered(prefix)
        start, end = span(keys, prefix, after)
        limit = limit or end - start + len(overlay)
        if not overlay:
            stop = min(end, start + limit)
            return Range(list(map(self._live.__getitem__, keys[start:stop])), revision or self.revision, end - stop)
        back = sorted(key for key, then in overlay.items() if then is not None and key > after and key not in self._live)
        hidden = sum(1 for key, then in overlay.items() if then is None and key > after and key in self._live)
        records = list(islice(self._then(merge(keys[start:end], back), overlay), limit))
        return Range(records, revision, end - start + len(back) - hidden - len(records))

    def watch(self, prefix: str, after: int, part: Part | None = None) -> Watcher:
        replay = [r for r in self.history.after(after) if r.key.startswith(prefix)]
        watcher = Watcher(prefix, replay, after, self._bounds.watch_buffer, self._watchers.remove)
        self._watchers.add(watcher, part)
        return watcher

    def close(self) -> None:
        for watcher in self._watchers.all():
            watcher.end()
        self._watchers.clear()

    def _enter(self, record: Record, table: str) -> None:
        key = record.key
        if record.deleted:
            if self._live.pop(key, None) is not None:
                self._keys(table).removed(key)
        else:
            is_new = key not in self._live
            self._live[key] = record
            if is_new:
                self._keys(table).added(key)

    def _keys(self, table: str) -> Keys:
        keys = self._tables.get(table)
        if keys is None:
            keys = self._tables[table] = Keys(self._bounds.unsorted_keys)
        return keys

    def _ordered(self, prefix: str) -> list[str]:
        if "/" in prefix:
            keys = self._tables.get(_table(prefix))
            return keys.ordered() if keys is not None else []
        return sorted(key for name, keys in self._tables.items() if name.startswith(prefix) for key in keys.ordered())

    def _overlay(self, prefix: str, revision: int) -> Overlay:
        overlay: Overlay = {}
        if revision:
            for record in self.history.after(revision):
                if record.key.startswith(prefix):
                    overlay.setdefault(record.key, record.prev)
        return overlay

    def _then(self, keys: Iterable[str], overlay: Overlay) -> Iterator[Record]:
        for key in keys:
            record = overlay[key] if key in overlay else self._live[key]
            if record is not None:
                yield record

    def _is_followed(self, key: str) -> bool:
        return self._watchers.hears(_table(key))


def compare(key: str, current: Record | None, expect: int | None) -> None:
    """Raises CompareFailed unless the key is as expected: 0 absent, N at revision N, None whatever."""
    if expect is not None and expect != (current.revision if current is not None else 0):
        raise CompareFailed(key, current)


def next_version(key: str, current: Record | None, revision: int, encoded: Encoded) -> Record:
    """The record of a version written at `revision`. A creation has no `prev`, even where the key was once deleted."""
    sent = _with(encoded, revision)
    if current is None:
        return Record(key, sent, revision, revision, False, None)
    return Record(current.key, sent, revision, current.create_revision, False, current)


def deletion(current: Record, revision: int, last: Encoded | None) -> Record:
    """The record of a deletion at `revision`: the last state is `last`, or the version that it ends."""
    if last is not None:
        sent = _with(last, revision)
    else:
        value = restamped(current.value, current.revision, revision)
        sent = Encoded(value, with_revision(current.obj, revision) if current.obj is not None and value is not current.value else None)
    return Record(current.key, sent, revision, current.create_revision, True, current)


def _with(encoded: Encoded, revision: int) -> Encoded:
    """The value as it is sent, with its revision."""
    value, obj = encoded
    sent = stamped(value, revision)
    if sent is not value and obj is not None:
        stamp(obj, revision)
    return Encoded(sent, obj)


def _table(key: str) -> str:
    return key.partition("/")[0]
