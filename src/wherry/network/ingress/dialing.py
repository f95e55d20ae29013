"""Connections from the ingress controller to pods: sockets of the fabric, a stock of them ready, and what aiohttp's client makes of them.

A socket comes from the helper in a message, so some are fetched ahead. Kept connections are aiohttp's; a request that must not be sent
twice takes one of its own (`Way.fresh`).
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from typing import TYPE_CHECKING

import aiohttp
from aiohttp.client_proto import ResponseHandler

from wherry.linux.fabric import Fabric

if TYPE_CHECKING:
    from aiohttp.client_reqrep import ClientRequest
    from aiohttp.tracing import Trace

#: sockets that are fetched at a time, and how few may be left before more are
_BATCH, _FEW = 48, 16
#: seconds to connect to a pod
CONNECT = 5.0
#: seconds that an idle connection to a pod is kept: shorter than servers commonly keep theirs
IDLE = 4.0


class NotConnected(aiohttp.ClientConnectionError):
    """Nothing was sent: another endpoint may be tried."""


class Dialer:
    """Connected sockets. Close it."""

    def __init__(self, fabric: Fabric) -> None:
        self._fabric = fabric
        self._stock: deque[socket.socket] = deque()
        self._filling: asyncio.Task[None] | None = None

    async def connect(self, address: str, port: int) -> socket.socket:
        """Raises NotConnected."""
        try:
            made = await self._take(address)
        except Exception as error:  # the fabric is gone, or the kernel has none to give
            raise NotConnected(str(error)) from error
        try:
            async with asyncio.timeout(CONNECT):
                await asyncio.get_running_loop().sock_connect(made, (address, port))
        except OSError as error:  # TimeoutError is one
            made.close()
            raise NotConnected(f"{address}:{port}: {error.strerror or 'timed out'}") from error
        except BaseException:
            made.close()
            raise
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    async def _take(self, address: str) -> socket.socket:
        if ":" in address:
            return (await self._fabric.sockets(ipv6=True))[0]
        if len(self._stock) < _FEW and self._filling is None:
            self._filling = asyncio.get_running_loop().create_task(self._fill(), name="sockets of the ingress controller")
        return self._stock.popleft() if self._stock else (await self._fabric.sockets())[0]

    async def _fill(self) -> None:
        try:
            self._stock.extend(await self._fabric.sockets(count=_BATCH))
        except Exception:
            return  # whoever takes one meets it
        finally:
            self._filling = None

    async def close(self) -> None:
        if self._filling is not None:
            self._filling.cancel()
            await asyncio.gather(self._filling, return_exceptions=True)
        while self._stock:
            self._stock.popleft().close()


class _Connector(aiohttp.BaseConnector):
    def __init__(self, dialer: Dialer, *, keep: bool) -> None:
        if keep:
            super().__init__(limit=0, keepalive_timeout=IDLE)
        else:
            super().__init__(limit=0, force_close=True)
        self._dialer = dialer

    async def _create_connection(self, req: ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout) -> ResponseHandler:
        address, port = req.url.raw_host, req.url.port
        assert address is not None
        assert port is not None
        made = await self._dialer.connect(address, port)
        loop = asyncio.get_running_loop()
        try:
            _, protocol = await loop.create_connection(lambda: ResponseHandler(loop), sock=made)
        except OSError as error:
            made.close()
            raise NotConnected(str(error)) from error
        return protocol


class Way:
    """Two clients over one dialer: `kept` uses connections again, `fresh` never does."""

    def __init__(self, fabric: Fabric) -> None:
        self.dialer = Dialer(fabric)
        self.kept = self._session(keep=True)
        self.fresh = self._session(keep=False)

    def _session(self, *, keep: bool) -> aiohttp.ClientSession:
        # no limit of time: an answer may be a stream, and who asks knows how long it waits
        return aiohttp.ClientSession(
            connector=_Connector(self.dialer, keep=keep), auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
        )  # fmt: skip

    async def close(self) -> None:
        await self.kept.close()
        await self.fresh.close()
        await self.dialer.close()
