"""The client of a part inside of a cluster that keeps an audit log: its requests are recorded as those that come over HTTP.

Made by `Cluster` around the client of every component when an audit policy is given; without one components have their clients bare.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import aclosing
from typing import Any, TypeVar
from urllib.parse import urlencode

from wherry.api.errors import StatusError
from wherry.api.objects import Obj, name, namespace
from wherry.api.options import DEFAULT_DELETE, DEFAULT_WRITE, DeleteOptions, PatchType, WriteOptions
from wherry.api.resources import Resource
from wherry.client.local import LocalClient
from wherry.client.protocol import Event, Listing
from wherry.rules.access.rbac.request import Attributes
from wherry.server.audit import Audit, Inside, Trail

T = TypeVar("T")


class Audited:
    """`audit` gives the log once there is one; `who` is the user, and the name of its program."""

    def __init__(self, client: LocalClient, audit: Callable[[], Audit | None], who: Inside) -> None:
        self._client, self._audit, self._who = client, audit, who

    def _trail(self, verb: str, row: Resource, within: str, named: str = "", subresource: str = "", **query: str) -> Trail | None:
        audit = self._audit()
        if audit is None:
            return None
        asked = Attributes(verb, "", row.group, row.version, row.plural, subresource, within, named, query.get("fieldSelector", ""))
        return audit.begin_inside(self._who, asked, _uri(row, within, named, subresource, query))

    async def _recorded(self, trail: Trail | None, work: Coroutine[Any, Any, T], body: Any = None, code: int = 200) -> T:
        if trail is None:
            return await work
        trail.sent(body)
        try:
            result = await work
        except StatusError as error:
            trail.answered(error.code, error.to_status())
            raise
        trail.answered(code, result)
        return result

    async def get(self, resource: Resource, namespace: str, name: str, *, subresource: str = "") -> Obj:
        trail = self._trail("get", resource, namespace, name, subresource)
        return await self._recorded(trail, self._client.get(resource, namespace, name, subresource=subresource))

    async def list(self, resource: Resource, namespace: str = "", **options: Any) -> Listing:
        trail = self._trail("list", resource, namespace, **_query(options))
        return await self._recorded(trail, self._client.list(resource, namespace, **options))

    async def create(
        self, resource: Resource, namespace: str, obj: Obj, *, name: str = "", subresource: str = "", options: WriteOptions = DEFAULT_WRITE
    ) -> Obj:
        trail = self._trail("create", resource, namespace, name, subresource)
        work = self._client.create(resource, namespace, obj, name=name, subresource=subresource, options=options)
        return await self._recorded(trail, work, obj, 201)

    async def update(self, resource: Resource, obj: Obj, *, subresource: str = "", options: WriteOptions = DEFAULT_WRITE) -> Obj:
        trail = self._trail("update", resource, namespace(obj), name(obj), subresource)
        return await self._recorded(trail, self._client.update(resource, obj, subresource=subresource, options=options), obj)

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
        trail = self._trail("patch", resource, namespace, name, subresource)
        work = self._client.patch(resource, namespace, name, patch, patch_type, subresource=subresource, options=options)
        return await self._recorded(trail, work, patch)

    async def delete(self, resource: Resource, namespace: str, name: str, options: DeleteOptions = DEFAULT_DELETE) -> Obj:
        trail = self._trail("delete", resource, namespace, name)
        return await self._recorded(trail, self._client.delete(resource, namespace, name, options))

    async def delete_collection(self, resource: Resource, namespace: str, **options: Any) -> None:
        trail = self._trail("deletecollection", resource, namespace, **_query(options))
        await self._recorded(trail, self._client.delete_collection(resource, namespace, **options))

    async def watch(self, resource: Resource, namespace: str = "", **options: Any) -> AsyncIterator[Sequence[Event]]:
        trail = self._trail("watch", resource, namespace, **{"watch": "true", **_query(options)})
        try:
            if trail is not None:
                trail.started()
            async with aclosing(self._client.watch(resource, namespace, **options)) as batches:  # type: ignore[type-var]
                async for batch in batches:
                    yield batch
        except StatusError as error:
            if trail is not None:
                trail.answered(error.code, error.to_status())
                trail = None
            raise
        finally:
            if trail is not None:
                trail.answered(200, None)


def _query(options: dict[str, Any]) -> dict[str, str]:
    names = {"label_selector": "labelSelector", "field_selector": "fieldSelector", "resource_version": "resourceVersion"}
    return {names[option]: value for option, value in options.items() if option in names and value}


def _uri(row: Resource, within: str, named: str, subresource: str, query: dict[str, str]) -> str:
    at = [f"/apis/{row.group}" if row.group else "/api", row.version]
    if row.namespaced and within:
        at += ["namespaces", within]
    uri = "/".join(part for part in (*at, row.plural, named, subresource) if part)
    return f"{uri}?{urlencode(query)}" if query else uri
