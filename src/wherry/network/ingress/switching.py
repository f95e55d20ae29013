"""A request for another protocol than HTTP (WebSocket, above all): passed on to a pod, and after its 101 bytes both ways.

Called by `serving`. HTTP/2 is not offered: a request to go over to it is answered in HTTP/1.1, which RFC 9113 leaves to the server.
"""

from __future__ import annotations

import asyncio

from aiohttp import web

from wherry.network.ingress.dialing import NotConnected, Way
from wherry.network.ingress.passing import NotAnswered
from wherry.rules.networking.ingress.endpoints import Target
from wherry.rules.networking.ingress.headers import Client, Header, to_backend, to_client
from wherry.streams import relay, takeover
from wherry.streams.dialing import DialFailed, Place, ask

_LIMIT = 64 * 1024


def wanted(request: web.BaseRequest) -> str:
    """The protocol that is asked for; "" for plain HTTP."""
    asked = request.headers.get("Upgrade", "")
    if not asked or "upgrade" not in request.headers.get("Connection", "").lower():
        return ""
    return "" if asked.lower().startswith("h2c") else asked


def is_switched(request: web.BaseRequest) -> bool:
    """It was granted."""
    return isinstance(request.protocol, takeover.Handler) and request.protocol.raw is not None


async def switched(way: Way, target: Target, request: web.BaseRequest, client: Client, protocol: str) -> web.StreamResponse:
    """Until either side ends it; the pod's own answer when that is no 101. Raises NotConnected, NotAnswered."""
    made = await way.dialer.connect(target.address, target.port)
    try:
        reader, writer = await asyncio.open_connection(sock=made, limit=_LIMIT)
    except OSError as error:
        made.close()
        raise NotConnected(str(error)) from error
    try:
        place = Place(target.address, target.port)
        headers = to_backend(_texts(request), client, upgrade=protocol)
        answer = await ask(place, reader, writer, request.method, request.raw_path, headers)
        if answer.status != 101:
            given = web.Response(status=answer.status, body=answer.body)
            for name, value in to_client(answer.headers):
                if name.lower() != "content-length":
                    given.headers.add(name, value)
            return given
        await relay.join(takeover.take(request, answer.headers), answer.wire)
        return takeover.Over()
    except DialFailed as error:
        raise NotAnswered(str(error), again=False) from error
    finally:
        writer.close()


def _texts(request: web.BaseRequest) -> list[Header]:
    return [(name.decode("latin-1"), value.decode("utf-8", "surrogateescape")) for name, value in request.raw_headers]
