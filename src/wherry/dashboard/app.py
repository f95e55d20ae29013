"""The dashboard as an aiohttp application: its paths, and the files of the page.

Called by `serving`. The files are in the package, read once and kept packed, so nothing has to be built or fetched.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from collections.abc import Awaitable, Callable, Iterable
from importlib.resources import files

from aiohttp import web

from wherry.dashboard import api, guards, streams
from wherry.dashboard.guards import HOSTS, SESSIONS
from wherry.dashboard.sessions import Sessions

_ROLLOUT = "/api/rollouts/{namespace}/{plural}/{name}"
_POD = "/api/pods/{namespace}/{pod}"


def application(sessions: Sessions, hosts: Iterable[str], forecast: api.Forecast | None = None) -> web.Application:
    """`hosts`: the names by which it may be asked; none for any."""
    app = web.Application(middlewares=[guards.told, guards.admitted], client_max_size=64 * 1024)
    app[SESSIONS], app[HOSTS], app[api.FORECAST] = sessions, frozenset(hosts), forecast
    app.on_response_prepare.append(guards.locked)
    app.router.add_routes([
        web.get("/healthz", api.healthz),
        web.get("/api/way-in", api.way_in),
        web.post("/api/login", api.login),
        web.post("/api/logout", api.logout),
        web.get("/api/board", api.board),
        web.get("/api/board/news", streams.board),
        web.get(_ROLLOUT + "/news", streams.rollout),
        web.get(_ROLLOUT + "/rights", api.may),
        web.get(_ROLLOUT + "/difference", api.difference),
        web.post(_ROLLOUT + "/steps/{doing}", api.steer),
        web.post(_ROLLOUT + "/{doing}", api.act),
        web.post(_ROLLOUT + "/{doing}/forecast", api.forecast),
        web.get(_POD + "/log", streams.log),
        web.get(_POD + "/terminal", streams.terminal),
    ])  # fmt: skip
    for path, handler in _files():
        app.router.add_get(path, handler)
    return app


Served = Callable[[web.Request], Awaitable[web.Response]]


def _files() -> Iterable[tuple[str, Served]]:
    folder = files("wherry.dashboard") / "static"
    for each in sorted(folder.iterdir(), key=lambda file: file.name):
        yield ("/" if each.name == "index.html" else f"/static/{each.name}"), _file(each.name, each.read_bytes())


def _file(name: str, content: bytes) -> Served:
    packed = gzip.compress(content, 9, mtime=0)
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    # asked again each time, answered by 304: a new wherry never meets an old page
    headers = {"ETag": tag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}

    async def serve(request: web.Request) -> web.Response:
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers=headers)
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            return web.Response(body=packed, content_type=kind, headers={**headers, "Content-Encoding": "gzip"})
        return web.Response(body=content, content_type=kind, headers=headers)

    return serve
