"""Events that our own components record: the most frequent writes of all, so what is alike in them is worked out once.

Used by creates for trusted clients. A recorder builds every event alike; what it owns (FieldsV1) depends only on its form and on whether it
speaks for a host, its entry in managedFields on that, its name and the second, and admission on the namespace.
"""

from __future__ import annotations

from functools import lru_cache

from wherry.api.objects import Obj
from wherry.rules.writing.managed_fields import entries
from wherry.store.protocol import Record, Store

NAMESPACES = "namespaces"


class Admitted:
    """Namespaces in which an event was admitted; that holds for those after it until a namespace is written."""

    def __init__(self) -> None:
        self._namespaces: set[str] = set()
        #: grows with every write of a namespace
        self.era = 0

    def __contains__(self, namespace: str) -> bool:
        return namespace in self._namespaces

    def add(self, namespace: str, era: int) -> None:
        """What was found out in that era, unless a namespace was written since: admission may have waited."""
        if era == self.era:
            self._namespaces.add(namespace)

    def follow(self, store: Store) -> None:
        """Hear of every write of a namespace."""
        store.follow(NAMESPACES, self._namespace_written)

    def _namespace_written(self, record: Record) -> None:
        self._namespaces.clear()
        self.era += 1


def owned_fields(event: Obj) -> Obj:
    """What the maker of a new event owns; shared between events of one shape."""
    return _owned(*_shape(event))


def managed_fields(event: Obj, manager: str, time: str) -> list[Obj]:
    """The metadata.managedFields of a new event, made at `time` (RFC 3339); shared by those of one shape, manager and second."""
    return _managed(manager, time, *_shape(event))


def _shape(event: Obj) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
    return tuple([name for name, value in event.items() if value is not None]), tuple(event["source"]), bool(event["reportingInstance"])


@lru_cache(maxsize=256)
def _owned(fields: tuple[str, ...], source: tuple[str, ...], hosted: bool) -> Obj:
    owned: Obj = {}
    for name in sorted(set(fields) - {"kind", "apiVersion", "metadata"}):
        if name != "source" or source:
            owned[f"f:{name}"] = {f"f:{k}": {} for k in sorted(source)} if name == "source" else {}
    if not hosted:
        del owned["f:reportingInstance"]  # a text that is empty is nobody's
    return owned


@lru_cache(maxsize=1024)
def _managed(manager: str, time: str, fields: tuple[str, ...], source: tuple[str, ...], hosted: bool) -> list[Obj]:
    return [entries.make((manager, "Update", "v1", ""), "v1", _owned(fields, source, hosted), time)]
