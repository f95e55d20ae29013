"""The custom resources of one registry: keeps its resource table to what the stored CustomResourceDefinitions say.

Hears of every definition that is written, here or by another server of the same store (`follow`), and reads those that are there already
(`load`, when the cluster starts). A definition whose names are established has rows in the table; one that is gone has none.
Source: k8s.io/apiextensions-apiserver/pkg/apiserver/customresource_handler.go, customresource_discovery_controller.go.
"""

from __future__ import annotations

from collections.abc import Callable

from wherry.api.errors import NotFound
from wherry.api.options import Target
from wherry.api.resources import Resource, ResourceTable
from wherry.rules.custom import kind
from wherry.store.protocol import Record, Store

DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io"


class Customs:
    def __init__(self, table: ResourceTable) -> None:
        self._table = table
        self._seen: dict[str, int] = {}
        self._specs: dict[str, object] = {}
        self._watches: dict[str, set[Callable[[], None]]] = {}

    def wrote(self, record: Record) -> None:
        """A definition as it is now. What was seen before, or is older, changes nothing."""
        name = record.key.rpartition("/")[2]
        if record.revision <= self._seen.get(name, 0):
            return
        self._seen[name] = record.revision
        rows = [] if record.deleted else kind.rows(record.object())
        self._table.put(name, rows)
        spec = record.object()["spec"] if rows else None
        if self._specs.get(name) != spec:
            self._specs[name] = spec
            for end in tuple(self._watches.get(name, ())):
                end()

    def watching(self, row: Resource, end: Callable[[], None]) -> Callable[[], None]:
        """A watch of a custom kind ends when its definition changes; to be called when it ended by itself."""
        watches = self._watches.setdefault(row.group_resource, set())
        watches.add(end)
        return lambda: watches.discard(end)

    async def load(self, store: Store) -> None:
        """Everything that is stored."""
        for record in (await store.range(f"{DEFINITIONS}/")).records:
            self.wrote(record)

    def follow(self, store: Store) -> None:
        """Hear of what anybody writes."""
        store.follow(DEFINITIONS, self.wrote)

    def current(self, target: Target) -> Target:
        """The target with the newest definition of its kind. Raises NotFound when the kind is not served (any more)."""
        row = self._table.current(target.resource)
        if row is target.resource:
            return target
        if row is None or (target.subresource and target.subresource not in row.subresources):
            raise NotFound("the server could not find the requested resource", {})
        return Target(row, target.namespace, target.name, target.subresource)
