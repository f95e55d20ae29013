"""Taking a connection over from aiohttp: after the answer 101 its bytes are no longer HTTP.

`server.connection` and the node's own server derive their handler of a connection from `Handler`. aiohttp's parser hands a connection over
for WebSocket only, so `data_received` is parted here. The client sends nothing before it has the 101 (RFC 9110 section 7.8), so nothing
can be lost in the parser.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from wherry.streams.wire import Raw

_ROOM = 256 * 1024


class Handler(RequestHandler):
    """`raw`: where the bytes go once the connection is taken over."""

    __slots__ = ("raw",)

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)  # type: ignore[arg-type]
        self.raw: asyncio.StreamReader | None = None

    def data_received(self, data: bytes) -> None:
        if self.raw is None:
            super().data_received(data)
        else:
            self.raw.feed_data(data)

    def connection_lost(self, exc: BaseException | None) -> None:
        if self.raw is not None:
            self.raw.feed_eof()
        super().connection_lost(exc)


def is_taken(request: web.BaseRequest) -> bool:
    """The bytes of the request's connection are no longer HTTP."""
    handler = request.protocol
    return (isinstance(handler, Handler) and handler.raw is not None) or request.writer.output_size > 0


def take(request: web.BaseRequest, headers: Iterable[tuple[str, str]], reason: str = "Switching Protocols") -> Raw:
    """Answers 101 with these headers; the connection is the caller's. Raises ConnectionResetError when the client is gone."""
    handler, transport = request.protocol, request.transport
    if transport is None or not isinstance(handler, Handler):
        raise ConnectionResetError("the client is gone")
    reader = handler.raw = asyncio.StreamReader(limit=_ROOM)
    reader.set_transport(transport)
    lines = [f"HTTP/1.1 101 {reason}", *(f"{name}: {value}" for name, value in headers), "", ""]
    transport.write("\r\n".join(lines).encode("utf-8", "surrogateescape"))
    return Raw(reader, transport, handler._drain_helper)


class Over(web.StreamResponse):
    """What is left to say after a connection was something else than HTTP: nothing. It is closed.

    `StreamResponse.__init__` is not called: nothing of it is used.
    """

    def __init__(self) -> None:
        """Nothing to be kept."""

    @property
    def status(self) -> int:
        return 101

    @property
    def keep_alive(self) -> bool | None:
        return False

    def __repr__(self) -> str:
        return "<Over 101>"

    async def prepare(self, request: web.BaseRequest) -> None:
        if request.transport is not None:
            request.transport.close()

    async def write_eof(self, data: bytes = b"") -> None:
        """Everything was said."""
