"""Questions about names outside of the cluster: asked of the host's resolvers, or of those that the options name for a zone.

Called by `server`. Bounded: so many under way, each with a time limit; who comes when all are taken hears SERVFAIL at once. Without
resolvers there is no outside, and every such name is NXDOMAIN at once. The questions go out on the host's network, from this process.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress

#: questions under way at a time; seconds for one resolver to answer
MOST, PATIENCE = 512, 2.0
_LARGEST = 65535
_PORT = 53


class Unanswered(Exception):
    """No resolver answered in time, or too many are asked."""


class Forwarding:
    """`resolvers`: addresses, asked one after the other; `zones`: those of single zones (stub domains)."""

    def __init__(self, resolvers: Sequence[str], zones: Mapping[str, Sequence[str]]) -> None:
        self._resolvers = list(resolvers)
        self._zones = {zone.strip(".").lower(): list(servers) for zone, servers in zones.items()}
        self._under_way = 0

    def of(self, name: str) -> list[str]:
        """The resolvers for a name; none when there is no outside."""
        zones = [zone for zone in self._zones if name == zone or name.endswith(f".{zone}")]
        return self._zones[max(zones, key=len)] if zones else self._resolvers

    async def ask(self, name: str, data: bytes, *, stream: bool) -> bytes:
        """Raises Unanswered."""
        if self._under_way >= MOST:
            raise Unanswered("too many questions are under way")
        self._under_way += 1
        try:
            for server in self.of(name):
                with suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
                    async with asyncio.timeout(PATIENCE):
                        return await (_by_stream if stream else _by_datagram)(server, data)
        finally:
            self._under_way -= 1
        raise Unanswered(f"no resolver answered for {name}")


async def _by_datagram(server: str, data: bytes) -> bytes:
    """From a port and with a number of its own, so that nobody else can answer."""
    loop = asyncio.get_running_loop()
    host, port = _place(server)
    number = secrets.token_bytes(2)
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.setblocking(False)
        await loop.sock_connect(one, (host, port))
        await loop.sock_sendall(one, number + data[2:])
        while True:
            answer = await loop.sock_recv(one, _LARGEST)
            if answer[:2] == number:
                return data[:2] + answer[2:]


async def _by_stream(server: str, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(*_place(server))
    try:
        writer.write(len(data).to_bytes(2, "big") + data)
        return await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
    finally:
        writer.close()


def _place(server: str) -> tuple[str, int]:
    """An address, or `ADDRESS:PORT` (IPv6: `[ADDRESS]:PORT`)."""
    if server.startswith("["):
        host, _, port = server[1:].partition("]")
        return host, int(port.lstrip(":") or _PORT)
    host, colon, port = server.rpartition(":")
    return (host, int(port)) if colon and ":" not in host else (server, _PORT)
