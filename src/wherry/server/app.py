"""The API server: HTTP over the registry, a client of it like any other.

Started by the cluster. For each request: who asks, may they, what is it about, and the reply; every error becomes a Status. Watches and
log streams end at once when the server stops, other requests are let finish. Nothing is logged per request unless a logger is given.
Source: https://kubernetes.io/docs/reference/using-api/api-concepts/; k8s.io/apiserver/pkg/server/config.go (order of the filters).
"""

from __future__ import annotations

import asyncio
import logging
import random
import socket
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Self

from aiohttp import web

from wherry.api.errors import BadRequest, InternalError, StatusError, Unauthorized
from wherry.api.options import ADMIN, User
from wherry.kit import metrics_text
from wherry.kit.clock import Clock
from wherry.kit.metrics import Source
from wherry.kit.turns import somebody_asks
from wherry.registry.registry import Registry
from wherry.rules.schema.decode import depth
from wherry.server import connection, deadlines, debug, health, rendering, routes, tokens_discovery
from wherry.server.access import Access, attributes
from wherry.server.admission_authorizer import deciding
from wherry.server.authentication import AUTHENTICATED, Authentication, Authenticator, Certificates, FirstOf, Tokens
from wherry.server.authorization import MASTERS, Authorizer, FirstThatAllows, Rbac
from wherry.server.authorization_node import Nodes
from wherry.server.call import Call
from wherry.server.connections import Connections
from wherry.server.documents import Documents
from wherry.server.elsewhere import Elsewhere
from wherry.server.gateway import NodeGateway, Simulated
from wherry.server.health import Checks, Health
from wherry.server.interference import Interference
from wherry.server.metrics import Metrics, asked
from wherry.server.nodes import Kubelets
from wherry.server.other_discovery import OtherDiscovery
from wherry.server.resources import Resources
from wherry.server.reviews import Reviews
from wherry.server.routes import Route
from wherry.server.tls_listener import TlsListener
from wherry.server.tokens import BootstrapTokens, ServiceAccountTokens
from wherry.server.watching import Watching
from wherry.server.wire import Answer, Date, Reply, Server

if TYPE_CHECKING:
    from wherry.server.audit import Audit, Trail
    from wherry.server.passing import Passing

#: who sent a request, where that is known without credentials
Sender = Callable[[web.BaseRequest], User]

_log = logging.getLogger(__name__)
#: seconds a client gets to answer the end of its TLS connection before the connection is cut
_GOODBYE = 0.2
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
#: who asks where nobody is asked who they are
UNSECURED = User("system:unsecured", groups=(MASTERS, AUTHENTICATED))


