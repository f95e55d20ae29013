"""The client protocol: what controllers, scheduler, node agent and the rollout library need of an API server.

Two carriers: `LocalClient` (calls the registry in this process) and `HttpClient` (any API server). Same results, same errors
(`wherry.api.errors`). Objects that come back are shared: never change them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple, Protocol

from wherry.api.objects import Obj
from wherry.api.options import DEFAULT_DELETE, DEFAULT_WRITE, DeleteOptions, PatchType, WriteOptions
from wherry.api.resources import Resource


class Listing(NamedTuple):
    items: list[Obj]
    resource_version: str
    continue_token: str = ""
    remaining: int = 0


class Event(NamedTuple):
    """A watch event. type: ADDED, MODIFIED, DELETED or BOOKMARK."""

    type: str
    object: Obj


class Client(Protocol):
    """Every method raises StatusError. `namespace` is "" for cluster-scoped resources and for all namespaces."""

    async def get(self, resource: Resource, namespace: str, name: str, *, subresource: str = "") -> Obj: ...

    async def list(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        label_selector: str = "",
        field_selector: str = "",
        limit: int = 0,
        continue_token: str = "",
        resource_version: str = "",
    ) -> Listing: ...

    async def create(
        self, resource: Resource, namespace: str, obj: Obj, *, name: str = "", subresource: str = "", options: WriteOptions = DEFAULT_WRITE
    ) -> Obj:
        """`name` only with a subresource (binding, eviction, token)."""
        ...

    async def update(self, resource: Resource, obj: Obj, *, subresource: str = "", options: WriteOptions = DEFAULT_WRITE) -> Obj: ...

    async def patch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        patch: Any,
        patch_type: PatchType,
        *,
        subresource: str = "",
        options: WriteOptions = DEFAULT_WRITE,
    ) -> Obj: ...

    async def delete(self, resource: Resource, namespace: str, name: str, options: DeleteOptions = DEFAULT_DELETE) -> Obj: ...

    async def delete_collection(
        self,
        resource: Resource,
        namespace: str,
        *,
        label_selector: str = "",
        field_selector: str = "",
        options: DeleteOptions = DEFAULT_DELETE,
    ) -> None: ...

    def watch(
        self, resource: Resource, namespace: str = "", *, resource_version: str = "", label_selector: str = "", field_selector: str = ""
    ) -> AsyncIterator[Sequence[Event]]:
        """Batches of events after `resource_version`. Raises Gone when that is too old or the watcher fell behind."""
        ...
