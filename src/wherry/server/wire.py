"""The wire: HTTP/1.1 replies written in one go, and streams that end when their client, their time or the server does.

Between aiohttp's parser and our handlers. A `Reply` is built by a handler and written by aiohttp's request loop through `prepare`; its
head and body leave in one write. A `Stream` writes its own head and then chunks, waiting whenever the client does not keep up, so that
what is buffered for a slow client stays bounded by the transport's high-water mark. aiohttp's router, header multi-dicts and response
classes are passed by: they cost more than everything else a GET does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.web_protocol import RequestHandler

from wherry.api.errors import BadRequest, Timeout, TooLarge
from wherry.kit.offload import computed
from wherry.kit.turns import turn
from wherry.server.connection import Connection, is_virtual

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
#: request bodies larger than this are refused (k8s.io/apiserver MaxRequestBodyBytes)
MAX_BODY = 3 * 1024 * 1024
#: under which name a request carries its audit trail, when it is recorded
TRAIL: Any = web.RequestKey("wherry.audit", object) if hasattr(web, "RequestKey") else "wherry.audit"
#: bodies from here on are written apart from their head, and waited for
_BIG = 64 * 1024
#: of which so many at once: encrypting them all would keep others waiting, and what is encrypted waits in memory for the client
_SLICE = 256 * 1024
#: seconds that a client has to send its body, and to take a whole answer (--request-timeout)
REQUEST_TIMEOUT = 60.0

Header = tuple[str, str]

_STATUS = {s.value: f"HTTP/1.1 {s.value} {s.phrase}\r\n".encode() for s in HTTPStatus}
_STATUS[413], _STATUS[422] = b"HTTP/1.1 413 Request Entity Too Large\r\n", b"HTTP/1.1 422 Unprocessable Entity\r\n"
_CACHE = b"Cache-Control: no-cache, private\r\n"
_HEADS: dict[tuple[int, str], bytes] = {}


def _start(status: int, content_type: str) -> bytes:
    """Status line and the headers that all replies of one kind share."""
    found = _HEADS.get((status, content_type))
    if found is None:
        line = _STATUS.get(status) or b"HTTP/1.1 %d Unknown\r\n" % status
        found = _HEADS[status, content_type] = line + (f"Content-Type: {content_type}\r\n".encode() if content_type else b"")
    return found


class Date:
    """The Date header, made once a second."""

    def __init__(self) -> None:
        self._second, self._line = -1, b""

    def line(self, now: float) -> bytes:
        second = int(now)
        if second != self._second:
            self._second, self._line = second, f"Date: {formatdate(second, usegmt=True)}\r\n".encode()
        return self._line


class Answer(web.StreamResponse):
    """What aiohttp's request loop needs of a response. `StreamResponse.__init__` is not called: nothing of it is used."""

    _keep: bool = True

    def __init__(self, status: int) -> None:
        self.code = status

    @property
    def status(self) -> int:
        return self.code

    @property
    def keep_alive(self) -> bool | None:
        return self._keep

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.code}>"

    async def write_eof(self, data: bytes = b"") -> None:
        """Everything was written by `prepare`."""


class Reply(Answer):
    """A whole answer. `headers` come after the ones every reply has; `Cache-Control` among them replaces the usual one."""

    def __init__(self, status: int, body: bytes, content_type: str = JSON, headers: Iterable[Header] = ()) -> None:
        super().__init__(status)
        self.body_bytes = body
        self.content = content_type
        self.extra = tuple(headers)
        #: lines that the server adds to every reply: audit id and date
        self.common = b""

    def head(self, request: web.BaseRequest) -> bytes:
        parts = [_start(self.code, self.content), self.common]
        if not any(name == "Cache-Control" for name, _ in self.extra):
            parts.append(_CACHE)
        parts += [f"{name}: {value}\r\n".encode() for name, value in self.extra]
        if not self._keep:
            parts.append(b"Connection: close\r\n")
        elif request.version.minor == 0:
            parts.append(b"Connection: keep-alive\r\n")
        parts += [self._length(), b"\r\n"]
        return b"".join(parts)

    def _length(self) -> bytes:
        return b"" if self.code in (204, 304) else b"Content-Length: %d\r\n" % len(self.body_bytes)

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("the client is gone")
        self._keep = bool(request.keep_alive)
        head, body = self.head(request), b"" if request.method == "HEAD" or self.code == 304 else self.body_bytes
        if len(body) < _BIG:
            transport.write(head + body)
            return None
        transport.write(head)
        try:
            async with _within():
                for at in range(0, len(body), _SLICE):
                    transport.write(body[at : at + _SLICE])
                    await request.writer.drain()
                    await turn()
        except TimeoutError:
            transport.abort()
            raise ConnectionResetError("the client does not take its answer") from None
        return None


class Pieces(Reply):
    """A long answer that is made while it is sent, in chunks: nobody holds it whole, however slowly it is taken."""

    def __init__(self, pieces: Iterable[bytes], content_type: str = JSON, headers: Iterable[Header] = ()) -> None:
        super().__init__(200, b"", content_type, headers)
        self._pieces = pieces

    def _length(self) -> bytes:
        return b"Transfer-Encoding: chunked\r\n"

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("the client is gone")
        self._keep = bool(request.keep_alive)
        transport.write(self.head(request))
        try:
            async with _within():
                for piece in self._pieces if request.method != "HEAD" else ():
                    if transport.is_closing():
                        raise ConnectionResetError("the client is gone")
                    transport.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                    await request.writer.drain()
                    await turn()
        except TimeoutError:
            transport.abort()
            raise ConnectionResetError("the client does not take its answer") from None
        transport.write(b"0\r\n\r\n")
        return None


