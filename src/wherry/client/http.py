"""A client of any API server over HTTP: the protocol of `client.protocol`, with the same results and the same errors.

Called by the command line, the rollout library on foreign clusters, and components that run alone. What is safe to send twice is sent
again: reads after a broken connection, anything after the server said "later" (429 or 5xx with Retry-After), once after a 401 when the
credentials can be fetched anew. Errors that are no Status (a proxy's page) become one.
Source: client-go rest/request.go, rest/with_retry.go.
"""

from __future__ import annotations

import asyncio
import platform
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import aclosing
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import quote, urlencode

import msgspec

from wherry.api.errors import StatusError
from wherry.api.objects import Obj
from wherry.api.options import DEFAULT_DELETE, DEFAULT_WRITE, DeleteOptions, PatchType, WriteOptions
from wherry.api.resources import Resource
from wherry.client import responses
from wherry.client.access import Access
from wherry.client.credentials import Credentials, Header
from wherry.client.protocol import Event, Listing
from wherry.client.transport import Connection, ConnectionFailed, Request, Stale, Transport, unpacked
from wherry.kit.version import VERSION

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
JSON = "application/json"
#: how often a request is sent again because the server said "later"
RETRIES = 10
Query = list[tuple[str, str]]
Events = list[Event]
RawEvents = list[Obj]
Started = tuple[int, dict[str, list[str]], Connection]


class Response(NamedTuple):
    status: int
    headers: dict[str, list[str]]
    body: bytes


def path(resource: Resource, namespace: str = "", name: str = "", subresource: str = "") -> str:
    """The URL path of a collection, an object or a subresource."""
    parts = ["/apis", resource.group, resource.version] if resource.group else ["/api", resource.version]
    if namespace and resource.namespaced:
        parts += ["namespaces", quote(namespace, safe="")]
    parts.append(resource.plural)
    parts += [quote(name, safe="")] if name else []
    parts += [subresource] if subresource else []
    return "/".join(parts)


