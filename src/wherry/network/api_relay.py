"""The API server at its Service's address, for pods of a machine that it is not on.

Run by a node that joined. Connections of pods are taken on the pods' network and made again from the machine's own: to where the node
itself reaches the server, else to the others that the Service leads to. Nothing is translated within, so TLS is between the pod and the
server, and no route is needed. Where none answers, the pod's connection is reset.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Sequence

from wherry.linux.fabric import Fabric
from wherry.network.outbound import End, joined, reset

log = logging.getLogger(__name__)

#: connections at a time; more are reset. Seconds in which a server has to answer
MOST, PATIENCE = 4096, 5.0


class ApiRelay:
    """`at`: address and port of the Service; `servers`: where the API server is, the best first."""

    def __init__(self, fabric: Fabric, at: tuple[str, int], servers: Callable[[], Sequence[tuple[str, int]]]) -> None:
        self._fabric, self._at, self._servers = fabric, at, servers
        self._tasks: set[asyncio.Task[None]] = set()
        self.listening = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled. Raises OSError when the address cannot be had."""
        await self._fabric.address(self._at[0])
        [made] = await self._fabric.sockets()
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(self._at)
        except OSError:
            made.close()
            raise
        server = await asyncio.start_server(self._serve, sock=made, backlog=1024)
        self.listening.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.listening.clear()
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        there = await self._dialed() if len(self._tasks) < MOST else None
        if there is None:
            reset(writer)
            return
        self._tasks.add(task)
        try:
            await joined((reader, writer), there)
        finally:
            self._tasks.discard(task)

    async def _dialed(self) -> End | None:
        for host, port in self._servers():
            try:
                async with asyncio.timeout(PATIENCE):
                    return await asyncio.open_connection(host, port)
            except (OSError, TimeoutError) as error:
                log.info("the API server at %s:%s does not answer a pod: %s", host, port, error)
        return None
