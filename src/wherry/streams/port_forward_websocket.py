"""port-forward over a WebSocket without SPDY: one connection for each port that the request names, two channels each.

Channel 2i carries the bytes of the i-th port, 2i+1 what went wrong with it; each begins with the port, two bytes, the lower one first.
There is no end of one direction in this protocol: when the pod's side of all connections has ended, the WebSocket is closed.
Source: k8s.io/kubelet/pkg/cri/streaming/portforward/websocket.go.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Sequence
from contextlib import suppress

from wherry.api.errors import StatusError
from wherry.streams.channels import Channels
from wherry.streams.port_forward import Forwarded, Opened

_PIECE = 32 * 1024


async def serve(channels: Channels, pod: Forwarded, ports: Sequence[int]) -> None:
    """Until the client is gone, or every connection has ended."""
    for i, port in enumerate(ports):
        for channel in (2 * i, 2 * i + 1):
            await channels.send(channel, struct.pack("<H", port))
    opened = [await _open(channels, pod, i, port) for i, port in enumerate(ports)]
    up = asyncio.ensure_future(_up(channels, opened))
    down = asyncio.ensure_future(_all_down(channels, opened))
    try:
        await asyncio.wait([up, down], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (up, down):
            task.cancel()
        await asyncio.gather(up, down, return_exceptions=True)
        for one in opened:
            if one is not None:
                one.writer.close()
        await channels.close()


async def _open(channels: Channels, pod: Forwarded, i: int, port: int) -> Opened | None:
    try:
        return await pod.dial(port)
    except (OSError, StatusError) as failure:
        await channels.send(2 * i + 1, pod.failed(port, failure))
        return None


async def _up(channels: Channels, opened: Sequence[Opened | None]) -> None:
    while (message := await channels.receive()) is not None:
        channel, data = message
        one = opened[channel // 2] if 0 <= channel < 2 * len(opened) and not channel % 2 else None
        if one is not None and data and not one.writer.is_closing():
            with suppress(OSError):
                one.writer.write(data)
                await one.writer.drain()


async def _all_down(channels: Channels, opened: Sequence[Opened | None]) -> None:
    await asyncio.gather(*(_down(channels, i, one) for i, one in enumerate(opened) if one is not None))


async def _down(channels: Channels, i: int, one: Opened) -> None:
    with suppress(OSError):
        while data := await one.reader.read(_PIECE):
            await channels.send(2 * i, data)