class Stream(Answer):
    """A chunked answer that its handler writes while it runs; when the handler returns it, it is complete."""

    def __init__(self, request: web.BaseRequest, content_type: str, common: bytes, headers: Iterable[Header] = ()) -> None:
        super().__init__(200)
        self._request = request
        self._keep = bool(request.keep_alive)
        self._chunked = request.version.minor > 0
        self._keep = self._keep and self._chunked
        lines = b"".join(f"{name}: {value}\r\n".encode() for name, value in headers)
        if (trail := request.get(TRAIL)) is not None:
            trail.started()
        framing = b"Transfer-Encoding: chunked\r\n" if self._chunked else b"Connection: close\r\n"
        self._send(_start(200, content_type) + common + _CACHE + lines + framing + b"\r\n")

    def _send(self, data: bytes) -> None:
        transport = self._request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client is gone")
        transport.write(data)

    async def chunk_in_time(self, data: bytes) -> None:
        """The same for a client that is not let wait: one that has not taken what it was sent when the time is over is cut off."""
        try:
            async with _within():
                await self.chunk(data)
        except TimeoutError:
            if self._request.transport is not None:
                self._request.transport.abort()
            raise ConnectionResetError("the client does not take what it is sent") from None

    async def chunk(self, data: bytes) -> None:
        """One chunk, in one write. Waits while the client is behind. Raises ConnectionResetError."""
        if data:
            self._send(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)
            await self._request.writer.drain()

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        if self._chunked:
            self._send(b"0\r\n\r\n")
        return None


class Switched(Answer):
    """What is left to say after a connection was something else than HTTP: nothing. It is closed."""

    _keep = False

    def __init__(self) -> None:
        super().__init__(HTTPStatus.SWITCHING_PROTOCOLS)

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        if request.transport is not None:
            request.transport.close()
        return None


class Server(web.Server):
    """aiohttp's low-level server, which also tells handlers of long requests that their client is gone."""

    def __init__(self, handler: Any, **options: Any) -> None:
        super().__init__(handler, **options)
        self._long: dict[RequestHandler, set[asyncio.Future[None]]] = {}
        self._open = 0
        self._all_closed: asyncio.Future[None] | None = None

    def until_gone(self, request: web.BaseRequest) -> asyncio.Future[None]:
        """A future that is done when the client's connection ends or the server stops; give it back with `release`."""
        future = asyncio.get_running_loop().create_future()
        if request.transport is None:
            future.set_result(None)
        self._long.setdefault(request.protocol, set()).add(future)
        return future

    def release(self, request: web.BaseRequest, future: asyncio.Future[None]) -> None:
        waiting = self._long.get(request.protocol)
        if waiting is not None:
            waiting.discard(future)
            if not waiting:
                del self._long[request.protocol]

    def end_long(self) -> None:
        """Every long request ends now."""
        for waiting in list(self._long.values()):
            _finish(waiting)

    @property
    def long_requests(self) -> int:
        return sum(map(len, self._long.values()))

    def __call__(self) -> RequestHandler:
        return Connection(self, loop=self._loop, **self._kwargs)

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        self._open += 1

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        super().connection_lost(handler, exc)
        _finish(self._long.get(handler, set()))
        self._open -= 1
        if not self._open and self._all_closed is not None:
            _finish([self._all_closed])

    async def closed(self) -> None:
        """Until no connection is left."""
        if self._open:
            self._all_closed = asyncio.get_running_loop().create_future()
            await self._all_closed


def _finish(futures: Iterable[asyncio.Future[None]]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)


async def read_body(request: web.BaseRequest, limit: int = MAX_BODY) -> bytes:
    """The request's body. Raises TooLarge."""
    body = await _read(request, limit)
    if (trail := request.get(TRAIL)) is not None:
        content_type = request.headers.get("Content-Type", "")
        await computed(len(body), lambda: trail.body(body, content_type))
    return body


async def _read(request: web.BaseRequest, limit: int) -> bytes:
    if (request.content_length or 0) > limit:
        raise _too_large(limit)
    if not request.can_read_body:
        return b""
    if request.headers.get("Expect", "").lower() == "100-continue" and request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    if request.content.is_eof():
        return await _parts(request, limit)
    try:
        async with _within():
            return await _parts(request, limit)
    except TimeoutError:
        raise Timeout("Timeout: request did not complete within the allotted timeout", {}) from None
    except web.RequestPayloadError as error:
        raise BadRequest(f"the body of the request cannot be read: {error}") from None


def _within() -> asyncio.Timeout:
    """The time for what depends on the client; unlimited where time is virtual."""
    return asyncio.timeout(None if is_virtual(asyncio.get_running_loop()) else REQUEST_TIMEOUT)


async def _parts(request: web.BaseRequest, limit: int) -> bytes:
    content = request.content
    first = await content.readany()
    if content.at_eof():
        return first
    parts, size = [first], len(first)
    while part := await content.readany():
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(part)
    return b"".join(parts)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"Request entity too large: limit is {limit}")
