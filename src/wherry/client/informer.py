"""An informer: a live copy of one resource's objects in memory, with indexes, that reads its owner's writes.

Controllers, scheduler and node agent read from it instead of asking the server. It lists, then watches; when a watch ends it goes on from
the last version, and lists again when that is too old. What its owner writes is absorbed at once (`absorb`), so a decision never rests on
a state older than the owner's own last write; the watch's later copy of it is then nothing new. Versions compare as numbers
(Kubernetes 1.35 made that part of the API).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import aclosing
from typing import Any

from wherry.api.errors import Gone, NotFound, StatusError
from wherry.api.objects import Obj, controller_of, key, version
from wherry.api.resources import Resource
from wherry.client.protocol import Client
from wherry.kit.turns import turn

Handler = Callable[[Obj | None, Obj | None], None]
IndexBy = Callable[[Obj], Iterable[str]]

#: seconds between tries when the server cannot be reached
RETRY_EVERY = 1.0
#: seconds until a resource that the server does not serve is asked for again
NOT_SERVED_EVERY = 30.0


def by_namespace(obj: Obj) -> Iterable[str]:
    return (obj["metadata"].get("namespace", ""),)


def by_owner(obj: Obj) -> Iterable[str]:
    """The uid of the managing controller; "" for an object without one."""
    ref = controller_of(obj)
    return (ref["uid"] if ref else "",)


class Informer:
    """Handlers are called with (old, new); None stands for absent. Objects are shared: never change them."""

    def __init__(
        self, client: Client, resource: Resource, *, namespace: str = "", label_selector: str = "", field_selector: str = ""
    ) -> None:
        self.resource = resource
        self._client = client
        self._scope: dict[str, Any] = {"namespace": namespace, "label_selector": label_selector, "field_selector": field_selector}
        self._objects: dict[str, Obj] = {}
        self._handlers: list[Handler] = []
        self._index_by: dict[str, IndexBy] = {"namespace": by_namespace, "owner": by_owner}
        self._indexes: dict[str, dict[str, dict[str, Obj]]] = {"namespace": {}, "owner": {}}
        #: key -> uid of what a delete of ours removed and the watch has not shown gone yet
        self._gone: dict[str, str] = {}
        self._synced = asyncio.Event()

    # --- reading ---
    def get(self, key: str) -> Obj | None:
        return self._objects.get(key)

    def items(self) -> Iterable[Obj]:
        return self._objects.values()

    def names(self) -> Iterable[str]:
        """The keys of what is there."""
        return self._objects.keys()

    def __len__(self) -> int:
        return len(self._objects)

    def by_index(self, name: str, value: str) -> list[Obj]:
        found = self._indexes[name].get(value)
        return list(found.values()) if found else []

    def count(self, name: str, value: str) -> int:
        return len(self._indexes[name].get(value, ()))

    async def synced(self) -> None:
        """Returns once the first list is in."""
        await self._synced.wait()

    # --- setting up ---
    def add_handler(self, handler: Handler) -> None:
        """Called for every change from now on; and at once for what is there."""
        self._handlers.append(handler)
        for obj in list(self._objects.values()):
            handler(None, obj)

    def add_index(self, name: str, index_by: IndexBy) -> None:
        if name in self._index_by:
            return
        self._index_by[name] = index_by
        self._indexes[name] = {}
        for at, obj in self._objects.items():
            for value in index_by(obj):
                self._indexes[name].setdefault(value, {})[at] = obj

    # --- own writes ---
    def absorb(self, obj: Obj) -> None:
        """Take in an object that a write of ours returned."""
        at = key(obj)
        if self._gone.get(at) != obj["metadata"]["uid"]:
            self._put(at, obj)

    def absorb_deleted(self, obj: Obj) -> None:
        """Take in that a delete of ours removed `obj`."""
        at = key(obj)
        current = self._objects.get(at)
        if current is not None and current["metadata"]["uid"] == obj["metadata"]["uid"]:
            self._gone[at] = obj["metadata"]["uid"]
            self._drop(at)

    # --- the loop ---
    async def run(self) -> None:
        """List and watch until cancelled."""
        resume = ""
        while True:
            try:
                if not resume:
                    resume = await self._relist()
                resume = await self._follow(resume)
            except Gone:
                resume = ""
            except NotFound:
                self._synced.set()  # not served there (an older server): there is none
                await asyncio.sleep(NOT_SERVED_EVERY)
            except (StatusError, OSError):
                await asyncio.sleep(RETRY_EVERY)

    async def _relist(self) -> str:
        listing = await self._client.list(self.resource, **self._scope)
        present = set()
        for obj in listing.items:
            at = key(obj)
            present.add(at)
            self._put(at, obj)
        for at in [k for k in self._objects if k not in present]:
            self._drop(at)
        self._gone.clear()
        self._synced.set()
        return listing.resource_version

    async def _follow(self, resume: str) -> str:
        async with aclosing(self._client.watch(self.resource, resource_version=resume, **self._scope)) as batches:  # type: ignore[type-var]
            async for batch in batches:
                for event in batch:
                    await turn()
                    self._take(event.type, event.object)
                    resume = event.object["metadata"]["resourceVersion"]
        return resume

    def _take(self, kind: str, obj: Obj) -> None:
        if kind == "BOOKMARK":
            return
        at = key(obj)
        if kind == "DELETED":
            if self._gone.get(at) == obj["metadata"]["uid"]:
                del self._gone[at]
            current = self._objects.get(at)
            if current is not None and version(current) <= version(obj):
                self._drop(at)
        elif self._gone.get(at) != obj["metadata"]["uid"]:
            self._put(at, obj)

    def _put(self, at: str, obj: Obj) -> None:
        old = self._objects.get(at)
        if old is not None and version(old) >= version(obj):
            return
        self._objects[at] = obj
        for name, index_by in self._index_by.items():
            index = self._indexes[name]
            values = index_by(obj)
            if old is not None:
                for value in index_by(old):
                    if value not in values:
                        _unindex(index, value, at)
            for value in values:
                index.setdefault(value, {})[at] = obj
        for handler in self._handlers:
            handler(old, obj)

    def forget(self) -> None:
        """Everything is gone, as the handlers are told."""
        for at in list(self._objects):
            self._drop(at)

    def _drop(self, at: str) -> None:
        old = self._objects.pop(at)
        for name, index_by in self._index_by.items():
            for value in index_by(old):
                _unindex(self._indexes[name], value, at)
        for handler in self._handlers:
            handler(old, None)


def _unindex(index: dict[str, dict[str, Obj]], value: str, at: str) -> None:
    found = index.get(value)
    if found is not None:
        found.pop(at, None)
        if not found:
            del index[value]


class Informers:
    """One shared informer per resource and scope."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._informers: dict[Resource, Informer] = {}
        self._tasks: dict[Resource, asyncio.Task[None]] = {}
        self._running = False

    def of(self, resource: Resource) -> Informer:
        """The informer of a resource; starts with the others, or at once when they run already."""
        found = self._informers.get(resource)
        if found is None:
            found = self._informers[resource] = Informer(self._client, resource)
            if self._running:
                self._start(resource)
        return found

    def drop(self, resource: Resource) -> None:
        """The resource is not served any more: its informer ends, and takes what it knew with it."""
        informer, task = self._informers.pop(resource, None), self._tasks.pop(resource, None)
        if task is not None:
            task.cancel()
        if informer is not None:
            informer.forget()

    def all(self) -> list[Informer]:
        return list(self._informers.values())

    async def start(self) -> None:
        """Starts all and returns when each has its first list."""
        self._running = True
        for resource in list(self._informers):
            self._start(resource)
        for informer in list(self._informers.values()):
            await informer.synced()

    async def stop(self) -> None:
        self._running = False
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        self._tasks.clear()

    def absorb(self, resource: Resource, obj: Obj) -> None:
        found = self._informers.get(resource)
        if found is not None:
            found.absorb(obj)

    def absorb_deleted(self, resource: Resource, obj: Obj) -> None:
        found = self._informers.get(resource)
        if found is not None:
            found.absorb_deleted(obj)

    def _start(self, resource: Resource) -> None:
        if resource not in self._tasks:
            self._tasks[resource] = asyncio.create_task(self._informers[resource].run(), name=f"informer {resource.group_resource}")
