"""What every request of the dashboard passes: whose it is, that it comes from our own page, and headers that shut a browser's doors.

Called as middlewares by `app`. A page of another site can neither read (no CORS, a strict cookie), nor change (the session's own token, the
Origin), nor frame us (frame-ancestors), and a name that was made to point here is refused (DNS rebinding). Errors are JSON, like
`Status`: reason and message.
Source: https://owasp.org/www-project-secure-headers/, https://cheatsheetseries.owasp.org (CSRF prevention).
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import msgspec
from aiohttp import web

from wherry.api.errors import StatusError, Unauthorized
from wherry.client.access import ConfigError
from wherry.client.transport import ConnectionFailed
from wherry.dashboard.sessions import Session, Sessions
from wherry.rollout.errors import RolloutError

log = logging.getLogger(__name__)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

COOKIE = "wherry-session"
TOKEN = "X-CSRF-Token"
SESSIONS = web.AppKey("sessions", Sessions)
#: the names by which we may be asked, without port; empty: by any (behind a token, where no cookie comes by itself)
HOSTS = web.AppKey("hosts", frozenset[str])
#: what needs no session
_OPEN = ("/", "/healthz", "/api/login", "/api/way-in")
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def session(request: web.Request) -> Session:
    """Of a request that passed `admitted`. Raises Unauthorized."""
    found = known(request)
    if found is None:
        raise Unauthorized("open the dashboard by its link, or sign in")
    return found


def known(request: web.Request) -> Session | None:
    return request.app[SESSIONS].of(request.cookies.get(COOKIE, ""))


@web.middleware
async def told(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What goes wrong, as JSON."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        return refused(error.status, error.reason, error.text or "")
    except StatusError as error:
        return refused(error.code, error.reason, str(error))
    except RolloutError as error:
        return refused(422, type(error).__name__, str(error))
    except (ConnectionFailed, ConfigError) as error:
        return refused(502, "BadGateway", f"the cluster cannot be reached: {error}")
    except (ValueError, KeyError, TypeError, msgspec.MsgspecError) as error:
        log.info("a request that makes no sense: %s", error)
        return refused(400, "BadRequest", f"the request makes no sense: {error}")


async def locked(request: web.Request, answer: web.StreamResponse) -> None:
    """The headers, on every answer."""
    answer.headers.update(_HEADERS)


@web.middleware
async def admitted(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Only our own page, and only with a session."""
    hosts = request.app[HOSTS]
    if hosts and (urlsplit(f"//{request.host}").hostname or "") not in hosts:
        return refused(421, "MisdirectedRequest", f"this dashboard is not {request.host}: use the address that it printed")
    if not _is_own(request):
        return refused(403, "Forbidden", "another page asked for this")
    found = known(request)
    if found is None and request.path not in _OPEN and not request.path.startswith("/static/"):
        return refused(401, "Unauthorized", "open the dashboard by its link, or sign in")
    if request.method == "POST" and request.path != "/api/login" and not _bears_token(request, found):
        return refused(403, "Forbidden", "the request does not bear this session's token")
    return await handler(request)


def _bears_token(request: web.Request, found: Session | None) -> bool:
    return found is not None and hmac.compare_digest(request.headers.get(TOKEN, "").encode(), found.token.encode())


def _is_own(request: web.Request) -> bool:
    """A browser says where a request comes from: Origin with those that change something and with WebSockets."""
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        return False
    return request.headers.get("Sec-Fetch-Site", "same-origin") in ("same-origin", "none") or request.path == "/"


def refused(code: int, reason: str, message: str) -> web.Response:
    body = msgspec.json.encode({"reason": reason, "message": message, "code": code})
    return web.Response(status=code, body=body, content_type="application/json")
