"""Which version of a stream protocol two sides speak over SPDY, and how the connection is switched to it.

Called by `remote_command_spdy` and `port_forward`. Texts are the reference's.
Source: k8s.io/streaming/pkg/httpstream/httpstream.go (Handshake), spdy/upgrade.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from wherry.api.errors import BadRequest, StatusError
from wherry.streams import takeover
from wherry.streams.wire import Raw

SPDY = "SPDY/3.1"
VERSION, ACCEPTED = "X-Stream-Protocol-Version", "X-Accepted-Stream-Protocol-Versions"
EXEC = ("v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io")
FORWARD = ("portforward.k8s.io",)


def is_websocket(request: web.BaseRequest) -> bool:
    return request.headers.get("Upgrade", "").lower() == "websocket" and _switches(request)


def is_spdy(request: web.BaseRequest) -> bool:
    return SPDY.lower() in request.headers.get("Upgrade", "").lower() and _switches(request)


def _switches(request: web.BaseRequest) -> bool:
    return any("upgrade" in value.lower() for value in request.headers.getall("Connection", []))


def check(request: web.BaseRequest) -> None:
    """Raises BadRequest for a request that asks for no connection."""
    if not is_websocket(request) and not is_spdy(request):
        raise BadRequest("Upgrade request required")


def version(request: web.BaseRequest, known: Sequence[str]) -> str:
    """The first version of the client's that is known. Raises BadRequest, StatusError (403)."""
    values = request.headers.getall(VERSION, [])
    if not values:
        raise BadRequest(f"unable to upgrade: header {VERSION} does not exist in request with {len(request.headers)} headers")
    offered = [name for value in values for part in value.split(",") if (name := part.strip())]
    if not offered:
        raise BadRequest(f"unable to upgrade: header {VERSION} contains [{' '.join(values)}], but no valid protocols")
    for name in offered:
        if name in known:
            return name
    why = f"client supports [{' '.join(offered)}], server accepts [{' '.join(known)}]"
    raise StatusError(f"unable to upgrade: unable to negotiate protocol: {why}", code=403, reason="Forbidden")


def switch(request: web.BaseRequest, chosen: str) -> Raw:
    """The connection carries SPDY from now on. Raises ConnectionResetError."""
    return takeover.take(request, (("Connection", "Upgrade"), ("Upgrade", SPDY), (VERSION, chosen)))
