"""The ingress controller's HTTP server: it finds the pod for each request and passes the request on.

Made by `controller`, which tells it the table. Errors of its own are short texts: 404 where nobody serves a host and path, 503 where nobody
is behind it, 502 where pods do not answer. A request that was not sent, or may be sent twice, goes to another pod before that.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Container
from typing import Any, NamedTuple
from urllib.parse import unquote

from aiohttp import web

from wherry.network.ingress import switching
from wherry.network.ingress.counts import Counts
from wherry.network.ingress.dialing import NotConnected, Way
from wherry.network.ingress.known import Known
from wherry.network.ingress.passing import NotAnswered, passed
from wherry.rules.networking.ingress.endpoints import Target
from wherry.rules.networking.ingress.headers import Client
from wherry.rules.networking.ingress.matching import match
from wherry.rules.networking.ingress.picking import pick
from wherry.rules.networking.ingress.table import Backend, Table
from wherry.streams.takeover import Handler

log = logging.getLogger(__name__)

#: how a request is counted whose client left before its answer was whole, as reverse proxies commonly do
_LEFT = 499
#: how many pods are asked for one request
_TRIES = 3
_BACKLOG = 1024
#: seconds that an idle connection of a client is kept, and that the end of a TLS connection may take
_IDLE, _GOODBYE = 75.0, 0.2
_LIMITS: dict[str, Any] = {"max_line_size": 64 * 1024, "max_field_size": 64 * 1024}


class Listening(NamedTuple):
    """The ports; 0 where none is listened on."""

    http: int = 0
    https: int = 0


class _Server(web.Server):
    def __call__(self) -> Handler:
        return Handler(self, loop=self._loop, **self._kwargs)


class IngressServer:
    """Start it, tell it the table, close it."""

    def __init__(self, known: Known, way: Way, counts: Counts) -> None:
        self._known, self._way, self._counts = known, way, counts
        self.table = Table()
        self._turn = 0
        self._server: _Server | None = None
        self._listeners: list[asyncio.Server] = []
        #: requests under way, by the uid of the pod that has them, and who waits until there are none
        self._under_way: dict[str, int] = {}
        self._waiting: dict[str, list[asyncio.Future[None]]] = {}

    async def listen(self, host: str, http: int, https: int, context: ssl.SSLContext) -> Listening:
        """0 takes any port that is free. Raises OSError with the port in its text; nothing is listened on then."""
        self._server = _Server(self._answer, access_log=None, auto_decompress=False, handler_cancellation=True,
                               keepalive_timeout=_IDLE, lingering_time=1.0, **_LIMITS)
        try:
            return Listening(await self._listen(host, http, None), await self._listen(host, https, context))
        except OSError:
            await self.close(0.0)
            raise

    async def _listen(self, host: str, port: int, context: ssl.SSLContext | None) -> int:
        assert self._server is not None
        goodbye = _GOODBYE if context is not None else None
        try:
            listener = await asyncio.get_running_loop().create_server(
                self._server, host, port, ssl=context, ssl_shutdown_timeout=goodbye, backlog=_BACKLOG, reuse_address=True
            )
        except OSError as error:
            raise OSError(error.errno, f"{host}:{port}: {error.strerror or error}") from error
        self._listeners.append(listener)
        bound: int = listener.sockets[0].getsockname()[1]
        return bound

    async def quiet(self, pod: str) -> None:
        """Until no request is under way at the pod; those that became another protocol do not count."""
        if pod in self._under_way:
            waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.setdefault(pod, []).append(waiting)
            await waiting

    async def close(self, grace: float) -> None:
        """Takes no new connections; requests may finish for `grace` seconds."""
        for listener in self._listeners:
            listener.close()
        self._listeners = []
        server, self._server = self._server, None
        if server is not None:
            server.pre_shutdown()
            await server.shutdown(grace)

    # --- one request ---
    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        host, begun = request.headers.get("Host", ""), asyncio.get_running_loop().time()
        path = request.raw_path.partition("?")[0]
        backend = match(self.table, host, unquote(path) if "%" in path else path)
        code = _LEFT
        try:
            if backend is None:
                answer: web.StreamResponse = _text(404, "no Ingress serves this host and path")
            else:
                answer = await self._from(backend, request, _client(request, host))
            code = answer.status
        finally:
            code = 101 if switching.is_switched(request) else code
            self._counts.add(backend.key if backend is not None else "", code, asyncio.get_running_loop().time() - begun)
        return answer

    async def _from(self, backend: Backend, request: web.BaseRequest, client: Client) -> web.StreamResponse:
        protocol = switching.wanted(request)
        tried: set[Target] = set()
        why = ""
        while len(tried) < _TRIES and (target := self._pick(backend, tried)) is not None:
            tried.add(target)
            try:
                if protocol:
                    return await switching.switched(self._way, target, request, client, protocol)
                return await self._passed(target, request, client)
            except NotConnected as error:
                why = str(error)
            except NotAnswered as error:
                why = str(error)
                if not error.again:
                    break
        if not tried:
            return _text(503, f"no endpoint of service {backend.key} is ready")
        log.info("%s %s: no answer of service %s: %s", request.method, request.raw_path, backend.key, why)
        return _text(502, f"the endpoints of service {backend.key} do not answer")

    def _pick(self, backend: Backend, tried: Container[Target]) -> Target | None:
        self._turn += 1
        return pick(self._known.targets(backend), self._turn, self._known.leaving, tried)

    async def _passed(self, target: Target, request: web.BaseRequest, client: Client) -> web.StreamResponse:
        """Raises NotConnected, NotAnswered."""
        pod = target.pod
        self._under_way[pod] = self._under_way.get(pod, 0) + 1
        try:
            return await passed(self._way, target, request, client)
        finally:
            self._under_way[pod] -= 1
            if not self._under_way[pod]:
                del self._under_way[pod]
                for each in self._waiting.pop(pod, ()):
                    if not each.done():
                        each.set_result(None)


def _client(request: web.BaseRequest, host: str) -> Client:
    transport = request.transport
    own = transport.get_extra_info("sockname") if transport is not None else None
    secure = transport is not None and transport.get_extra_info("sslcontext") is not None
    return Client(request.remote or "", "https" if secure else "http", host, own[1] if own else 0)


def _text(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=f"{text}\n", headers={"Server": "wherry"})

