"""A small API server for tests of shells: objects in a dict, versions, watches, and just enough of bindings, statuses and deletes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from wherry.api.errors import MODIFIED, already_exists, conflict, not_found
from wherry.api.objects import Obj, key
from wherry.api.options import DEFAULT_DELETE, DEFAULT_WRITE, DeleteOptions, PatchType, WriteOptions
from wherry.api.resources import Resource
from wherry.client.protocol import Event, Listing


class FakeApi:
    """`writes` lists (verb, plural, name, subresource) of every write. `before_write` may raise what a write is to fail with."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], Obj] = {}
        self.writes: list[tuple[str, str, str, str]] = []
        self.before_write: Callable[[str, str, str, str], None] = lambda *_: None
        self._version = 0
        self._watchers: list[tuple[str, asyncio.Queue[Event]]] = []

    def of(self, plural: str) -> list[Obj]:
        return [obj for (p, _), obj in self.objects.items() if p == plural]

    def _note(self, *write: str) -> None:
        self.before_write(*write)
        self.writes.append(write)  # type: ignore[arg-type]

    def _put(self, resource: Resource, obj: Obj, event: str) -> Obj:
        self._version += 1
        meta = {**obj["metadata"], "resourceVersion": str(self._version)}
        meta.setdefault("uid", f"uid-{self._version}")
        obj = {"kind": resource.kind, "apiVersion": resource.api_version, **obj, "metadata": meta}
        if event == "DELETED":
            del self.objects[resource.plural, key(obj)]
        else:
            self.objects[resource.plural, key(obj)] = obj
        for plural, queue in self._watchers:
            if plural == resource.plural:
                queue.put_nowait(Event(event, obj))
        return obj

    def _find(self, resource: Resource, namespace: str, name: str) -> Obj:
        found = self.objects.get((resource.plural, f"{namespace}/{name}" if namespace else name))
        if found is None:
            raise not_found(resource.group_resource, name)
        return found

    async def get(self, resource: Resource, namespace: str, name: str, *, subresource: str = "") -> Obj:
        return self._find(resource, namespace, name)

    async def list(self, resource: Resource, namespace: str = "", **selection: Any) -> Listing:
        return Listing(self.of(resource.plural), str(self._version))

    async def create(self, resource: Resource, namespace: str, obj: Obj, *, name: str = "", subresource: str = "",
                     options: WriteOptions = DEFAULT_WRITE) -> Obj:
        await asyncio.sleep(0)
        self._note("create", resource.plural, name or obj["metadata"]["name"], subresource)
        if subresource == "binding":
            pod = self._find(resource, namespace, name)
            if pod["spec"].get("nodeName"):
                raise conflict("pods/binding", name, "assigned already")
            return self._put(resource, {**pod, "spec": {**pod["spec"], "nodeName": obj["target"]["name"]}}, "MODIFIED")
        if (resource.plural, key(obj)) in self.objects:
            raise already_exists(resource.group_resource, obj["metadata"]["name"])
        return self._put(resource, obj, "ADDED")

    async def update(self, resource: Resource, obj: Obj, *, subresource: str = "", options: WriteOptions = DEFAULT_WRITE) -> Obj:
        await asyncio.sleep(0)
        meta = obj["metadata"]
        self._note("update", resource.plural, meta["name"], subresource)
        old = self._find(resource, meta.get("namespace", ""), meta["name"])
        if old["metadata"]["resourceVersion"] != meta["resourceVersion"]:
            raise conflict(resource.group_resource, meta["name"], MODIFIED)
        return self._put(resource, obj, "MODIFIED")

    async def patch(self, resource: Resource, namespace: str, name: str, patch: Any, patch_type: PatchType, *, subresource: str = "",
                    options: WriteOptions = DEFAULT_WRITE) -> Obj:
        self._note("patch", resource.plural, name, subresource)
        old = self._find(resource, namespace, name)
        if "status" not in patch:
            return self._put(resource, {**old, **patch}, "MODIFIED")
        status = dict(old.get("status") or {})
        new = patch["status"].get("conditions") or []
        others = [c for c in status.get("conditions") or [] if c["type"] not in {n["type"] for n in new}]
        status.update({**patch["status"], "conditions": [*others, *new]})
        return self._put(resource, {**old, "status": status}, "MODIFIED")

    async def delete(self, resource: Resource, namespace: str, name: str, options: DeleteOptions = DEFAULT_DELETE) -> Obj:
        self._note("delete", resource.plural, name, "")
        old = self._find(resource, namespace, name)
        grace = options.grace_period_seconds
        if resource.plural == "pods" and grace != 0 and old["spec"].get("nodeName"):
            grace = old["spec"].get("terminationGracePeriodSeconds", 30) if grace is None else grace
            changes = {"deletionTimestamp": "2026-01-01T00:00:30Z", "deletionGracePeriodSeconds": grace}
            return self._put(resource, {**old, "metadata": {**old["metadata"], **changes}}, "MODIFIED")
        return self._put(resource, old, "DELETED")

    async def delete_collection(self, resource: Resource, namespace: str, *, label_selector: str = "", field_selector: str = "",
                                options: DeleteOptions = DEFAULT_DELETE) -> None:
        raise NotImplementedError

    async def watch(self, resource: Resource, namespace: str = "", **selection: Any) -> AsyncIterator[list[Event]]:
        queue: asyncio.Queue[Event] = asyncio.Queue()
        entry = (resource.plural, queue)
        self._watchers.append(entry)
        try:
            while True:
                yield [await queue.get()]
        finally:
            self._watchers.remove(entry)
