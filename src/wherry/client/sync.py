"""The client protocol for code that is not asynchronous: the same methods, each waiting for its result.

Made by a cluster in a plain `with`. `call` runs a coroutine on the loop the client belongs to and waits for it there, so this may be used
from any thread but that loop's own. Same results and errors as `wherry.client.protocol.Client`; objects that come back are shared.
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterator, Sequence
from typing import Any, Protocol, TypeVar

from wherry.api.objects import Obj
from wherry.api.options import DEFAULT_DELETE, DEFAULT_WRITE, DeleteOptions, PatchType, WriteOptions
from wherry.api.resources import Resource
from wherry.client.protocol import Client, Event, Listing

T = TypeVar("T")


class Call(Protocol):
    def __call__(self, work: Coroutine[Any, Any, T]) -> T: ...


class SyncClient:
    """Every method raises StatusError."""

    def __init__(self, client: Client, call: Call) -> None:
        self._client = client
        self._call = call

    @property
    def asynchronous(self) -> Client:
        """The client behind it, for coroutines that `call` runs."""
        return self._client

    @property
    def call(self) -> Call:
        """Runs a coroutine where the client lives, and waits for its result."""
        return self._call

    def get(self, resource: Resource, namespace: str, name: str, *, subresource: str = "") -> Obj:
        return self._call(self._client.get(resource, namespace, name, subresource=subresource))

    def list(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        label_selector: str = "",
        field_selector: str = "",
        limit: int = 0,
        continue_token: str = "",
        resource_version: str = "",
    ) -> Listing:
        return self._call(
            self._client.list(
                resource,
                namespace,
                label_selector=label_selector,
                field_selector=field_selector,
                limit=limit,
                continue_token=continue_token,
                resource_version=resource_version,
            )
        )

    def create(
        self, resource: Resource, namespace: str, obj: Obj, *, name: str = "", subresource: str = "", options: WriteOptions = DEFAULT_WRITE
    ) -> Obj:
        return self._call(self._client.create(resource, namespace, obj, name=name, subresource=subresource, options=options))

    def update(self, resource: Resource, obj: Obj, *, subresource: str = "", options: WriteOptions = DEFAULT_WRITE) -> Obj:
        return self._call(self._client.update(resource, obj, subresource=subresource, options=options))

    def patch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        patch: Any,
        patch_type: PatchType,
        *,
        subresource: str = "",
        options: WriteOptions = DEFAULT_WRITE,
    ) -> Obj:
        return self._call(self._client.patch(resource, namespace, name, patch, patch_type, subresource=subresource, options=options))

    def delete(self, resource: Resource, namespace: str, name: str, options: DeleteOptions = DEFAULT_DELETE) -> Obj:
        return self._call(self._client.delete(resource, namespace, name, options))

    def delete_collection(
        self,
        resource: Resource,
        namespace: str,
        *,
        label_selector: str = "",
        field_selector: str = "",
        options: DeleteOptions = DEFAULT_DELETE,
    ) -> None:
        self._call(
            self._client.delete_collection(
                resource, namespace, label_selector=label_selector, field_selector=field_selector, options=options
            )
        )

    def watch(
        self, resource: Resource, namespace: str = "", *, resource_version: str = "", label_selector: str = "", field_selector: str = ""
    ) -> Iterator[Event]:
        """Events one by one, waiting for the next; close it (or let it go) to end the watch. Raises Gone as the protocol says."""
        stream = self._client.watch(
            resource, namespace, resource_version=resource_version, label_selector=label_selector, field_selector=field_selector
        )

        async def batch() -> Sequence[Event] | None:
            return await anext(stream, None)

        async def close() -> None:
            if (aclose := getattr(stream, "aclose", None)) is not None:
                await aclose()

        try:
            while (events := self._call(batch())) is not None:
                yield from events
        finally:
            self._call(close())
