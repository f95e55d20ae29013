"""A local copy of the objects that a selector means, kept current by a watch, on any client.

Called by `watching`, which follows a workload with its revisions, pods and events. A watch that ends or is too old is begun again from a
fresh list, so the copy is never wrong for longer than a request takes. A resource that one may not read stays empty when it is `optional`.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from wherry.api.errors import Forbidden, Gone, NotFound, StatusError
from wherry.api.objects import Obj
from wherry.api.resources import Resource
from wherry.client.protocol import Client

#: seconds before a watch that ended is begun again
PAUSE = 0.2


class Mirror:
    """`objects` by name. `changed` is set at every change; `synced` once the first list is there."""

    def __init__(self, client: Client, resource: Resource, namespace: str, changed: asyncio.Event, *, label_selector: str = "",
                 field_selector: str = "", optional: bool = False) -> None:
        self.resource = resource
        self.objects: dict[str, Obj] = {}
        self.synced = asyncio.Event()
        self._client = client
        self._namespace = namespace
        self._changed = changed
        self._labels = label_selector
        self._fields = field_selector
        self._optional = optional

    def values(self) -> list[Obj]:
        return list(self.objects.values())

    async def run(self) -> None:
        """Until cancelled. Raises StatusError when the first list fails and the resource is not optional."""
        try:
            while True:
                await self._once()
                await asyncio.sleep(PAUSE)
        except (Forbidden, NotFound):
            if not self._optional:
                raise
            self.synced.set()
            self._changed.set()

    async def _once(self) -> None:
        """One list and one watch."""
        try:
            listing = await self._client.list(self.resource, self._namespace, label_selector=self._labels, field_selector=self._fields)
        except (Forbidden, NotFound):
            raise
        except StatusError:
            if not self.synced.is_set():
                raise
            return
        self.objects = {obj["metadata"]["name"]: self._typed(obj) for obj in listing.items}
        self.synced.set()
        self._changed.set()
        stream = self._client.watch(self.resource, self._namespace, resource_version=listing.resource_version,
                                    label_selector=self._labels, field_selector=self._fields)
        try:
            async with aclosing(stream) as batches:  # type: ignore[type-var]
                async for batch in batches:
                    for event in batch:
                        self._take(event.type, event.object)
                    self._changed.set()
        except Gone:
            return

    def _take(self, kind: str, obj: Obj) -> None:
        if kind == "DELETED":
            self.objects.pop(obj["metadata"]["name"], None)
        elif kind != "BOOKMARK":
            self.objects[obj["metadata"]["name"]] = self._typed(obj)

    def _typed(self, obj: Obj) -> Obj:
        return obj if "kind" in obj else {"kind": self.resource.kind, "apiVersion": self.resource.api_version, **obj}
