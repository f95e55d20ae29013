"""Watches over HTTP: the registry's batches of events as a chunked stream or WebSocket messages, a write a batch, some for a long one.

Called by `resources` for `?watch=1` and for the old `/watch/` paths. An event's bytes are made once per version and shared by all
watchers (`Record.cache`). The stream ends when its time is up, the client goes, the server stops or the registry has no more; an error
in the middle is the last event, of type ERROR. A client that is behind is told 410 when the store's log has forgotten where it was, and
cut off when it takes nothing for a minute.
Source: k8s.io/apiserver/pkg/endpoints/handlers/watch.go; https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from itertools import pairwise

from aiohttp import web

from wherry.api.errors import BadRequest, InternalError, StatusError
from wherry.api.objects import Obj
from wherry.api.options import Target
from wherry.kit.clock import Clock
from wherry.kit.turns import turn
from wherry.registry.results import WatchEvent
from wherry.server.call import Call
from wherry.server.negotiation import Wanted
from wherry.server.rendering import encode, to_yaml, warning_headers
from wherry.server.transforms import WatchTransform
from wherry.server.wire import JSON, Answer, Server, Stream
from wherry.store.protocol import Record

#: without `timeoutSeconds` a watch lasts this long, and up to twice as long (--min-request-timeout)
MIN_TIMEOUT = 1800.0
INITIAL_EVENTS_END = "k8s.io/initial-events-end"
#: bytes of objects that are sent at once: encrypting more would keep others waiting, and holding them for each client take memory
_PIECE = 256 * 1024
_PREFIXES = {kind: b'{"type":"%b","object":' % kind.encode() for kind in ("ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR")}

Batches = AsyncIterator[list[WatchEvent]]
Encode = Callable[[Sequence[WatchEvent]], bytes]
Send = Callable[[bytes], Awaitable[None]]


def _shared(kind: str, record: Record) -> bytes:
    """An event's line, made once and kept with the record."""
    cache = record.cache
    if cache is None:
        cache = record.cache = {}
    line: bytes | None = cache.get(kind)
    if line is None:
        line = cache[kind] = b"%b%b}\n" % (_PREFIXES[kind], record.value)
    return line


def _bookmark(target: Target, event: WatchEvent) -> Obj:
    metadata: Obj = {"resourceVersion": str(event.revision)}
    if event.initial_end:
        metadata["annotations"] = {INITIAL_EVENTS_END: "true"}
    return {"kind": target.resource.kind, "apiVersion": target.resource.api_version, "metadata": metadata}


def _plain(target: Target) -> Encode:
    def line(event: WatchEvent) -> bytes:
        if event.record is None:
            return b"%b%b}\n" % (_PREFIXES["BOOKMARK"], encode(_bookmark(target, event)))
        return _shared(event.type, event.record)

    return lambda events: b"".join(map(line, events))


def _transformed(target: Target, transform: WatchTransform, clock: Clock) -> Encode:
    def line(event: WatchEvent) -> bytes:
        obj = _bookmark(target, event) if event.record is None else event.record.object()
        return b"%b%b}\n" % (_PREFIXES[event.type], transform(obj, clock.now()))

    return lambda events: b"".join(map(line, events))


def _yaml(target: Target) -> Encode:
    def document(event: WatchEvent) -> bytes:
        obj = _bookmark(target, event) if event.record is None else event.record.object()
        return b"---\n" + to_yaml({"type": event.type, "object": obj})

    return lambda events: b"".join(map(document, events))


def _error(error: StatusError, wanted: Wanted) -> bytes:
    event = {"type": "ERROR", "object": error.to_status()}
    return b"---\n" + to_yaml(event) if wanted.format == "yaml" else encode(event) + b"\n"


