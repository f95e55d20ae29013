"""The node's HTTPS server: who asks, may they, and what is it about.

Started by whoever runs a node that others must reach (`wherry node`). Errors are texts, as the kubelet's are; what the node does not serve
is refused by name.
Source: pkg/kubelet/server/server.go.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from typing import Any

import msgspec
from aiohttp import web

from wherry.api.errors import ServiceUnavailable, StatusError
from wherry.api.objects import Obj
from wherry.kit import metrics_text
from wherry.node.api import kubelet_metrics
from wherry.node.api.access import Access
from wherry.node.api.paths import Asked, asked
from wherry.node.api.pods import PodRequests, Pods
from wherry.node.api.reports import Reports
from wherry.streams import takeover

_log = logging.getLogger(__name__)
_PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
#: gives the kubelet's configuration, as far as it is one
Config = Callable[[], Obj]


class _Server(web.Server):
    def __call__(self) -> takeover.Handler:
        return takeover.Handler(self, loop=self._loop, **self._kwargs)


class NodeApi:
    """Use `start` and `stop` once each. Until `serve` it answers that it is not ready.

    `access` None: whoever connects was let through before.
    """

    def __init__(self, access: Access | None, config: Config, node: str) -> None:
        self._access, self._config, self._reports, self._node = access, config, Reports(node), node
        self._pods: Pods | None = None
        self._requests: PodRequests | None = None
        self._server: _Server | None = None
        self._listener: asyncio.Server | None = None

    def serve(self, pods: Pods, requests: PodRequests) -> None:
        """The pods are known from now on."""
        self._pods, self._requests = pods, requests

    async def start(self, host: str, port: int, context: ssl.SSLContext) -> int:
        """Listens; the port is the answer. `context` must ask for client certificates. Raises OSError."""
        self._server = _Server(self._handle, access_log=None, handler_cancellation=True)
        self._listener = await asyncio.get_running_loop().create_server(self._server, host, port, ssl=context)
        bound: int = self._listener.sockets[0].getsockname()[1]
        return bound

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection within this process, without TLS: the asking end of it."""
        loop = asyncio.get_running_loop()
        if self._server is None:
            self._server = _Server(self._handle, access_log=None, handler_cancellation=True)
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        await loop.connect_accepted_socket(self._server, ours)
        theirs.setblocking(False)
        return await asyncio.open_connection(sock=theirs)

    async def stop(self) -> None:
        """Ends what is under way."""
        if self._listener is not None:
            self._listener.close()
        if self._server is not None:
            await self._server.shutdown(0.2)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            if self._access is not None:
                await self._access.check(request)
            meant = asked(request.path)
            if meant is None:
                return web.Response(status=404, text="404 page not found\n")
            return await self._answer(request, meant)
        except StatusError as error:
            return web.Response(status=error.code, text=f"{error}\n")
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception:
            if not takeover.is_taken(request):
                raise
            _log.exception("the connection of %s ended", request.path)
            return takeover.Over()

    async def _answer(self, request: web.BaseRequest, meant: Asked) -> web.StreamResponse:
        if self._pods is None or self._requests is None:
            raise ServiceUnavailable("the node is starting")
        match meant.what:
            case "healthz":
                return web.Response(text="ok")
            case "pods":
                return _json({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": self._pods.all()})
            case "configz":
                return _json({"kubeletconfig": self._config()})
            case "stats" if meant.rest == "summary":
                return _json(await self._reports.summary(self._pods))
            case "metrics" if meant.rest == "resource":
                return web.Response(text=await self._reports.metrics(self._pods), headers={"Content-Type": _PROMETHEUS})
            case "metrics" if not meant.rest:
                found = kubelet_metrics.families(self._node, self._pods.all())
                body, content_type = metrics_text.text(found, request.headers.get("Accept", ""))
                return web.Response(body=body, headers={"Content-Type": content_type})
            case "stats" | "metrics":
                raise StatusError(f"wherry does not serve {request.path} on this node", code=501, reason="NotImplemented")
        return await self._requests.serve(request, meant)


def _json(value: Any) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")
