"""What a process that only reads passes on: every request but reads of stored objects goes to the first process of the cluster.

Asked by `app` in a further process (`wherry.cluster.read_process`), once it is known who asks; the first process serves what comes over its
socket as of whom the headers name (`named`), and decides whether he may. So writes, admission, connections to pods, faults and what the
parts count are in one place, and a further process needs nothing but the objects.
Source of the headers: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#authenticating-proxy.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from urllib.parse import unquote

import aiohttp
from aiohttp import web

from wherry.api.errors import Unauthorized
from wherry.api.options import User
from wherry.registry.verbs.metrics_api import GROUP as METRICS
from wherry.server.call import Call
from wherry.server.held import held, streamed
from wherry.server.other_servers import HEADERS, headers
from wherry.server.proxying import Upstream, fetch_by, session_on, switched
from wherry.server.routes import Route
from wherry.server.wire import Answer, Server
from wherry.streams.dialing import Place

_READS = ("get", "list", "watch")
#: subresources that show what is stored
_SHOWN = ("", "status", "scale")
_FIRST = Place("the-first-process", 80)


class Passing:
    """`first`: path of the first process's socket. Ends with `close`."""

    def __init__(self, first: str) -> None:
        self._first = first
        self._session = session_on(aiohttp.UnixConnector(first, limit=0))

    def concerns(self, route: Route | None, verb: str) -> bool:
        """Whether a request is not for a process that only reads."""
        if route is None or verb not in _READS:
            return True
        row = route.target.resource
        if route.target.subresource not in _SHOWN or row.group == METRICS or "get" not in row.verbs:
            return True
        return row.custom is not None and row.custom.asks_webhook

    async def serve(self, server: Server, call: Call, common: bytes) -> Answer:
        """What the first process answers. Raises StatusError."""
        upstream = Upstream(_FIRST, call.request.raw_path, self._open, headers=tuple(headers(call.who)))
        if "upgrade" in call.header("Connection").lower():
            return await held(server, call, switched(upstream, call.request))
        return await streamed(server, call, fetch_by(self._session, upstream, call, common))

    async def close(self) -> None:
        await self._session.close()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_unix_connection(self._first)


def named(request: web.BaseRequest) -> User:
    """Whom the headers name, of a sender who is believed. Raises Unauthorized when they name nobody."""
    found = request.headers
    name = found.get(HEADERS["username"], "")
    if not name:
        raise Unauthorized("Unauthorized")
    extra: dict[str, list[str]] = {}
    for key, value in _after(found.items(), HEADERS["extra"].lower()):
        extra.setdefault(unquote(key), []).append(value)
    groups = tuple(found.getall(HEADERS["group"], ()))
    return User(name, found.get(HEADERS["uid"], ""), groups, tuple((key, tuple(values)) for key, values in extra.items()))


def _after(headers: Iterable[tuple[str, str]], prefix: str) -> Iterable[tuple[str, str]]:
    return ((name.lower().removeprefix(prefix), value) for name, value in headers if name.lower().startswith(prefix))