class HttpClient:
    """`on_warning` gets the text of every Warning header; `timeout` is in seconds, for each request that is not a watch.

    Use it in an `async with`, or call `aclose`.
    """

    def __init__(self, access: Access, *, user_agent: str = "", manager: str = "wherry", on_warning: Callable[[str], None] | None = None,
                 now: Callable[[], float] = time.time, timeout: float | None = None) -> None:
        self._timeout = timeout
        self._transport = Transport(access)
        self._credentials = Credentials(access, now)
        self._plugged = access.exec_plugin is not None
        self._base = self._transport.server.path.rstrip("/")
        self._agent = user_agent or f"{manager}/{VERSION} ({platform.system().lower()}/{platform.machine()})"
        self._on_warning = on_warning
        self._compression = access.compression
        self.access = access

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        self._transport.close()
        await asyncio.sleep(0)

    # --- the protocol ---
    async def get(self, resource: Resource, namespace: str, name: str, *, subresource: str = "") -> Obj:
        return await self._object("GET", path(resource, namespace, name, subresource))

    async def list(self, resource: Resource, namespace: str = "", *, label_selector: str = "", field_selector: str = "", limit: int = 0,
                   continue_token: str = "", resource_version: str = "") -> Listing:
        query = _selectors(label_selector, field_selector)
        more = (("limit", str(limit or "")), ("continue", continue_token), ("resourceVersion", resource_version))
        query += [(k, v) for k, v in more if v]
        answer = await self._object("GET", path(resource, namespace), query)
        meta = answer.get("metadata") or {}
        version, following = meta.get("resourceVersion", ""), meta.get("continue", "")
        # the items of a list do not say what they are
        what = {"kind": resource.kind, "apiVersion": resource.api_version}
        items = [{**what, **item} for item in answer.get("items") or ()]
        return Listing(items, version, following, meta.get("remainingItemCount") or 0)

    async def create(self, resource: Resource, namespace: str, obj: Obj, *, name: str = "", subresource: str = "",
                     options: WriteOptions = DEFAULT_WRITE) -> Obj:
        return await self._object("POST", path(resource, namespace, name, subresource), _write_query(options), _encode(obj))

    async def update(self, resource: Resource, obj: Obj, *, subresource: str = "", options: WriteOptions = DEFAULT_WRITE) -> Obj:
        meta = obj["metadata"]
        target = path(resource, meta.get("namespace", ""), meta["name"], subresource)
        return await self._object("PUT", target, _write_query(options), _encode(obj))

    async def patch(self, resource: Resource, namespace: str, name: str, patch: Any, patch_type: PatchType, *, subresource: str = "",
                    options: WriteOptions = DEFAULT_WRITE) -> Obj:
        """`patch`: the value, or bytes that are sent as they are."""
        body = patch if isinstance(patch, bytes) else _encode(patch)
        query = _write_query(options)
        if options.force:
            query.append(("force", "true"))
        return await self._object("PATCH", path(resource, namespace, name, subresource), query, body, patch_type)

    async def delete(self, resource: Resource, namespace: str, name: str, options: DeleteOptions = DEFAULT_DELETE) -> Obj:
        return await self._object("DELETE", path(resource, namespace, name), [], _encode(_delete_body(options)))

    async def delete_collection(self, resource: Resource, namespace: str, *, label_selector: str = "", field_selector: str = "",
                                options: DeleteOptions = DEFAULT_DELETE) -> None:
        await self._object("DELETE", path(resource, namespace), _selectors(label_selector, field_selector), _encode(_delete_body(options)))

    async def watch(self, resource: Resource, namespace: str = "", *, resource_version: str = "", label_selector: str = "",
                    field_selector: str = "") -> AsyncIterator[Events]:
        """Ends without an error when the server ends the watch: go on from the last version seen."""
        query: Query = [("watch", "true"), ("allowWatchBookmarks", "true"), *_selectors(label_selector, field_selector)]
        query += [("resourceVersion", resource_version)] if resource_version else []
        async with aclosing(self.watch_raw(path(resource, namespace), query)) as batches:  # type: ignore[type-var]
            async for batch in batches:
                yield [Event(e["type"], e["object"]) for e in batch]

    # --- beyond the protocol ---
    async def watch_raw(self, target: str, query: Query, accept: str = JSON) -> AsyncIterator[RawEvents]:
        """Watch events as they are on the wire (for tables), in batches. Raises StatusError for an ERROR event."""
        status, headers, connection = await self._start(Request("GET", self._target(target, query), (("Accept", accept),)))
        try:
            if status >= 400:
                raise responses.error("GET", status, headers, await _drain(connection))
            rest = b""
            async with aclosing(connection.body()) as pieces:  # type: ignore[type-var]
                async for piece in pieces:
                    *lines, rest = (rest + piece).split(b"\n")
                    if batch := [_event(line) for line in lines if line]:
                        yield batch
        except ConnectionFailed:
            return
        finally:
            connection.close()

    async def stream(self, target: str, query: Query | None = None) -> AsyncIterator[bytes]:
        """The pieces of an answer's body as they come (a log that is followed). Raises StatusError, ConnectionFailed."""
        status, headers, connection = await self._start(Request("GET", self._target(target, query or []), (("Accept", "*/*"),)))
        try:
            if status >= 400:
                raise responses.error("GET", status, headers, await _drain(connection))
            async with aclosing(connection.body()) as pieces:  # type: ignore[type-var]
                async for piece in pieces:
                    yield piece
        finally:
            connection.close()

    async def read(self, target: str, query: Query | None = None, accept: str = JSON) -> Obj:
        """GET of any path, decoded."""
        return await self._object("GET", target, query, accept=accept)

    async def request(self, method: str, target: str, query: Query | None = None, body: bytes = b"", content_type: str = JSON,
                      accept: str = JSON) -> Response:
        """Any request. Raises StatusError for answers from 400 on, ConnectionFailed, ConfigError."""
        headers = [("Accept", accept)]
        headers += [("Content-Type", content_type)] if body else []
        headers += [("Accept-Encoding", "gzip")] if self._compression else []
        request = Request(method, self._target(target, query or []), tuple(headers), body)
        for left in range(RETRIES, -1, -1):
            try:
                async with asyncio.timeout(self._timeout), self._transport.turn:
                    status, answer_headers, connection = await self._start(request)
                    content = unpacked(answer_headers, await _drain(connection))
                    self._transport.give_back(connection)
            except TimeoutError:
                raise ConnectionFailed("context deadline exceeded (Client.Timeout exceeded while awaiting headers)") from None
            delay = responses.retry_after(status, answer_headers)
            if delay is None or not left:
                break
            await asyncio.sleep(delay)
        if status >= 400:
            raise responses.error(method, status, answer_headers, content)
        return Response(status, answer_headers, content)

    async def _object(self, method: str, target: str, query: Query | None = None, body: bytes = b"", content_type: str = JSON, *,
                      accept: str = JSON) -> Obj:
        answer = await self.request(method, target, query, body, content_type, accept)
        try:
            return _decode(answer.body)  # type: ignore[no-any-return]
        except msgspec.DecodeError:
            raise StatusError("the server answered with something that is not JSON", code=answer.status) from None

    async def _start(self, request: Request) -> Started:
        """Send and read the head of the answer; the connection holds the body."""
        for attempt in range(3):
            headers = await self._headers(request)
            status, answer, connection = await self._send(Request(request.method, request.target, tuple(headers), request.body))
            if status != 401 or attempt or not self._credentials.refused():
                break
            await _drain(connection)
            self._transport.give_back(connection)
        for text in responses.warnings(answer.get("warning", ())):
            if self._on_warning is not None:
                self._on_warning(text)
        return status, answer, connection

    async def _send(self, request: Request) -> Started:
        """On a kept connection, or on a new one when the kept one turns out closed and sending again is safe."""
        fresh = False
        while True:
            connection = await self._transport.take(fresh=fresh)
            try:
                status, headers = await connection.send(request)
                return status, headers, connection
            except Stale:
                connection.close()
                if request.method != "GET":
                    raise
                fresh = True
            except BaseException:
                connection.close()
                raise

    async def _headers(self, request: Request) -> Iterable[Header]:
        own = await self._credentials.headers()
        if self._plugged:
            self._plugged = False
            pair = await self._credentials.pair()
            if pair[0]:
                self._transport.use(pair)
        host = self._transport.server.netloc.rpartition("@")[2]
        return (("Host", host), ("User-Agent", self._agent), *self._transport.proxy_headers, *own, *request.headers)

    def _target(self, target: str, query: Query) -> str:
        text = self._base + target + (("&" if "?" in target else "?") + urlencode(query, quote_via=quote) if query else "")
        return f"http://{self._transport.server.netloc}{text}" if self._transport.absolute else text


