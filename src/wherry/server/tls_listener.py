"""A listening socket for TLS that tells who speaks plain HTTP to it so, instead of only hanging up.

Made by `app`. Each connection is looked at, without taking anything from it, before TLS begins: whether its first bytes are
a method of HTTP. Source of the answer: Go's net/http (tlsRecordHeaderLooksLikeHTTP).
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any

_PLAIN = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"
_METHODS = (b"GET /", b"HEAD ", b"POST ", b"PUT /", b"OPTIO", b"DELET", b"PATCH", b"CONNE", b"TRACE")
#: seconds that a connection may stay silent at the beginning
_PATIENCE = 60.0
#: accepting pauses that long when the machine has no more file descriptors, as asyncio's own servers do
_PAUSE = 1.0
BACKLOG = 1024


class TlsListener:
    """`close` stops taking connections; those that were taken are the protocol's."""

    def __init__(
        self, sockets: list[socket.socket], protocol: Callable[[], asyncio.Protocol], context: ssl.SSLContext, goodbye: float
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.sockets, self._protocol, self._context, self._goodbye = sockets, protocol, context, goodbye
        self._tasks = {self._loop.create_task(self._accept(sock), name="tls listener") for sock in sockets}

    @classmethod
    async def on(
        cls, host: str, port: int, protocol: Callable[[], asyncio.Protocol], context: ssl.SSLContext, goodbye: float, *,
        shared: bool = False,
    ) -> TlsListener:  # fmt: skip
        """On every address of the host; `goodbye`: seconds that the end of a TLS connection may take; `shared`: as of `bound`.

        Raises OSError.
        """
        found = await asyncio.get_running_loop().getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        sockets: list[socket.socket] = []
        try:
            for family, _, _, _, address in dict.fromkeys(found):
                sockets.append(bound(family, address, shared=shared))
                sockets[-1].listen(BACKLOG)
        except OSError:
            for sock in sockets:
                sock.close()
            raise
        return cls(sockets, protocol, context, goodbye)

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        for sock in self.sockets:
            sock.close()

    async def _accept(self, sock: socket.socket) -> None:
        while True:
            try:
                connection, _ = await self._loop.sock_accept(sock)
            except OSError:
                await asyncio.sleep(_PAUSE)
                continue
            task = self._loop.create_task(self._begin(connection), name="tls handshake")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _begin(self, connection: socket.socket) -> None:
        try:
            plain = await self._speaks_plainly(connection)
            if plain:
                connection.recv(1 << 16)  # what is not read when it is closed would make the kernel take the answer back
                await self._loop.sock_sendall(connection, _PLAIN)
        except (OSError, TimeoutError):
            plain = True
        except asyncio.CancelledError:
            connection.close()
            raise
        if plain:
            connection.close()
            return
        # what is wrong with a handshake is between TLS and the client
        with suppress(OSError, TimeoutError):
            await self._loop.connect_accepted_socket(self._protocol, connection, ssl=self._context, ssl_shutdown_timeout=self._goodbye)

    async def _speaks_plainly(self, connection: socket.socket) -> bool:
        """Raises OSError, TimeoutError."""
        async with asyncio.timeout(_PATIENCE):
            await self._readable(connection)
        return connection.recv(5, socket.MSG_PEEK) in _METHODS

    async def _readable(self, connection: socket.socket) -> None:
        ready = self._loop.create_future()

        def tell() -> None:
            if not ready.done():
                ready.set_result(None)

        self._loop.add_reader(connection, tell)
        try:
            await ready
        finally:
            self._loop.remove_reader(connection)


def bound(family: int, address: Any, *, shared: bool) -> socket.socket:
    """A socket that does not listen yet. `shared`: others of this user may listen there too, and the kernel shares out connections.

    Raises OSError.
    """
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.setblocking(False)
        sock.bind(address)
    except OSError:
        sock.close()
        raise
    return sock
