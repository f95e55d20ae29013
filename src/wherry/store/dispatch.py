"""Which watchers hear of a record: found by table, prefix and part, not by asking each.

Kept by the log. Thousands watch one table, each for a little of it: the kubelets of all nodes for the pods of their own, whoever waits for
one object by its name. A record goes to those whose prefix is one of its key's, and of those who watch a part to those of its part, now or
before this version. Invariant: a watcher is offered every record of its prefix and part, in order; whether it sees it is its own matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from wherry.store.protocol import Part, Record
from wherry.store.watcher import Watcher

_Watchers = dict[Watcher, None]


class _Parts:
    """Of one name."""

    __slots__ = ("of", "watchers")

    def __init__(self, of: Callable[[Record], str]) -> None:
        self.of = of
        self.watchers: dict[str, _Watchers] = {}


class _Table:
    __slots__ = ("parts", "prefixes")

    def __init__(self) -> None:
        self.prefixes: dict[str, _Watchers] = {}
        self.parts: dict[str, _Parts] = {}

    def __bool__(self) -> bool:
        return bool(self.prefixes or self.parts)


class Dispatch:
    def __init__(self) -> None:
        #: by table; under "" those whose prefix spans tables
        self._tables: dict[str, _Table] = {}

    def add(self, watcher: Watcher, part: Part | None) -> None:
        table = self._tables.setdefault(_table(watcher.prefix), _Table())
        if part is None:
            table.prefixes.setdefault(watcher.prefix, {})[watcher] = None
            return
        parts = table.parts.setdefault(part.name, _Parts(part.of))
        parts.watchers.setdefault(part.value, {})[watcher] = None
        watcher.part = part.name, part.value

    def remove(self, watcher: Watcher) -> None:
        """One that is not there is none any more."""
        name = _table(watcher.prefix)
        table = self._tables.get(name)
        if table is None:
            return
        if watcher.part is None:
            _discard(table.prefixes, watcher.prefix, watcher)
        elif (parts := table.parts.get(watcher.part[0])) is not None:
            _discard(parts.watchers, watcher.part[1], watcher)
            if not parts.watchers:
                del table.parts[watcher.part[0]]
        if not table:
            del self._tables[name]

    def all(self) -> list[Watcher]:
        """Those that watch now."""
        return [
            watcher
            for table in self._tables.values()
            for group in (table.prefixes, *(parts.watchers for parts in table.parts.values()))
            for watchers in group.values()
            for watcher in watchers
        ]

    def clear(self) -> None:
        self._tables.clear()

    def hears(self, table: str) -> bool:
        """Whether anybody watches that table for itself; who watches all tables takes bytes."""
        return table in self._tables

    def tell(self, record: Record, table: str) -> None:
        """Offer the record to all that it concerns."""
        if not self._tables:
            return
        for name in (table, ""):
            found = self._tables.get(name)
            if found is not None:
                for watcher in tuple(_concerned(found, record)):
                    watcher.offer(record)


def _concerned(table: _Table, record: Record) -> Iterator[Watcher]:
    key = record.key
    for prefix, watchers in table.prefixes.items():
        if key.startswith(prefix):
            yield from watchers
    for parts in table.parts.values():
        now = parts.of(record)
        before = now if record.prev is None or record.prev.deleted else parts.of(record.prev)
        for value in (now,) if now == before else (now, before):
            for watcher in parts.watchers.get(value, ()):
                if key.startswith(watcher.prefix):
                    yield watcher


def _discard(groups: dict[str, _Watchers], name: str, watcher: Watcher) -> None:
    group = groups.get(name)
    if group is not None:
        group.pop(watcher, None)
        if not group:
            del groups[name]


def _table(prefix: str) -> str:
    return prefix[: prefix.index("/")] if "/" in prefix else ""
