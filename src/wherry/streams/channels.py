"""The channels of a WebSocket: a byte in front of each message says which stream it belongs to.

`remote_command` and `port_forward` speak through it. Subprotocols: `v5.channel.k8s.io` (255 closes a channel), `v4.channel.k8s.io`,
`channel.k8s.io` and none at all (errors as plain text), and base64 forms of them, in which the byte is a digit. Clients may send text
or binary messages in any of them.
Source: k8s.io/streaming/pkg/httpstream/wsstream (conn.go), KEP-4006.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import NamedTuple

from aiohttp import WSMsgType, web

from wherry.api.errors import BadRequest, StatusError

#: bytes of one message; a larger one ends the connection (Go's library has the same limit)
_LARGEST_MESSAGE = 32 << 20
_CLOSE = 255
#: seconds for a client to answer that the WebSocket ends
_GOODBYE = 1.0
_HEADER = "Sec-WebSocket-Protocol"


class Protocol(NamedTuple):
    """`base64`: how data are written; `closes`: a channel can be closed; `status`: the error channel carries a Status, not a text."""

    name: str
    base64: bool = False
    closes: bool = False
    status: bool = True


EXEC = (
    Protocol("v5.channel.k8s.io", closes=True), Protocol("v4.channel.k8s.io"), Protocol("v4.base64.channel.k8s.io", base64=True),
    Protocol("channel.k8s.io", status=False), Protocol("base64.channel.k8s.io", base64=True, status=False), Protocol("", status=False),
)  # fmt: skip
FORWARD = (Protocol("v4.channel.k8s.io"), Protocol("v4.base64.channel.k8s.io", base64=True), Protocol(""))


def offered(request: web.BaseRequest) -> list[str]:
    """The subprotocols that a client would speak, in its order. Names that carry a token are none."""
    values = request.headers.getall(_HEADER, [])
    names = [name.strip() for value in values for name in value.split(",")]
    return [name for name in names if name and not name.startswith("base64url.bearer.authorization.k8s.io.")]


def choose(request: web.BaseRequest, known: Sequence[Protocol]) -> Protocol:
    """The first that the client offers. Raises StatusError (403)."""
    by_name = {protocol.name: protocol for protocol in known}
    names = offered(request) or [""]
    for name in names:
        if name in by_name:
            return by_name[name]
    text = f"requested protocol(s) are not supported: [{' '.join(names)}]; supports [{' '.join(by_name)}]"
    raise StatusError(text, code=403, reason="Forbidden")


async def accept(request: web.BaseRequest, protocol: str) -> web.WebSocketResponse:
    """The connection becomes a WebSocket. Raises BadRequest when the request asks for none that is valid."""
    names = (protocol,) if protocol else ()
    socket = web.WebSocketResponse(protocols=names, max_msg_size=_LARGEST_MESSAGE, compress=False, timeout=_GOODBYE)
    try:
        await socket.prepare(request)
    except web.HTTPException as error:
        raise BadRequest(error.text or "the request is no valid WebSocket handshake") from None
    return socket


class Channels:
    """A WebSocket as channels. `receive` is called by one reader, `send` by any."""

    def __init__(self, socket: web.WebSocketResponse, protocol: Protocol) -> None:
        self._socket, self.protocol = socket, protocol

    async def receive(self) -> tuple[int, bytes | None] | None:
        """A channel and what came for it, None for its end; None: the client is gone, or said what the protocol does not know."""
        while True:
            message = await self._socket.receive()
            if message.type not in (WSMsgType.BINARY, WSMsgType.TEXT):
                return None
            data = message.data if isinstance(message.data, bytes) else message.data.encode("utf-8", "surrogateescape")
            if data:
                return self._read(data)

    def _read(self, data: bytes) -> tuple[int, bytes | None] | None:
        channel, content = data[0], data[1:]
        if self.protocol.closes and channel == _CLOSE:
            return (content[0], None) if len(content) == 1 else None
        if not self.protocol.base64:
            return channel, content
        try:
            return channel - ord("0"), base64.b64decode(content, validate=True)
        except binascii.Error:
            return channel - ord("0"), b""

    async def send(self, channel: int, data: bytes) -> None:
        """Waits while the client is behind. Raises ConnectionError."""
        try:
            if self.protocol.base64:
                await self._socket.send_str(chr(ord("0") + channel) + base64.b64encode(data).decode())
            else:
                await self._socket.send_bytes(bytes([channel]) + data)
        except RuntimeError as error:  # aiohttp's word for a WebSocket that was closed meanwhile
            raise ConnectionResetError(str(error)) from None

    async def close(self) -> None:
        """Says goodbye, and waits a moment for the client to do so too."""
        await self._socket.close()

