"""Calling webhooks: one POST of JSON, with the CA the configuration says, to a URL or to the address behind a Service.

Given to the registry by the cluster. A Service's endpoints take turns, and where nobody answers the next is tried: nothing was sent yet.
Errors are worded as Go's HTTP client words them, because they go into the answers of refused writes. aiohttp's client is imported with the
first call; connections are kept alive.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from wherry.kit.bodies import whole
from wherry.registry.outside.calls import Address, Call, CallFailed

if TYPE_CHECKING:
    import aiohttp

#: seconds to open a connection to an address behind a Service: it is near, or not there
_NEAR = 3.0
#: bytes of an answer, more are refused
_LARGEST = 16 * 1024 * 1024


class Inside(Protocol):
    """The network of the cluster's pods, where this process is not on it."""

    def has(self, address: str) -> bool:
        """Whether it is an address of that network."""
        ...

    async def connect(self, address: str, port: int) -> socket.socket:
        """A connected socket. Raises OSError."""
        ...


class WebhookCaller:
    """Made once per cluster; `close` at its end. `inside` gives None as long as there is no such network."""

    def __init__(self, inside: Callable[[], Inside | None] = lambda: None) -> None:
        self._inside = inside
        self._session: aiohttp.ClientSession | None = None
        self._turn = 0

    async def __call__(self, call: Call) -> bytes:
        """The body of a 200. Raises CallFailed."""
        import aiohttp

        if self._session is None:
            from wherry.client.inside_connector import connector

            self._session = aiohttp.ClientSession(connector=connector(self._inside), auto_decompress=True)
        self._turn += 1
        *others, last = _in_turn(call.addresses, self._turn) or [None]
        ends = asyncio.get_running_loop().time() + call.seconds
        for address in others:
            try:
                return await self._one(aiohttp, self._session, call, address, ends)
            except _Unreached:
                continue
        return await self._one(aiohttp, self._session, call, last, ends)

    async def _one(self, aiohttp: Any, session: aiohttp.ClientSession, call: Call, address: Address | None, ends: float) -> bytes:
        what = f'Post "{call.url}"'
        try:
            return await self._post(aiohttp, session, call, address, ends)
        except aiohttp.ConnectionTimeoutError:
            raise _Unreached(f"{what}: context deadline exceeded") from None
        except TimeoutError:
            raise CallFailed(f"{what}: context deadline exceeded") from None
        except aiohttp.ClientConnectorCertificateError as error:
            raise CallFailed(f"{what}: tls: failed to verify certificate: {_certificate(error.certificate_error)}") from None
        except aiohttp.ClientConnectorDNSError as error:
            raise CallFailed(f"{what}: dial tcp: lookup {error.host}: no such host") from None
        except aiohttp.ClientConnectorError as error:
            at = address or (error.host, error.port or 0)
            raise _Unreached(f"{what}: dial tcp {_joined(*at)}: connect: {_reason(error)}") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise CallFailed(f"{what}: {error or 'EOF'}") from None

    async def _post(self, aiohttp: Any, session: aiohttp.ClientSession, call: Call, address: Address | None, ends: float) -> bytes:
        parts = urlsplit(call.url)
        url, headers = (
            call.url,
            {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "kube-apiserver-admission"},
        )
        name = None
        if address is not None:
            url = parts._replace(netloc=_joined(*address)).geturl()
            headers["Host"], name = parts.netloc, parts.hostname if parts.scheme == "https" else None
        left = max(0.001, ends - asyncio.get_running_loop().time())
        limit = aiohttp.ClientTimeout(total=left, sock_connect=_NEAR if address else None)
        tls = context(call.ca_bundle) if parts.scheme == "https" else True
        async with session.post(
            url, data=call.body, headers=headers, ssl=tls, server_hostname=name, timeout=limit, allow_redirects=False
        ) as response:
            body = await whole(response.content, _LARGEST)
            if response.status != 200:
                raise CallFailed(_status(response.status, body.content))
            if body.cut:
                raise CallFailed(f'Post "{call.url}": the answer is larger than {_LARGEST} bytes')
            return body.content

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None


@lru_cache(maxsize=64)
def context(bundle: bytes) -> ssl.SSLContext:
    """Trusts the bundle's certificates only, or those of the system when there is none. Raises CallFailed."""
    if not bundle:
        return ssl.create_default_context()
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        made.load_verify_locations(cadata=bundle.decode("ascii", "replace"))
    except (ssl.SSLError, ValueError):
        raise CallFailed("unable to load root certificates: unable to parse bytes as PEM block") from None
    return made


class _Unreached(CallFailed):
    """There was no connection: whoever else there is may be asked."""


def _in_turn(addresses: Sequence[Address], turn: int) -> list[Address | None]:
    """Everyone's turn comes first once; but this machine's own, which are certain to be near, go before others."""
    at = turn % len(addresses) if addresses else 0
    return [*sorted([*addresses[at:], *addresses[:at]], key=lambda each: not each[0].startswith("127."))]


def _joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _certificate(error: Exception) -> str:
    text = getattr(error, "verify_message", "") or str(error)
    if "self-signed" in text or "self signed" in text or "unable to get" in text:
        return "x509: certificate signed by unknown authority"
    return f"x509: {text}"


def _reason(error: Any) -> str:
    inner = error.os_error
    if isinstance(inner, ConnectionRefusedError):
        return "connection refused"
    if isinstance(inner, (asyncio.TimeoutError, socket.timeout)):
        return "i/o timeout"
    return (inner.strerror or str(inner)).lower()


def _status(code: int, body: bytes) -> str:
    """What the reference's client makes of an answer that is no 200."""
    if code == 404:
        return "the server could not find the requested resource"
    text = body[:2048].decode("utf-8", "replace").strip()
    shown = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") or "unknown"
    if code >= 500:
        return f'an error on the server ("{shown}") has prevented the request from succeeding'
    known = {
        400: "the server rejected our request for an unknown reason",
        401: "the server has asked for the client to provide credentials",
        403: f"{shown}" if text else "forbidden",
        405: "the server does not allow this method on the requested resource",
        429: "the server has received too many requests and has asked us to try again later",
    }
    return known.get(code, f'the server responded with the status code {code} but did not return more information ("{shown}")')
