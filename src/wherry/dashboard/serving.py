"""A dashboard that runs: where it listens, and the link that opens it.

Called by `wherry dashboard` and `wherry up --dashboard`. On another address than loopback there is no link: everybody who can
reach it could use it once, so there a token of the cluster is asked for.
"""

from __future__ import annotations

import errno
import ipaddress
import secrets
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Self

from aiohttp import web

from wherry.client.access import Access
from wherry.dashboard.api import Forecast
from wherry.dashboard.app import application
from wherry.dashboard.sessions import Sessions
from wherry.errors import WherryError

PORT = 8440
_LOOPBACK_NAMES = ("127.0.0.1", "localhost", "::1")


class CannotServe(WherryError):
    """The dashboard cannot listen where it should; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Settings:
    """`port` 0: a free one. `by_token`: viewers sign in with a token of the cluster. `certificate`, `key`: PEM files; "" for plain HTTP."""

    address: str = "127.0.0.1"
    port: int = PORT
    namespaces: tuple[str, ...] = ()
    by_token: bool = False
    certificate: str = ""
    key: str = ""


DEFAULT = Settings()
_secret = partial(secrets.token_urlsafe, 24)


class Dashboard:
    """Use it in an `async with`.

    `forecast` plays a request before it is done, None for a page without that. `draw` makes a secret text of at least 128 bits.
    """

    def __init__(self, access: Access, settings: Settings = DEFAULT, *, forecast: Forecast | None = None,
                 draw: Callable[[], str] = _secret) -> None:
        if not settings.by_token and not is_loopback(settings.address):
            raise CannotServe(f"{settings.address} can be reached from other machines: viewers must sign in there (--auth token)")
        if bool(settings.certificate) != bool(settings.key):
            raise CannotServe("a certificate and its key belong together")
        self._settings = settings
        self._sessions = Sessions(access, settings.namespaces, draw, by_token=settings.by_token)
        self._forecast = forecast
        self._runner: web.AppRunner | None = None
        self.port = settings.port

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Raises CannotServe, StatusError, ConnectionFailed."""
        settings = self._settings
        app = application(self._sessions, () if settings.by_token else _LOOPBACK_NAMES, self._forecast)
        # a page that follows never ends by itself: it is not waited for when the dashboard stops
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        try:
            site = web.TCPSite(self._runner, settings.address, settings.port, ssl_context=_context(settings))
            await site.start()
            await self._sessions.prepare()
        except OSError as error:
            await self.stop()
            if error.errno != errno.EADDRINUSE:
                raise
            raise CannotServe(f"port {settings.port} is in use: give another with --port, 0 for any") from None
        except BaseException:
            await self.stop()
            raise
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        await self._sessions.aclose()

    @property
    def url(self) -> str:
        host = f"[{self._settings.address}]" if ":" in self._settings.address else self._settings.address
        return f"{'https' if self._settings.certificate else 'http'}://{host}:{self.port}/"

    @property
    def link(self) -> str:
        """It opens the page once; the secret is behind the #, which browsers send to nobody."""
        return self.url + (f"#key={self._sessions.key}" if self._sessions.key else "")


def is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def _context(settings: Settings) -> ssl.SSLContext | None:
    """Raises CannotServe."""
    if not settings.certificate:
        return None
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        made.load_cert_chain(settings.certificate, settings.key)
    except (OSError, ssl.SSLError) as error:
        raise CannotServe(f"the certificate cannot be used: {error}") from None
    return made