class ApiServer:
    """`ready` says which parts of the cluster work; `rng` draws audit ids and the length of unlimited watches."""

    def __init__(self, registry: Registry, clock: Clock, *, authenticator: Authenticator, gateway: NodeGateway, ready: Checks,
                 authorizer: Authorizer | None = None, anonymous: bool = True,
                 kubelets: Kubelets | None = None, rng: random.Random | None = None,
                 access_log: logging.Logger | None = None) -> None:  # fmt: skip
        self._table, self._clock = registry.table, clock
        self._rng = rng or random.Random()
        authorizer = authorizer or FirstThatAllows([Nodes(registry.store), Rbac(registry.policy)])
        registry.outside.decide = deciding(authorizer)
        sources = (ServiceAccountTokens(registry, clock.now), BootstrapTokens(registry, clock.now))
        authentication = Authentication(authenticator, sources, registry.issuer.audiences)
        self._issuer = registry.issuer
        self._access = Access(authentication, authorizer, anonymous=anonymous)
        self._documents, self._measures = Documents(registry.table), registry.metrics_api
        #: other API servers; whoever knows the way to them sets it
        self.elsewhere = Elsewhere(registry)
        self._others = OtherDiscovery(registry, self.elsewhere, clock.now)
        self._health, self._metrics, self._date = Health(ready), Metrics(), Date()
        reviews = Reviews(authentication, authorizer, clock.now)
        self._resources = Resources(registry, clock, Watching(clock, self._rng.random), Connections(registry, gateway, kubelets), reviews)
        #: in a process that only reads: where all other requests go
        self.passing: Passing | None = None
        #: faults that are put in the way of requests
        self.interference: Interference | None = None
        #: what is recorded of requests, and where
        self.audit: Audit | None = None
        #: what other parts count, shown with what is counted here, and what `/debug/` shows
        self.families: Source = tuple
        self.views: debug.Views = {}
        self._under_way = 0
        self._servers: list[Server] = []
        self._listeners: list[asyncio.Server | TlsListener] = []
        self._access_log = access_log

    @classmethod
    def for_admin(cls, registry: Registry, clock: Clock, token: str, ready: Checks, *, gateway: NodeGateway | None = None,
                  kubelets: Kubelets | None = None, rng: random.Random | None = None) -> Self:  # fmt: skip
        """A server that knows one user by token, the administrator, and everyone with a certificate of the cluster's CA."""
        known = FirstOf((Certificates(), Tokens({token: ADMIN})))
        return cls(registry, clock, authenticator=known, gateway=gateway or Simulated(), kubelets=kubelets, ready=ready, rng=rng)

    async def start(self, host: str = "127.0.0.1", port: int = 0, ssl_context: ssl.SSLContext | None = None, *,
                    shared: bool = False) -> int:  # fmt: skip
        """Listens, on one more port with every call; the port is the answer (0 asks for any). `shared`: as of `tls_listener.bound`."""
        return await self._listen(host, port, ssl_context, None, shared)

    async def start_insecure(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listens without TLS and asks nobody who they are: everyone who can connect may do everything. Only for the loopback interface."""
        if host not in _LOOPBACK:
            raise ValueError(f"a port without authentication is only served on the loopback interface, not on {host}")
        return await self._listen(host, port, None, lambda request: UNSECURED)

    def start_on(self, sockets: list[socket.socket], ssl_context: ssl.SSLContext) -> None:
        """Serves on sockets that listen already, of another network too; they are closed when the server stops. Not on virtual time."""
        server = self._made(None)
        self._servers.append(server)
        self._listeners.append(TlsListener(sockets, server, ssl_context, _GOODBYE))

    async def start_local(self, path: str, sender: Sender) -> None:
        """Listens at a Unix socket for processes that are believed; `sender`: who asks, by a request's headers. Raises OSError."""
        server = self._made(sender)
        self._servers.append(server)
        self._listeners.append(await asyncio.get_running_loop().create_unix_server(server, path, backlog=1024))

    @property
    def sockets(self) -> list[socket.socket]:
        """Those at which it listens with TLS."""
        return [sock for listener in self._listeners if isinstance(listener, TlsListener) for sock in listener.sockets]

    def _made(self, sender: Sender | None) -> Server:
        server: Server

        async def handle(request: web.BaseRequest) -> Answer:
            self._under_way += 1
            try:
                return await self._handle(server, request, sender)
            finally:
                self._under_way -= 1

        server = Server(handle, access_log=None, auto_decompress=False, **connection.limits(asyncio.get_running_loop()))
        return server

    async def _listen(self, host: str, port: int, ssl_context: ssl.SSLContext | None, sender: Sender | None,
                      shared: bool = False) -> int:  # fmt: skip
        loop, server = asyncio.get_running_loop(), self._made(sender)
        listener: asyncio.Server | TlsListener
        if ssl_context is None:
            listener = await loop.create_server(server, host, port, backlog=1024)
        elif hasattr(loop, "outside"):
            # on virtual time the loop itself listens: it must know who is outside, and a listener's patience would be virtual seconds
            listener = await loop.create_server(server, host, port, ssl=ssl_context, ssl_shutdown_timeout=_GOODBYE, backlog=1024)
        else:
            listener = await TlsListener.on(host, port, server, ssl_context, _GOODBYE, shared=shared)
        self._servers.append(server)
        self._listeners.append(listener)
        bound: int = listener.sockets[0].getsockname()[1]
        return bound

    async def stop(self, grace: float = 10.0) -> None:
        """Takes no new connections, ends watches at once, lets requests finish for up to `grace` seconds. Safe to call twice."""
        self._health.stopping = True
        listeners, servers = self._listeners, self._servers
        self._listeners, self._servers = [], []
        for listener in listeners:
            listener.close()
        for server in servers:
            server.end_long()
            server.pre_shutdown()
        await asyncio.gather(*(server.shutdown(grace) for server in servers))
        await asyncio.gather(*(server.closed() for server in servers))
        if self.audit is not None:
            self.audit.close()

    @property
    def watches(self) -> int:
        """Long requests under way."""
        return sum(server.long_requests for server in self._servers)

    @property
    def connections(self) -> int:
        """Clients that are connected."""
        return sum(len(server.connections) for server in self._servers)

    async def _handle(self, server: Server, request: web.BaseRequest, sender: Sender | None) -> Answer:
        somebody_asks()
        started = asyncio.get_running_loop().time()
        call = Call(request)
        common = self._common(request)
        verb, route = call.method.lower(), None
        try:
            if sender is not None:
                call.user = sender(request)
            parts = routes.split(call.path)
            route = self._route(parts)
            if route is not None:
                verb = self._verb(call, route)
            work = self._answer(server, call, parts, route, verb, common)
            answer = await (deadlines.kept(call, route, verb, work) if "timeout=" in call.query else work)
        except StatusError as error:
            answer = rendering.error_reply(call, error)
        except (ConnectionError, asyncio.CancelledError):
            if self.audit is not None:
                self.audit.cut(request)
            raise
        except RecursionError:
            # nested more deeply than the rules can follow, although the readers of bodies have a limit
            answer = rendering.error_reply(call, BadRequest(depth.FAULT))
        except Exception as error:
            _log.exception("%s %s failed", call.method, call.path)
            if self.audit is not None:
                self.audit.panic(request, error)
            answer = rendering.error_reply(call, InternalError(f"Internal error occurred: {error}"))
        if isinstance(answer, Reply):
            answer.common = common
        if self.audit is not None:
            self.audit.end(request, answer)
        took = asyncio.get_running_loop().time() - started
        self._metrics.count(asked(verb.upper(), route, "dryRun=" in call.query), answer.code, took)
        if self._access_log is not None:
            self._access_log.info("%s %s %d %.1fms", call.method, request.raw_path, answer.code, took * 1000)
        return answer

    async def _recorded(self, audit: Audit, call: Call, parts: list[str], route: Route | None, verb: str, common: bytes
                        ) -> tuple[User, Trail | None]:  # fmt: skip
        """The caller, and the trail of the request when the audit policy wants one. Raises Unauthorized."""
        asked = attributes(call, parts, route, verb)
        audit_id = common[len(b"Audit-Id: ") :].partition(b"\r")[0].decode(errors="replace")
        try:
            user = call.user or await self._access.identify(call)
        except Unauthorized:
            audit.refuse(call, asked, audit_id, self._access.attempted(call))
            raise
        return user, audit.begin(call, user, asked, audit_id)

    def _metrics_reply(self, call: Call) -> Reply:
        own = self._metrics.families(self.watches, self._under_way)
        return Reply(200, *metrics_text.text([*own, *self.families()], call.request.headers.get("Accept", "")))

    def _common(self, request: web.BaseRequest) -> bytes:
        """The lines that every reply has."""
        given = request.headers.get("Audit-ID")
        if given is None:
            bits = self._rng.getrandbits(128)
            text = f"{bits:032x}"
            given = f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{8 + (bits & 3):x}{text[17:20]}-{text[20:]}"
        return b"Audit-Id: %b\r\n%b" % (given[:64].encode(errors="replace"), self._date.line(self._clock.now()))

    def _route(self, parts: list[str]) -> Route | None:
        """The resource that a path is about, if it is about one."""
        first, count = parts[0], len(parts)
        if (first == "api" and count > 2) or (first == "apis" and count > 3):
            return routes.resolve(self._table, parts)
        return None

    @staticmethod
    def _verb(call: Call, route: Route) -> str:
        verb = route.verb(call.method)
        if verb in ("list", "get") and "watch" in call.query and not route.target.subresource and call.parameters.flag("watch"):
            # `?watch=1` on one object is not a watch, it is a get
            return "watch" if verb == "list" and "watch" in route.target.resource.verbs else verb
        return verb

    async def _answer(self, server: Server, call: Call, parts: list[str], route: Route | None, verb: str, common: bytes) -> Answer:
        if self.passing is not None and self.passing.concerns(route, verb):
            call.user = await self._access.impersonated(call, call.user or await self._access.identify(call), parts, route, verb, None)
            return await self.passing.serve(server, call, common)
        if parts[0] in health.PATHS and "Authorization" not in call.request.headers and not routes.is_nowhere(call.path):
            return self._health.reply(parts, call.parameters)
        trail = None
        if self.audit is None:
            user = call.user or await self._access.identify(call)
        else:
            user, trail = await self._recorded(self.audit, call, parts, route, verb, common)
        call.user = await self._access.impersonated(call, user, parts, route, verb, trail)
        await self._access.allow(call, call.user, parts, route, verb, trail)
        if routes.is_nowhere(call.path):
            return rendering.not_found_text()
        if route is not None:
            if not verb:
                return self._documents.impossible(call, route)
            if self.interference is not None and self.interference.concerns(verb):
                await self.interference.before(call, route, verb)
            return await self._resources.serve(server, call, route, verb, common)
        if parts[0] in health.PATHS:
            return self._health.reply(parts, call.parameters)
        if parts == ["metrics"]:
            return self._metrics_reply(call)
        if parts[0] == "debug":
            return debug.reply(parts, self.views)
        if parts[0] == "apis" and len(parts) > 2 and (other := await self.elsewhere.find(parts[1], parts[2])) is not None:
            return await self.elsewhere.serve(server, call, other, common)
        if (parts[0] == "api" and len(parts) > 2) or (parts[0] == "apis" and len(parts) > 3):
            return self._documents.missing(call, parts)
        if (found := tokens_discovery.reply(self._issuer, call, "/" + "/".join(parts))) is not None:
            return found
        if parts[0] == "apis":
            await self._measures.look()
            return self._documents.reply(call, parts, await self._others.look())
        return self._documents.reply(call, parts)
