"""exec and attach over WebSocket: the client's side of `remote_command` on the channels of one.

Source: KEP-4006; k8s.io/apiserver/pkg/util/proxy/websocket.go (an empty message says that the connection stands).
"""

from __future__ import annotations

import msgspec

from wherry.api.objects import Obj
from wherry.streams.channels import Channels
from wherry.streams.remote_command import ERROR, RESIZE, STDERR, STDIN, STDOUT, Feed, Wanted


class WebSocketClient:
    def __init__(self, channels: Channels, wanted: Wanted) -> None:
        self._channels, self._wanted = channels, wanted

    async def greet(self) -> None:
        first = STDOUT if self._wanted.stdout else STDERR if self._wanted.stderr else ERROR
        await self._channels.send(first, b"")

    async def input(self, session: Feed) -> None:
        if not self._wanted.stdin:
            session.end()
        while (message := await self._channels.receive()) is not None:
            channel, data = message
            if channel == STDIN and self._wanted.stdin:
                if data is None:
                    session.end()
                else:
                    await session.write(data)
            elif channel == RESIZE and data is not None:
                session.resize(data)

    async def send(self, channel: int, data: bytes) -> None:
        await self._channels.send(channel, data)

    async def finish(self, status: Obj) -> None:
        if self._channels.protocol.status:
            await self._channels.send(ERROR, msgspec.json.encode(status))
        elif status["status"] != "Success":
            await self._channels.send(ERROR, status.get("message", "").encode())
        await self._channels.close()
