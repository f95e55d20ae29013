"""Connections of aiohttp's client that are made inside the network of pods, where an address is one of that network.

Made by the caller of webhooks with its first call. Everything else (TLS, names, kept connections) is aiohttp's.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp.client_proto import ResponseHandler

if TYPE_CHECKING:
    from aiohttp.client_reqrep import ClientRequest

    from wherry.client.webhooks import Inside

#: seconds for which an answer of a name server is remembered
_NAMES = 10


def connector(inside: Callable[[], Inside | None]) -> aiohttp.BaseConnector:
    """Without a limit of connections."""
    return _Connector(inside)


class _Connector(aiohttp.TCPConnector):
    def __init__(self, inside: Callable[[], Inside | None]) -> None:
        super().__init__(limit=0, ttl_dns_cache=_NAMES)
        self._inside = inside

    async def _wrap_create_connection(self, *args: Any, addr_infos: list[Any], req: ClientRequest, timeout: aiohttp.ClientTimeout,
                                      **kwargs: Any) -> tuple[asyncio.Transport, ResponseHandler]:  # fmt: skip
        network, (host, port) = self._inside(), addr_infos[0][4][:2]
        if network is None or not network.has(host):
            return await super()._wrap_create_connection(*args, addr_infos=addr_infos, req=req, timeout=timeout, **kwargs)
        kwargs.pop("client_error", None)
        try:
            async with asyncio.timeout(timeout.sock_connect):
                connected = await network.connect(host, port)
                return await asyncio.get_running_loop().create_connection(*args, **kwargs, sock=connected)
        except ssl.CertificateError as error:
            raise aiohttp.ClientConnectorCertificateError(req.connection_key, error) from error
        except ssl.SSLError as error:
            raise aiohttp.ClientConnectorSSLError(req.connection_key, error) from error
        except TimeoutError:
            raise
        except OSError as error:
            raise aiohttp.ClientConnectorError(req.connection_key, error) from error