class Watching:
    """Serves watches. `draw` gives numbers in [0, 1) for the length of watches without a limit."""

    def __init__(self, clock: Clock, draw: Callable[[], float]) -> None:
        self._clock, self._draw = clock, draw

    async def serve(self, server: Server, call: Call, target: Target, wanted: Wanted, batches: Batches, common: bytes) -> Answer:
        """Runs a watch to its end. Raises BadRequest for options that are wrong."""
        seconds = float(call.parameters.integer("timeoutSeconds") or 0)
        encode_batch = self._encoder(call, target, wanted)
        end = server.until_gone(call.request)
        timer = self._clock.call_later(seconds if seconds > 0 else MIN_TIMEOUT * (1 + self._draw()), _set, end)
        try:
            if call.header("Upgrade").lower() == "websocket":
                return await _websocket(call, wanted, batches, encode_batch, end)
            media_type = JSON if wanted.format == "json" else "application/yaml;stream=watch"
            stream = Stream(call.request, media_type, common, warning_headers(call.warnings))
            await until(end, _pump(batches, encode_batch, stream.chunk_in_time, wanted))
            return stream
        finally:
            timer.cancel()
            server.release(call.request, end)

    def _encoder(self, call: Call, target: Target, wanted: Wanted) -> Encode:
        if wanted.convert:
            return _transformed(target, WatchTransform(target, wanted, call.parameters), self._clock)
        return _yaml(target) if wanted.format == "yaml" else _plain(target)


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _pieces(batch: list[WatchEvent]) -> Iterable[Sequence[WatchEvent]]:
    """A batch, in parts of at most about a piece: what there is when a watch begins may be all objects of a cluster."""
    if len(batch) == 1:
        return (batch,)
    found, size = [0], 0
    for i, event in enumerate(batch):
        size += len(event.record.value) if event.record is not None else 0
        if size > _PIECE:
            found.append(i)
            size = 0
    return (batch[a:b] for a, b in pairwise((*found, len(batch))) if b > a)


async def _pump(batches: Batches, encode_batch: Encode, send: Send, wanted: Wanted) -> None:
    """Sends what comes until nothing more does; an error is sent as the last event."""
    try:
        async for batch in batches:
            for piece in _pieces(batch):
                await turn()
                await send(encode_batch(piece))
    except StatusError as error:
        await send(_error(error, wanted))
    except (ConnectionError, asyncio.CancelledError):
        raise
    except Exception as error:
        await send(_error(InternalError(f"Internal error occurred: {error}"), wanted))
        raise
    finally:
        closing = getattr(batches, "aclose", None)
        if closing is not None:
            await closing()


async def until(end: asyncio.Future[None], work: Awaitable[None]) -> None:
    """Lets `work` run until it is done or `end` is; a client that goes is no error."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait((task, end), return_when=asyncio.FIRST_COMPLETED)
    finally:
        if not task.done():
            task.cancel()
        with suppress(asyncio.CancelledError, ConnectionError):
            await task


async def _websocket(call: Call, wanted: Wanted, batches: Batches, encode_batch: Encode, end: asyncio.Future[None]) -> Answer:
    """One text message for each event. What the client sends is read only to notice that it closes."""
    socket = web.WebSocketResponse()
    try:
        await socket.prepare(call.request)
    except web.HTTPException as error:
        raise BadRequest(f"the WebSocket handshake is wrong: {error.text or error.reason}") from None

    async def send(lines: bytes) -> None:
        for line in lines.splitlines():
            await socket.send_str(line.decode())

    async def listen() -> None:
        async for _ in socket:
            pass
        _set(end)

    listener = asyncio.ensure_future(listen())
    try:
        await until(end, _pump(batches, encode_batch, send, wanted))
    finally:
        listener.cancel()
        with suppress(asyncio.CancelledError):
            await listener
        await socket.close()
    return _Upgraded()


class _Upgraded(Answer):
    """Everything was said over the WebSocket; the connection ends with it."""

    _keep = False

    def __init__(self) -> None:
        super().__init__(101)

    async def prepare(self, request: web.BaseRequest) -> None:
        """Nothing is left to write."""
