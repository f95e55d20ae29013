"""A client in the same process: calls the registry, no HTTP, no encoding. Objects it gives are the store's own: never change them.

It speaks for a user. With `rights` it asks before every request whether that user may do it, as the server asks for those who come over
HTTP; without, its user may do everything.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Protocol, TypeAlias

from wherry.api.objects import Obj, name, namespace
from wherry.api.options import (
    ADMIN,
    DEFAULT_DELETE,
    DEFAULT_WRITE,
    DeleteOptions,
    ListOptions,
    PatchType,
    Target,
    User,
    WatchOptions,
    WriteOptions,
)
from wherry.api.resources import Resource
from wherry.client.protocol import Event, Listing
from wherry.registry.registry import Registry


class Rights(Protocol):
    """What the user of a client may do."""

    def known(self, verb: str, target: Target) -> bool:
        """Whether it is known to be allowed; else it must be asked."""
        ...

    async def ask(self, verb: str, target: Target, fields: str = "") -> None:
        """Raises Forbidden. `fields`: the field selector of a list or watch."""
        ...


#: `LocalClient.list` shadows the built-in inside the class
_Batch: TypeAlias = list[Event]


class LocalClient:
    """`trusted`: for components of ours only; their objects are taken as decoded and defaulted (see WriteOptions.trusted)."""

    def __init__(
        self, registry: Registry, *, user: User = ADMIN, manager: str = "wherry", trusted: bool = False, rights: Rights | None = None
    ) -> None:
        self._rights = rights
        self._registry = registry
        self._user = user
        self._default = WriteOptions(user_agent=manager, trusted=trusted)
        self._manager = manager
        self._trusted = trusted

    def _options(self, options: WriteOptions) -> WriteOptions:
        if options is DEFAULT_WRITE:
            return self._default
        return replace(options, user_agent=self._manager, trusted=self._trusted)

    async def get(self, resource: Resource, namespace: str, name: str, *, subresource: str = "") -> Obj:
        target = Target(resource, namespace, name, subresource)
        if self._rights is not None and not self._rights.known("get", target):
            await self._rights.ask("get", target)
        return (await self._registry.get(target)).object()  # type: ignore[no-any-return]

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
    ) -> Listing:
        options = ListOptions(label_selector, field_selector, limit, continue_token, resource_version)
        target = Target(resource, namespace)
        if self._rights is not None and not self._rights.known("list", target):
            await self._rights.ask("list", target, field_selector)
        page = await self._registry.list(target, options)
        return Listing([r.object() for r in page.records], str(page.revision), page.continue_token, page.remaining or 0)

    async def create(
        self, resource: Resource, namespace: str, obj: Obj, *, name: str = "", subresource: str = "", options: WriteOptions = DEFAULT_WRITE
    ) -> Obj:
        target = Target(resource, namespace, name, subresource)
        if self._rights is not None and not self._rights.known("create", target):
            await self._rights.ask("create", target)
        written = await self._registry.create(target, obj, self._options(options), self._user)
        return written.record.object()  # type: ignore[no-any-return]

    async def update(self, resource: Resource, obj: Obj, *, subresource: str = "", options: WriteOptions = DEFAULT_WRITE) -> Obj:
        target = Target(resource, namespace(obj), name(obj), subresource)
        if self._rights is not None and not self._rights.known("update", target):
            await self._rights.ask("update", target)
        return (await self._registry.update(target, obj, self._options(options), self._user)).record.object()  # type: ignore[no-any-return]

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
    ) -> Obj:
        target = Target(resource, namespace, name, subresource)
        if self._rights is not None and not self._rights.known("patch", target):
            await self._rights.ask("patch", target)
        written = await self._registry.patch(target, patch_type, patch, self._options(options), self._user)
        return written.record.object()  # type: ignore[no-any-return]

    async def delete(self, resource: Resource, namespace: str, name: str, options: DeleteOptions = DEFAULT_DELETE) -> Obj:
        target = Target(resource, namespace, name)
        if self._rights is not None and not self._rights.known("delete", target):
            await self._rights.ask("delete", target)
        return (await self._registry.delete(target, options, self._user)).record.object()  # type: ignore[no-any-return]

    async def delete_collection(
        self,
        resource: Resource,
        namespace: str,
        *,
        label_selector: str = "",
        field_selector: str = "",
        options: DeleteOptions = DEFAULT_DELETE,
    ) -> None:
        target = Target(resource, namespace)
        if self._rights is not None and not self._rights.known("deletecollection", target):
            await self._rights.ask("deletecollection", target, field_selector)
        await self._registry.delete_collection(target, options, ListOptions(label_selector, field_selector), self._user)

    async def watch(
        self, resource: Resource, namespace: str = "", *, resource_version: str = "", label_selector: str = "", field_selector: str = ""
    ) -> AsyncIterator[_Batch]:
        options = WatchOptions(resource_version, "", label_selector, field_selector)
        target = Target(resource, namespace)
        if self._rights is not None and not self._rights.known("watch", target):
            await self._rights.ask("watch", target, field_selector)
        stream = self._registry.watch(target, options)
        async with aclosing(stream) as batches:  # type: ignore[type-var]
            async for batch in batches:
                yield [Event(e.type, e.record.object()) for e in batch if e.record is not None]
