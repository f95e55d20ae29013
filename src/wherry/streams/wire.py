"""Bytes both ways, with back-pressure: what SPDY frames are read from and written to.

Two kinds: a connection that was taken over from HTTP (`Raw`, see `takeover` and `dialing`), and messages of a WebSocket (`Tunnel`).
Invariant: `drain` waits as long as more waits to be sent than the carrier's high-water mark, so a writer that drains is bounded.
Source: KEP-4006 (transition from SPDY to WebSockets), "port forward subprotocol": each message is a piece of a SPDY connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from aiohttp import ClientWebSocketResponse
    from aiohttp.web import WebSocketResponse

#: bytes read, or put into one message, at a time
PIECE = 64 * 1024
#: bytes that wait for a WebSocket before its writers do
_HIGH_WATER = 256 * 1024


class Wire(Protocol):
    async def read(self) -> bytes:
        """The next bytes; b"" at the end, however it came."""
        ...

    def write(self, data: bytes) -> None:
        """Sent in order; dropped once the other side is gone."""
        ...

    async def drain(self) -> None:
        """Until there is room. Raises ConnectionError once the other side is gone."""
        ...

    async def close(self) -> None:
        """After what was written is sent."""
        ...


class Raw:
    """A connection of bytes. `drained` waits for the transport's low-water mark."""

    def __init__(self, reader: asyncio.StreamReader, transport: asyncio.Transport, drained: Callable[[], Awaitable[None]]) -> None:
        self._reader, self._transport, self._drained = reader, transport, drained

    async def read(self) -> bytes:
        try:
            return await self._reader.read(PIECE)
        except OSError:
            return b""

    def write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)

    async def drain(self) -> None:
        if self._transport.is_closing():
            raise ConnectionResetError("the other side is gone")
        await self._drained()

    async def close(self) -> None:
        self._transport.close()


def of_streams(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Raw:
    """A connection opened by asyncio. The writer must be kept alive by somebody as long as the wire is used."""
    return Raw(reader, writer.transport, writer.drain)  # type: ignore[arg-type]


class Tunnel:
    """Binary messages of a WebSocket as one flow of bytes. Small writes of one turn leave in one message."""

    def __init__(self, socket: WebSocketResponse | ClientWebSocketResponse) -> None:
        self._socket = socket
        self._waiting: list[bytes] = []
        self._size = 0
        self._room = asyncio.Event()
        self._room.set()
        self._sender: asyncio.Task[None] | None = None
        self._broken = False

    async def read(self) -> bytes:
        while True:
            message = await self._socket.receive()
            if message.type.name == "BINARY":
                if message.data:
                    return bytes(message.data)
            elif message.type.name != "TEXT":
                return b""

    def write(self, data: bytes) -> None:
        if self._broken:
            return
        self._waiting.append(data)
        self._size += len(data)
        if self._size > _HIGH_WATER:
            self._room.clear()
        if self._sender is None:
            self._sender = asyncio.ensure_future(self._send())

    async def drain(self) -> None:
        await self._room.wait()
        if self._broken or self._socket.closed:
            raise ConnectionResetError("the other side is gone")

    async def close(self) -> None:
        if self._sender is not None:
            await asyncio.wait([self._sender])
        self._broken = True
        await self._socket.close()

    async def _send(self) -> None:
        try:
            while self._waiting:
                pieces, self._waiting = self._waiting, []
                data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
                await self._socket.send_bytes(data)
                self._size -= len(data)
                if self._size <= _HIGH_WATER:
                    self._room.set()
        except (ConnectionError, RuntimeError):
            self._broken = True
        finally:
            self._sender = None
            self._room.set()
