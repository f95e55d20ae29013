"""HTTP/1.1 to one server: a pool of connections kept alive, one request at a time on each.

`HttpClient` sends requests here. The answers are parsed by `answer`; opening, TLS, proxies and reuse are ours. A connection that the server
had closed while it was idle is not an error: the request is sent again on a new one, if it cannot have been acted upon twice.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import httptools

from wherry.client import proxies
from wherry.client.access import Access
from wherry.client.answer import Answer
from wherry.client.credentials import Header
from wherry.client.tls import context
from wherry.errors import WherryError

_CHUNK = 1 << 16
#: seconds to open a connection
CONNECT_TIMEOUT = 30.0
#: requests under way at a time; more of them wait in line for a connection that is open already, instead of opening hundreds with a
#: handshake each. Watches do not count
LIMIT = 32


class ConnectionFailed(WherryError, OSError):
    """The server could not be reached, or the connection broke; str() is the reason."""


class Stale(ConnectionFailed):
    """A connection kept alive was closed by the server before anything of the answer came."""


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    target: str
    headers: tuple[Header, ...] = ()
    body: bytes = b""


class Connection:
    """One connection; `send` and then read `body` to its end before the next `send`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._answer = Answer()
        self._used = False

    @property
    def is_idle(self) -> bool:
        """Ready for another request, as far as can be seen."""
        fresh = not self._used or (self._answer.complete and self._answer.reusable)
        return fresh and not self._reader.at_eof() and not self._writer.is_closing()

    async def send(self, request: Request) -> tuple[int, dict[str, list[str]]]:
        """Status and headers (lower-case names) of the answer. Raises Stale, ConnectionFailed."""
        reused, self._used = self._used, True
        answer = self._answer = Answer(bodiless=request.method == "HEAD")
        try:
            self._writer.write(_written(request))
            await self._writer.drain()
            while not answer.has_head:
                data = await self._reader.read(_CHUNK)
                if not data:
                    raise EOFError
                answer.feed(data)
        except (OSError, EOFError) as error:
            raise (Stale if reused and not answer.begun else ConnectionFailed)(_reason(error)) from None
        except httptools.HttpParserError as error:
            raise ConnectionFailed(f"malformed HTTP response: {error}") from None
        return answer.status, answer.headers

    async def body(self) -> AsyncIterator[bytes]:
        """The answer's body, piece by piece as it comes. Raises ConnectionFailed when it breaks off."""
        answer = self._answer
        try:
            while True:
                if answer.pieces:
                    yield answer.taken()
                if answer.complete:
                    return
                answer.feed(await self._reader.read(_CHUNK))
        except (OSError, EOFError) as error:
            raise ConnectionFailed("unexpected EOF" if isinstance(error, EOFError) else _reason(error)) from None
        except httptools.HttpParserError as error:
            raise ConnectionFailed(f"malformed HTTP response: {error}") from None

    def close(self) -> None:
        """At once: there is nothing left to say on a connection that is closed, and TLS would wait for the other side."""
        self._writer.transport.abort()


def _written(request: Request) -> bytes:
    """Raises ConnectionFailed for what would break out of its line."""
    lines = [f"{request.method} {request.target} HTTP/1.1", *(f"{name}: {value}" for name, value in request.headers)]
    if request.body or request.method != "GET":
        lines.append(f"Content-Length: {len(request.body)}")
    head = "\r\n".join(lines)
    if head.count("\n") != len(lines) - 1 or head.count("\r") != len(lines) - 1 or "\0" in head or request.target.count(" "):
        raise ConnectionFailed("a header or the target has characters that HTTP does not allow")
    return head.encode() + b"\r\n\r\n" + request.body


def _reason(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"tls: failed to verify certificate: {error.verify_message}"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, TimeoutError):
        return "i/o timeout"
    if isinstance(error, ssl.SSLError):
        return f"tls: {error.reason or error}"
    if not isinstance(error, OSError):
        return "EOF"
    return error.strerror.lower() if error.strerror else str(error) or "EOF"


class Transport:
    """All connections to one server."""

    def __init__(self, access: Access) -> None:
        self.server = urlsplit(access.server)
        self._access = access
        self._proxy = proxies.choose(access.proxy_url, self.server, os.environ)
        self._tls: ssl.SSLContext | None = None
        self._idle: list[Connection] = []
        #: to be held while a request is under way
        self.turn = asyncio.Semaphore(LIMIT)

    @property
    def absolute(self) -> bool:
        """Targets carry the server's address: plain HTTP through an HTTP proxy."""
        return self._proxy is not None and self._proxy.scheme in ("http", "https") and self.server.scheme == "http"

    @property
    def proxy_headers(self) -> list[Header]:
        authorization = proxies.basic(self._proxy) if self.absolute and self._proxy else ""
        return [("Proxy-Authorization", authorization)] if authorization else []

    def use(self, pair: tuple[bytes, bytes]) -> None:
        """Another client certificate from now on."""
        self._tls = context(self._access, pair)
        self.close()

    async def take(self, *, fresh: bool = False) -> Connection:
        """A connection for one request. Raises ConnectionFailed, ConfigError."""
        while self._idle and not fresh:
            connection = self._idle.pop()
            if connection.is_idle:
                return connection
            connection.close()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                return Connection(*await self._open())
        except (OSError, EOFError) as error:
            raise ConnectionFailed(_reason(error)) from error

    def give_back(self, connection: Connection) -> None:
        if connection.is_idle and len(self._idle) < LIMIT:
            self._idle.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        for connection in self._idle:
            connection.close()
        self._idle.clear()

    async def _open(self) -> proxies.Streams:
        secure = self.server.scheme == "https"
        host, port = self.server.hostname or "", self.server.port or (443 if secure else 80)
        if secure and self._tls is None:
            self._tls = context(self._access)
        name = (self._access.tls_server_name or host) if secure else None
        if self.absolute and self._proxy is not None:
            tls = ssl.create_default_context() if self._proxy.scheme == "https" else None
            return await asyncio.open_connection(self._proxy.hostname, self._proxy.port or (443 if tls else 80), ssl=tls, limit=1 << 20)
        if self._proxy is None:
            return await asyncio.open_connection(host, port, ssl=self._tls if secure else None, server_hostname=name, limit=1 << 20)
        reader, writer = await proxies.open_through(self._proxy, host, port)
        if secure and self._tls is not None:
            await writer.start_tls(self._tls, server_hostname=name)
        return reader, writer


def unpacked(headers: dict[str, list[str]], body: bytes) -> bytes:
    """The body without its Content-Encoding."""
    return zlib.decompress(body, wbits=31) if headers.get("content-encoding") == ["gzip"] else body
