"""The answer to a request for a log: chunks of HTTP, or messages of a WebSocket where the client asks for one.

Opened by `pod_requests` and `proxying`. Source: k8s.io/apiserver/pkg/endpoints/handlers/responsewriters/writers.go (StreamObject),
k8s.io/streaming/pkg/httpstream/wsstream/stream.go: an empty message comes first, what the client says is passed over.
"""

from __future__ import annotations

import asyncio
import base64
from typing import TypeAlias

from aiohttp import web

from wherry.server.call import Call
from wherry.server.wire import Answer, Stream
from wherry.streams import channels, negotiation
from wherry.streams.channels import Protocol

_PROTOCOLS = (Protocol("binary.k8s.io"), Protocol("base64.binary.k8s.io", base64=True), Protocol(""))
#: bytes of the log in a message
_PIECE = 2048


class Messages(Answer):
    """Ends with the connection."""

    _keep = False

    def __init__(self, request: web.BaseRequest, socket: web.WebSocketResponse, *, encoded: bool) -> None:
        super().__init__(101)
        self._request, self._socket, self._encoded = request, socket, encoded
        self._listening = asyncio.create_task(self._listen(), name="client of a log")

    async def chunk(self, data: bytes) -> None:
        """Waits while the client is behind. Raises ConnectionResetError."""
        for at in range(0, len(data), _PIECE):
            await self._send(data[at : at + _PIECE])

    async def greet(self) -> None:
        await self._send(b"")

    async def _send(self, piece: bytes) -> None:
        if self._encoded:
            await self._socket.send_str(base64.b64encode(piece).decode())
        else:
            await self._socket.send_bytes(piece)

    async def _listen(self) -> None:
        """A client that says goodbye is let go, so that whoever writes hears of it."""
        async for _ in self._socket:
            pass
        if self._request.transport is not None:
            self._request.transport.close()

    async def prepare(self, request: web.BaseRequest) -> None:
        """The log is at its end."""
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)
        await self._socket.close()


LogStream: TypeAlias = Stream | Messages


async def opened(call: Call, content_type: str, common: bytes) -> LogStream:
    """Raises StatusError, before anything is sent, for a WebSocket of a kind that is not known; ConnectionResetError."""
    if not negotiation.is_websocket(call.request):
        return Stream(call.request, content_type, common)
    protocol = channels.choose(call.request, _PROTOCOLS)
    made = Messages(call.request, await channels.accept(call.request, protocol.name), encoded=protocol.base64)
    await made.greet()
    return made