async def _drain(connection: Connection) -> bytes:
    """The whole body; a connection that breaks is closed."""
    try:
        return b"".join([piece async for piece in connection.body()])
    except BaseException:
        connection.close()
        raise


def _event(line: bytes) -> Obj:
    event: Obj = _decode(line)
    if event["type"] == "ERROR":
        raise StatusError.from_status(event["object"])
    return event


def _selectors(label_selector: str, field_selector: str) -> Query:
    return [(k, v) for k, v in (("labelSelector", label_selector), ("fieldSelector", field_selector)) if v]


def _write_query(options: WriteOptions) -> Query:
    dry_run = "All" if options.dry_run else ""
    pairs = (("fieldManager", options.field_manager), ("dryRun", dry_run), ("fieldValidation", options.field_validation))
    return [(k, v) for k, v in pairs if v]


def _delete_body(options: DeleteOptions) -> Obj:
    body: Obj = {"kind": "DeleteOptions", "apiVersion": "v1"}
    if options.grace_period_seconds is not None:
        body["gracePeriodSeconds"] = options.grace_period_seconds
    if options.propagation_policy:
        body["propagationPolicy"] = options.propagation_policy
    preconditions = {k: v for k, v in (("uid", options.uid), ("resourceVersion", options.resource_version)) if v}
    if preconditions:
        body["preconditions"] = preconditions
    if options.dry_run:
        body["dryRun"] = ["All"]
    return body
