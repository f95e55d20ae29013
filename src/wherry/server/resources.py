"""The verbs over HTTP: get, list, watch, create, update, patch, delete of everything in the resource table.

Called by `app.ApiServer` once a request is known to be allowed. Reads parameters and bodies, asks the registry, renders what it says:
stored bytes go out unchanged, a list is a join of slices of them. Raises StatusError.
Source: k8s.io/apiserver/pkg/endpoints/handlers (get.go, create.go, update.go, patch.go, delete.go).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import lru_cache
from typing import NamedTuple

from wherry.api.objects import Obj
from wherry.api.options import DeleteOptions, ListOptions, Target
from wherry.api.resources import BUILT_IN, Resource
from wherry.kit.clock import Clock
from wherry.kit.offload import computed, offload
from wherry.registry.registry import Registry
from wherry.registry.results import Page, RawBody
from wherry.registry.verbs.patches import CUSTOM_PATCHES
from wherry.rules.kinds import STRATEGIES
from wherry.rules.objects.strategy import PLAIN as PLAIN_STRATEGY
from wherry.rules.schema import decode
from wherry.server import negotiation, parameters, rendering, reviews, transforms
from wherry.server.call import Call
from wherry.server.connections import NAMES as CONNECTED
from wherry.server.connections import Connections
from wherry.server.parameters import NO_LIST, NO_PARAMETERS
from wherry.server.routes import Route
from wherry.server.watching import Watching
from wherry.server.wire import TRAIL, Answer, Reply, Server, read_body
from wherry.store.protocol import Record

#: lists of more objects are put together beside the event loop: a table takes 20 us for a pod, and YAML much longer
_LONG_LIST = 250
#: bytes from which on a list is made while it is sent, and of one piece of it
_STREAMED, _PIECE = 2_000_000, 128 * 1024
_BUILT_IN_GROUPS = frozenset(r.group for r in BUILT_IN) | {"extensions"}
#: subresources that are never shown as a table; reviews and bindings are not either
_WITHOUT_TABLES = frozenset({"binding", "ephemeralcontainers", "eviction", "finalize", "resize", "rollback", "token"})
#: kinds that are served with a warning: api version and kind -> text
_DEPRECATED = {
    ("v1", "Endpoints"): ("v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",),
    ("v1", "ComponentStatus"): ("v1 ComponentStatus is deprecated in v1.19+",),
}


class _Frame(NamedTuple):
    """What stands around and is cut off the items of a list."""

    head: bytes
    cut: int


@lru_cache(maxsize=512)
def _frame(resource: Resource) -> _Frame:
    head = f'{{"kind":"{resource.list_kind}","apiVersion":"{resource.api_version}","metadata":'.encode()
    # items of built-in kinds go without kind and apiVersion, those of custom ones with them
    prefix = f'{{"kind":"{resource.kind}","apiVersion":"{resource.api_version}",'
    return _Frame(head, len(prefix.encode()) if resource.group in _BUILT_IN_GROUPS else 1)


def list_pieces(resource: Resource, page: Page) -> Iterator[bytes]:
    """The same as `list_bytes`, some objects at a time."""
    head, cut = _frame(resource)
    yield b'%b%b,"items":[' % (head, rendering.encode(transforms.list_metadata(page)))
    first, size, held = True, 0, []
    for record in page.records:
        held.append(record.value[cut:])
        size += len(held[-1])
        if size > _PIECE:
            yield (b"{" if first else b",{") + b",{".join(held)
            first, size, held = False, 0, []
    if held:
        yield (b"{" if first else b",{") + b",{".join(held)
    yield b"]}\n"


def list_bytes(resource: Resource, page: Page) -> bytes:
    """The list object, without decoding an item."""
    head, cut = _frame(resource)
    metadata = rendering.encode(transforms.list_metadata(page))
    if not page.records:
        return b'%b%b,"items":[]}' % (head, metadata)
    items = b",{".join([record.value[cut:] for record in page.records])
    return b'%b%b,"items":[{%b]}' % (head, metadata, items)


def _is_plain(call: Call, wanted: negotiation.Wanted) -> bool:
    """Stored bytes go out as they are, in chunks: not to HTTP/1.0, and not where an audit trail wants the whole."""
    if wanted.convert or wanted.format == "yaml" or wanted.pretty or call.pretty:
        return False
    return call.request.version.minor > 0 and call.request.get(TRAIL) is None


def _deleted_status(target: Target, record: Record) -> Obj:
    resource = target.resource
    details = {"name": target.name, "group": resource.group, "kind": resource.plural, "uid": record.object()["metadata"].get("uid", "")}
    shown = {k: v for k, v in details.items() if v}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": shown}


class Resources:
    """Handlers by verb. `common` of a call are header lines for streams, which write their own head."""

    def __init__(self, registry: Registry, clock: Clock, watching: Watching, connections: Connections, answers: reviews.Reviews) -> None:
        self._registry, self._clock, self._watching, self._connections, self._reviews = registry, clock, watching, connections, answers
        self._writes: dict[str, Callable[[Call, Target], Awaitable[Reply]]] = {
            "create": self._create,
            "update": self._update,
            "patch": self._patch,
            "delete": self._delete,
            "deletecollection": self._delete_collection,
        }

    async def serve(self, server: Server, call: Call, route: Route, verb: str, common: bytes) -> Answer:
        target = route.target
        if target.resource.kind in ("Endpoints", "ComponentStatus"):
            call.warnings = _DEPRECATED.get((target.resource.api_version, target.resource.kind), ())
        elif target.resource.custom is not None:
            call.warnings = target.resource.custom.warnings
        if target.subresource:
            call.tables = target.subresource not in _WITHOUT_TABLES
            if target.subresource in CONNECTED:
                return await self._connections.serve(server, call, route, common)
            if target.subresource == "log":
                return await self._connections.logs(server, call, target, common)
        if verb == "get":
            return await self._get(call, target)
        if verb == "list":
            return await self._list(call, target)
        if verb == "watch":
            return await self._watch(server, call, target, common)
        return await self._writes[verb](call, target)

    async def _get(self, call: Call, target: Target) -> Reply:
        wanted = call.wanted
        version = call.parameters.text("resourceVersion") if call.query else ""
        return await self._one(call, target, await self._registry.get(target, version), 200, wanted=wanted)

    async def _one(self, call: Call, target: Target, record: Record, status: int, warnings: tuple[str, ...] = (),
             wanted: negotiation.Wanted = negotiation.PLAIN) -> Reply:  # fmt: skip
        if not (wanted.convert or wanted.format == "yaml" or wanted.pretty):
            return rendering.json_reply(call, record.value, status, warnings)
        now = self._clock.now()

        def reply() -> Reply:
            body = transforms.one(target, record, wanted, call.parameters, now) if wanted.convert else record.value
            return rendering.json_reply(call, body, status, warnings, as_yaml=wanted.format == "yaml", pretty=wanted.pretty)

        return await computed(len(record.value), reply)

    async def _list(self, call: Call, target: Target) -> Reply:
        wanted = call.wanted
        options = parameters.list_options(call.parameters) if call.query else NO_LIST
        return await self._many(call, target, await self._registry.list(target, options), wanted)

    async def _many(self, call: Call, target: Target, page: Page, wanted: negotiation.Wanted) -> Reply:
        now = self._clock.now()
        if len(page.records) > _LONG_LIST and _is_plain(call, wanted) and sum(len(record.value) for record in page.records) > _STREAMED:
            return rendering.long_reply(call, list_pieces(target.resource, page))

        def reply() -> Reply:
            body = transforms.many(target, page, wanted, call.parameters, now) if wanted.convert else list_bytes(target.resource, page)
            return rendering.json_reply(call, body, as_yaml=wanted.format == "yaml", pretty=wanted.pretty)

        return await offload(reply) if len(page.records) > _LONG_LIST else reply()

    async def _watch(self, server: Server, call: Call, target: Target, common: bytes) -> Answer:
        wanted = call.wanted
        options = parameters.watch_options(call.parameters, target.name)
        batches = self._registry.watch(Target(target.resource, target.namespace), options)
        return await self._watching.serve(server, call, target, wanted, batches, common)

    async def _body(self, call: Call) -> RawBody:
        content_type = call.header("Content-Type")
        negotiation.check_body_type(content_type)
        return self._readable(await read_body(call.request), content_type)

    def _readable(self, content: bytes, content_type: str) -> RawBody:
        """A body in a form that the registry reads."""
        return RawBody(content, content_type or negotiation.JSON)

    async def _create(self, call: Call, target: Target) -> Reply:
        is_review = (target.resource.group, target.resource.plural) in reviews.KINDS
        if is_review or target.resource.kind == "Binding":
            call.tables = False
        wanted, body = call.wanted, await self._body(call)
        options = parameters.write_options(call.parameters, "CreateOptions", call.header("User-Agent"))
        if is_review:
            review, warnings = await self._reviews.create(target, body.content, body.content_type, options, call.who)
            return rendering.json_reply(call, rendering.encode(review), 201, warnings, as_yaml=wanted.format == "yaml")
        written = await self._registry.create(target, body, options, call.who)
        # a Deployment of the past is told to go back, nothing is created
        code = 200 if target.subresource == "rollback" else 201
        return await self._one(call, target, written.record, code, written.warnings, wanted)

    async def _update(self, call: Call, target: Target) -> Reply:
        wanted, body = call.wanted, await self._body(call)
        options = parameters.write_options(call.parameters, "UpdateOptions", call.header("User-Agent"))
        written = await self._registry.update(target, body, options, call.who)
        return await self._one(call, target, written.record, 201 if written.created else 200, written.warnings, wanted)

    async def _patch(self, call: Call, target: Target) -> Reply:
        accepted = negotiation.PATCH_TYPES if target.resource.custom is None else CUSTOM_PATCHES
        kind = negotiation.patch_type(call.header("Content-Type"), bool(call.request.can_read_body), accepted)
        wanted, content = call.wanted, await read_body(call.request)
        options = parameters.write_options(call.parameters, "PatchOptions", call.header("User-Agent"), kind)
        written = await self._registry.patch(target, kind, content, options, call.who)
        return await self._one(call, target, written.record, 201 if written.created else 200, written.warnings, wanted)

    async def _delete_options(self, call: Call) -> DeleteOptions:
        content = await read_body(call.request)
        if not content:
            return parameters.delete_options(call.parameters if call.query else NO_PARAMETERS)
        content_type = call.header("Content-Type")
        negotiation.check_body_type(content_type)
        given = await computed(len(content), lambda: decode.decode_options(self._readable(content, content_type)))
        return parameters.delete_options_from(given)

    async def _delete(self, call: Call, target: Target) -> Reply:
        wanted, options = call.wanted, await self._delete_options(call)
        deleted = await self._registry.delete(target, options, call.who)
        strategy = STRATEGIES.get(self._registry.table.storage(target.resource).group_kind, PLAIN_STRATEGY)
        if deleted.gone and not strategy.delete_returns_object:
            body = rendering.encode(_deleted_status(target, deleted.record))
            return rendering.json_reply(call, body, 200, deleted.warnings, as_yaml=wanted.format == "yaml")
        return await self._one(call, target, deleted.record, 200, deleted.warnings, wanted)

    async def _delete_collection(self, call: Call, target: Target) -> Reply:
        wanted, options = call.wanted, await self._delete_options(call)
        selection: ListOptions = parameters.list_options(call.parameters) if call.query else NO_LIST
        records = await self._registry.delete_collection(target, options, selection, call.who)
        return await self._many(call, target, Page(records, self._registry.store.revision), wanted)
