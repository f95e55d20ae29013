"""What of a request's and an answer's headers is passed on, and what the controller says of the client.

What concerns one connection stays on it; X-Forwarded-* of a client are not believed: they are replaced.
Source: RFC 9110 section 7.6.1 (Connection, Upgrade), RFC 7230 section 6.1; X-Forwarded-* as reverse proxies commonly set them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

Header = tuple[str, str]

_HOP = frozenset({
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding",
    "upgrade",
})  # fmt: skip
_SAID_BY_US = frozenset({
    "x-forwarded-for", "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto", "x-forwarded-server", "x-real-ip", "forwarded",
})  # fmt: skip


class Client(NamedTuple):
    """Who asks, and where: `scheme` http or https, `port` the one it knocked at."""

    address: str
    scheme: str
    host: str
    port: int


def to_backend(headers: Iterable[Header], client: Client, *, upgrade: str = "") -> list[Header]:
    """Of the request that is passed on. `upgrade`: the protocol that is asked for instead of HTTP."""
    listed = list(headers)
    dropped = _HOP | _SAID_BY_US | _named(listed) | {"expect"}
    kept = [(name, value) for name, value in listed if name.lower() not in dropped]
    kept += [
        ("X-Forwarded-For", client.address), ("X-Forwarded-Host", client.host), ("X-Forwarded-Port", str(client.port)),
        ("X-Forwarded-Proto", client.scheme), ("X-Real-IP", client.address),
    ]  # fmt: skip
    return [*kept, ("Connection", "Upgrade"), ("Upgrade", upgrade)] if upgrade else kept


def to_client(headers: Iterable[Header]) -> list[Header]:
    """Of the answer."""
    listed = list(headers)
    dropped = _HOP | _named(listed)
    return [(name, value) for name, value in listed if name.lower() not in dropped]


def _named(headers: Iterable[Header]) -> frozenset[str]:
    """Headers that Connection declares to be of this connection only."""
    words = [word.strip().lower() for name, value in headers if name.lower() == "connection" for word in value.split(",")]
    return frozenset(words) - {"content-length", "host"}
