"""One listener of this machine or of a node, and what it passes on into the pods' network: connections of TCP, datagrams of UDP.

Opened by `host_ports` and `pod_ports`. A connection that cannot be made inside is reset, as the kernel would answer; each side's end is
passed on alone, so half-closed connections work. UDP has no connections: a client's datagrams go on over one socket until nothing came for
a while.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from typing import Any, Protocol

from wherry.linux.fabric import Fabric, connected
from wherry.rules.networking.proxy.host import Listener, admits

_PIECE = 1 << 16
_BACKLOG = 512
#: seconds to connect inside; seconds for which a client of UDP is remembered; clients at a time
_CONNECT, _SILENT, _MOST = 10.0, 60.0, 1000
_RESET = struct.pack("ii", 1, 0)


class Served(Protocol):
    def close(self) -> None:
        """Take nothing new."""
        ...


async def served(fabric: Fabric, listener: Listener, place: str | None = None) -> Served:
    """On this machine, or in a place of the fabric. Raises OSError when the port cannot be had."""
    kind = socket.SOCK_DGRAM if listener.protocol == "UDP" else socket.SOCK_STREAM
    ipv6 = ":" in listener.address
    if place is None:
        made = socket.socket(socket.AF_INET6 if ipv6 else socket.AF_INET, kind)
    else:
        [made] = await fabric.sockets(place, udp=kind is socket.SOCK_DGRAM, ipv6=ipv6)
    try:
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(kind is socket.SOCK_STREAM))
        made.bind((listener.address, listener.port))
        if kind is socket.SOCK_STREAM:
            made.listen(_BACKLOG)
    except BaseException:
        made.close()
        raise
    return Datagrams(fabric, listener, made) if kind is socket.SOCK_DGRAM else Connections(fabric, listener, made)


class Connections:
    def __init__(self, fabric: Fabric, listener: Listener, made: socket.socket) -> None:
        self._fabric, self._listener, self._socket = fabric, listener, made
        self._tasks: set[asyncio.Task[None]] = set()
        self._accepting = asyncio.get_running_loop().create_task(self._accept(), name=f"relay {listener.address}:{listener.port}")

    def close(self) -> None:
        self._accepting.cancel()
        self._socket.close()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                outer, client = await loop.sock_accept(self._socket)
            except OSError:
                await asyncio.sleep(0.1)  # out of descriptors, or the client was gone before: others still come
                continue
            task = loop.create_task(self._pass(outer, client[0]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass(self, outer: socket.socket, client: str) -> None:
        inner = await self._inner() if admits(self._listener, client) else None
        if inner is None:
            outer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            outer.close()
            return
        for each in (outer, inner):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            await asyncio.gather(_copy(outer, inner), _copy(inner, outer))
        except OSError:
            for each in (outer, inner):  # one side was reset: so is the other
                with suppress(OSError):
                    each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        finally:
            outer.close()
            inner.close()

    async def _inner(self) -> socket.socket | None:
        try:
            async with asyncio.timeout(_CONNECT):
                return await connected(self._fabric, *self._listener.inside)
        except (OSError, TimeoutError):
            return None


async def _copy(source: socket.socket, target: socket.socket) -> None:
    """Until the source's end, which the target is told."""
    loop = asyncio.get_running_loop()
    while data := await loop.sock_recv(source, _PIECE):
        await loop.sock_sendall(target, data)
    target.shutdown(socket.SHUT_WR)


class Datagrams:
    def __init__(self, fabric: Fabric, listener: Listener, made: socket.socket) -> None:
        self._fabric, self._listener, self._socket = fabric, listener, made
        self._clients: dict[Any, asyncio.Queue[bytes]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._reading = asyncio.get_running_loop().create_task(self._read(), name=f"relay {listener.address}:{listener.port}/udp")

    def close(self) -> None:
        for task in (self._reading, *self._tasks):
            task.cancel()
        self._socket.close()

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            data, client = await loop.sock_recvfrom(self._socket, _PIECE)
            if not admits(self._listener, client[0]):
                continue
            known = self._clients.get(client)
            if known is None and len(self._clients) < _MOST:
                known = self._clients[client] = asyncio.Queue(100)
                task = loop.create_task(self._client(client, known))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            if known is not None:
                with suppress(asyncio.QueueFull):  # as the kernel drops what nobody reads
                    known.put_nowait(data)

    async def _client(self, client: Any, queue: asyncio.Queue[bytes]) -> None:
        loop = asyncio.get_running_loop()
        try:
            [inner] = await self._fabric.sockets(udp=True)
            with inner:
                await loop.sock_connect(inner, self._listener.inside)
                back = loop.create_task(self._back(inner, client))
                try:
                    while True:
                        async with asyncio.timeout(_SILENT):
                            await loop.sock_sendall(inner, await queue.get())
                finally:
                    back.cancel()
                    await asyncio.gather(back, return_exceptions=True)
        except (OSError, TimeoutError):
            return
        finally:
            self._clients.pop(client, None)

    async def _back(self, inner: socket.socket, client: Any) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await loop.sock_sendto(self._socket, await loop.sock_recv(inner, _PIECE), client)
