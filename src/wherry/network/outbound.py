"""Connections of pods to addresses outside of the cluster: taken in the fabric, made again from the host's network, and joined.

Started by the cluster beside real nodes with the option `pods_outbound`. Without it nothing here exists, and the fabric has no way out: the
kernel says so at once. TCP goes through this process, questions for names to the cluster's name server, all else is refused at once. A
client is connected before the other end is: where that cannot be reached, its connection is reset. Bounded in connections under way.
Invariant: an end that closes one direction closes that direction at the other end, one that fails resets the other.
Source: Linux, Documentation/networking/tproxy.rst.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress

from wherry.kit.metrics import Family
from wherry.linux.fabric import Fabric, RulesRefused
from wherry.rules.networking.outbound import nft

End = tuple[asyncio.StreamReader, asyncio.StreamWriter]
log = logging.getLogger(__name__)

#: where the relay listens in the fabric
PORT = 15001
#: connections at a time; more are reset. Seconds in which the other end has to answer
MOST, PATIENCE = 4096, 10.0
#: seconds between two looks whether the rules are still there
_LOOK = 5.0
_PIECE = 1 << 16
_IP_TRANSPARENT = 19
_RESET = struct.pack("ii", 1, 0)


class Outbound:
    """`inside`: networks and addresses of the cluster; `names`: its name server's address."""

    def __init__(self, fabric: Fabric, inside: Sequence[str], names: str) -> None:
        self._fabric = fabric
        self._rules = nft.table(inside, (fabric.gateway, PORT), names)
        self._listed = self._trouble = ""
        self._open = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._counts: Counter[str] = Counter()
        #: makes a connection from the host's network
        self.dial: Callable[[str, int], Awaitable[End]] = asyncio.open_connection
        self.listening = asyncio.Event()

    def health(self) -> str:
        """Why pods do not get out; "" when they do."""
        return self._trouble

    async def begin(self) -> None:
        """The fabric leads what is not its own to itself. Raises OSError or RulesRefused where the kernel cannot do that."""
        await self._write()
        await self._fabric.catch_all()

    async def run(self) -> None:
        """After `begin`, until cancelled. Raises OSError when the relay's port cannot be had."""
        [sock] = await self._fabric.sockets()
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.setsockopt(socket.SOL_IP, _IP_TRANSPARENT, 1)
            sock.bind((self._fabric.gateway, PORT))
        except OSError:
            sock.close()
            raise
        server = await asyncio.start_server(self._serve, sock=sock, backlog=1024)
        self.listening.set()
        try:
            while True:
                await asyncio.sleep(_LOOK)
                await self._look()
        finally:
            self.listening.clear()
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def families(self) -> Iterator[Family]:
        """For /metrics."""
        ended = [((result,), float(count)) for result, count in self._counts.items()]
        yield Family("counter", "wherry_outbound_connections", "Connections of pods to addresses outside.", ("result",), ended)
        yield Family("gauge", "wherry_outbound_open_connections", "Those that are open.", (), [((), float(self._open))])

    # --- rules ---
    async def _write(self) -> None:
        await self._fabric.rules(self._rules)
        self._listed = await self._fabric.rules(nft.LOOK)

    async def _look(self) -> None:
        """Notices when somebody else took away or changed what is here."""
        with suppress(RulesRefused):  # it is gone
            if await self._fabric.rules(nft.LOOK) == self._listed:
                self._trouble = ""
                return
        log.warning("somebody else changed the rules of outbound connections: they are written anew")
        try:
            await self._write()
            self._trouble = ""
        except RulesRefused as error:
            self._trouble = f"nftables refused the rules of outbound connections: {error}"
            log.error("%s; tried again every %.3g s", self._trouble, _LOOK)

    # --- connections ---
    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """`writer`'s own address is the one that its client meant."""
        if self._open >= MOST:
            self._counts["refused"] += 1
            reset(writer)
            return
        self._open += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            host, port = writer.get_extra_info("sockname")[:2]
            try:
                async with asyncio.timeout(PATIENCE):
                    there, to = await self.dial(host, port)
            except (OSError, TimeoutError):
                self._counts["unreachable"] += 1
                reset(writer)
                return
            self._counts["connected"] += 1
            await joined((reader, writer), (there, to))
        finally:
            self._open -= 1
            self._tasks.discard(task)


async def joined(one: End, other: End) -> None:
    """Until both directions have ended."""
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_carry(one[0], other[1]))
            group.create_task(_carry(other[0], one[1]))
    except* OSError:
        reset(one[1])
        reset(other[1])
    finally:
        one[1].close()
        other[1].close()


async def _carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Raises OSError."""
    while data := await source.read(_PIECE):
        target.write(data)
        await target.drain()
    if target.can_write_eof():
        target.write_eof()


def reset(writer: asyncio.StreamWriter) -> None:
    """So that the other side does not take it for an end."""
    if (sock := writer.get_extra_info("socket")) is not None:
        with suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
