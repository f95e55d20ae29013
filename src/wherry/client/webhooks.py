"""Calling webhooks: one POST of JSON, with the CA the configuration says, to a URL or to the address behind a Service.

Given to the registry by the cluster. Errors are worded as Go's HTTP client words them, because they go into the answers of refused
writes. aiohttp's client is imported with the first call; connections are kept alive.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from wherry.kit.bodies import whole
from wherry.registry.outside.calls import Call, CallFailed

if TYPE_CHECKING:
    import aiohttp

#: seconds to open a connection to an address behind a Service: it is near, or not there
_NEAR = 3.0
#: bytes of an answer, more are refused
_LARGEST = 16 * 1024 * 1024


class WebhookCaller:
    """Made once per cluster; `close` at its end."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, call: Call) -> bytes:
        """The body of a 200. Raises CallFailed."""
        import aiohttp

        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=10), auto_decompress=True)
        what = f'Post "{call.url}"'
        try:
            return await self._post(aiohttp, self._session, call)
        except TimeoutError:
            raise CallFailed(f"{what}: context deadline exceeded") from None
        except aiohttp.ClientConnectorCertificateError as error:
            raise CallFailed(f"{what}: tls: failed to verify certificate: {_certificate(error.certificate_error)}") from None
        except aiohttp.ClientConnectorDNSError as error:
            raise CallFailed(f"{what}: dial tcp: lookup {error.host}: no such host") from None
        except aiohttp.ClientConnectorError as error:
            at = call.address or (error.host, error.port or 0)
            raise CallFailed(f"{what}: dial tcp {_joined(*at)}: connect: {_reason(error)}") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise CallFailed(f"{what}: {error or 'EOF'}") from None

    async def _post(self, aiohttp: Any, session: aiohttp.ClientSession, call: Call) -> bytes:
        parts = urlsplit(call.url)
        url, headers = (
            call.url,
            {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "kube-apiserver-admission"},
        )
        name = None
        if call.address is not None:
            url = parts._replace(netloc=_joined(*call.address)).geturl()
            headers["Host"], name = parts.netloc, parts.hostname if parts.scheme == "https" else None
        limit = aiohttp.ClientTimeout(total=call.seconds, sock_connect=_NEAR if call.address else None)
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
