"""The questions of the page: the board, one rollout, differences, actions; each answered as JSON from what `wherry.rollout` decides.

Called by `app`; what goes on and on (the board's and a rollout's news, logs, terminals) is in `streams`.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import web

from wherry.client.protocol import Client
from wherry.dashboard import rights
from wherry.dashboard.guards import COOKIE, SESSIONS, known, session
from wherry.rollout import Rollout, Steps
from wherry.rollout.differences import of_templates
from wherry.rollout.requests import DOING, Request, carry_out
from wherry.rollout.revisions import choose
from wherry.rollout.side_by_side import rows
from wherry.rollout.targets import Named, parse

_encode = msgspec.json.Encoder().encode
#: plays a request before it is done: the client, the workload, its namespace, the request -> a report as JSON
Forecast = Callable[[Client, Named, str, Request], Awaitable[dict[str, Any]]]
FORECAST: web.AppKey[Forecast | None] = web.AppKey("forecast")
STEERING = ("promote", "skip", "abort", "retry")
#: bytes of a request's body
_MOST_BODY = 64 * 1024
#: from so many bytes on an answer is packed
_PACKED = 2048


def answer(value: Any, status: int = 200) -> web.Response:
    made = web.Response(body=_encode(value), status=status, content_type="application/json", headers={"Cache-Control": "no-store"})
    if made.body is not None and len(_encode(value)) > _PACKED:
        made.enable_compression()
    return made


def target(request: web.Request) -> tuple[Named, str]:
    """What a path names, and its namespace. Raises RolloutError."""
    found = request.match_info
    return parse(f"{found['plural']}/{found['name']}"), found["namespace"]


async def body(request: web.Request) -> dict[str, Any]:
    """Raises HTTPException for one that is too large, DecodeError for one that is no JSON object."""
    if (request.content_length or 0) > _MOST_BODY:
        raise web.HTTPRequestEntityTooLarge(_MOST_BODY, request.content_length or 0)
    return msgspec.json.decode(await request.read(), type=dict[str, Any])


# --- the way in ---
async def way_in(request: web.Request) -> web.Response:
    """Whether somebody is signed in, and how one does."""
    found = known(request)
    sessions = request.app[SESSIONS]
    if found is None:
        return answer({"user": None, "byToken": sessions.by_token})
    forecasts = request.app[FORECAST] is not None
    return answer({"user": found.viewer.user, "token": found.token, "byToken": sessions.by_token, "forecasts": forecasts})


async def login(request: web.Request) -> web.Response:
    given = await body(request)
    sessions = request.app[SESSIONS]
    cookie = await (sessions.with_token(str(given["token"])) if "token" in given else sessions.with_key(str(given.get("key", ""))))
    made = answer({})
    made.set_cookie(COOKIE, cookie, httponly=True, samesite="Strict", secure=request.secure, path="/")
    return made


async def logout(request: web.Request) -> web.Response:
    request.app[SESSIONS].close(request.cookies.get(COOKIE, ""))
    made = answer({})
    made.del_cookie(COOKIE, path="/")
    return made


async def healthz(request: web.Request) -> web.Response:
    return web.Response(text="ok")


# --- what is shown ---
async def board(request: web.Request) -> web.Response:
    found = session(request).viewer.board
    return answer({"cards": list(found.cards.values()), "trouble": found.trouble(), "now": time.time()})


async def may(request: web.Request) -> web.Response:
    what, namespace = target(request)
    found = await rights.rights(session(request).viewer.client, what, namespace)
    return answer({doing: {"allowed": right.allowed, "why": right.why} for doing, right in found.items()})


async def difference(request: web.Request) -> web.Response:
    """Between two revisions: `old` and `new`, numbers."""
    what, namespace = target(request)
    found = await Rollout(session(request).viewer.client, what, namespace).history()
    old, new = (choose(found, int(request.query[side]), what) for side in ("old", "new"))
    lines = [row._asdict() for row in rows(old.template, new.template)]
    return answer({"paths": of_templates(old.template, new.template), "lines": lines})


# --- what is done ---
async def act(request: web.Request) -> web.Response:
    """One of `requests.DOING`; with `dryRun`, what it would change."""
    what, namespace = target(request)
    doing = request.match_info["doing"]
    if doing not in DOING:
        raise web.HTTPNotFound(text=f"there is no action {doing}: {', '.join(DOING)}")
    given = await body(request)
    dry_run = bool(given.pop("dryRun", False))
    asked = _asked(given, doing)
    done = await carry_out(session(request).viewer.client, what, namespace, asked, time.time(), dry_run=dry_run)
    return answer(done)


async def steer(request: web.Request) -> web.Response:
    """Steps: promote, skip, abort or retry; where it stands then."""
    what, namespace = target(request)
    doing = request.match_info["doing"]
    steps = Steps(session(request).viewer.client, what, namespace)
    if doing not in STEERING:
        raise web.HTTPNotFound(text=f"there is no way {doing} to steer: {', '.join(STEERING)}")
    return answer(await getattr(steps, doing)())


async def forecast(request: web.Request) -> web.Response:
    """What an action would come to, played before it is done; nothing is changed."""
    what, namespace = target(request)
    play = request.app[FORECAST]
    if play is None:
        raise web.HTTPNotImplemented(text="this dashboard was made without rehearsals")
    asked = _asked(await body(request), request.match_info["doing"])
    return answer(await play(session(request).viewer.client, what, namespace, asked))


def _asked(given: dict[str, Any], doing: str) -> Request:
    """Raises ValidationError."""
    return msgspec.convert({**given, "doing": doing, "images": list((given.get("images") or {}).items())}, Request)
