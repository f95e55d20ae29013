"""What an open page follows: the board, one rollout, a log, a terminal.

Called by `app`. News go as server-sent events, which a browser opens again by itself when the connection breaks; each begins with
everything, so nothing is missed. A page that does not read holds one message here and no more. A terminal's WebSocket is handed through to
the API server.
Source: https://html.spec.whatwg.org/multipage/server-sent-events.html, KEP-4006 (channels of a WebSocket).
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from urllib.parse import quote

import aiohttp
import msgspec
from aiohttp import web

from wherry.api.errors import StatusError
from wherry.client import tls
from wherry.client.credentials import Credentials
from wherry.client.transport import ConnectionFailed
from wherry.dashboard.api import target
from wherry.dashboard.guards import session
from wherry.rollout.details import detail
from wherry.rollout.errors import RolloutError
from wherry.rollout.revisions import of_sources
from wherry.rollout.watching import Watched

_encode = msgspec.json.Encoder().encode
#: seconds without news until a sign of life is sent; seconds between two looks at one rollout
ALIVE, EVERY = 15.0, 1.0
#: a rollout whose look takes long is looked at more seldom
_REST = 5.0
_CHANNELS = ("v5.channel.k8s.io", "v4.channel.k8s.io")


async def _begin(request: web.Request) -> web.StreamResponse:
    made = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"})
    await made.prepare(request)
    return made


async def _send(made: web.StreamResponse, kind: str, value: object) -> None:
    await made.write(f"event: {kind}\ndata: ".encode() + _encode(value) + b"\n\n")


async def board(request: web.Request) -> web.StreamResponse:
    """`board`: everything, once; then `cards`: those that changed, and the ids of those that went."""
    found = session(request).viewer.board
    made = await _begin(request)
    mine = found.subscribe()
    try:
        trouble = found.trouble()
        await _send(made, "board", {"cards": list(found.cards.values()), "trouble": trouble, "now": time.time()})
        while True:
            changed = await mine.next(ALIVE)
            cards = [found.cards[id] for id in changed if id in found.cards]
            gone = [id for id in changed if id not in found.cards]
            await _send(made, "cards", {"cards": cards, "gone": gone, "trouble": found.trouble(), "now": time.time()})
    except ConnectionResetError:
        return made
    finally:
        found.unsubscribe(mine)


async def rollout(request: web.Request) -> web.StreamResponse:
    """`rollout`: one workload in full, at every change; `gone` when it is deleted, `refused` when it may not be read."""
    viewer = session(request).viewer
    what, namespace = target(request)
    watched = Watched(viewer.client, what, namespace)
    made = await _begin(request)
    id = f"{namespace}/{what.resource.plural}/{what.name}"
    loop = asyncio.get_running_loop()
    last = b""
    told = loop.time()
    try:
        await watched.start()
        while True:
            began = loop.time()
            shown = await watched.look()
            revisions = of_sources(what, watched.workload(), watched.sources())
            whole = detail(watched.workload(), what.resource.plural, shown, revisions, watched.pods(), time.time())
            value = _encode({"rollout": whole, "samples": viewer.board.samples(id)[-300:]})
            if value != last or began - told > ALIVE:
                last, told = value, began
                await made.write(b"event: rollout\ndata: " + value + b"\n\n")
            await asyncio.sleep((loop.time() - began) * _REST)
            await watched.wait(EVERY)
    except (StatusError, RolloutError, ConnectionFailed) as error:
        with suppress(ConnectionResetError):
            await _send(made, "gone" if getattr(error, "code", 0) == 404 or type(error).__name__ == "Deleted" else "refused", str(error))
        return made
    except ConnectionResetError:
        return made
    finally:
        await watched.stop()


async def log(request: web.Request) -> web.StreamResponse:
    """A container's log as text; `follow`, `previous`, `tail` as in the API."""
    found, query = request.match_info, request.query
    asked = [("container", query.get("container", "")), ("tailLines", str(min(int(query.get("tail", "500")), 10_000)))]
    asked += [(name, "true") for name in ("follow", "previous") if query.get(name) == "true"]
    path = f"/api/v1/namespaces/{quote(found['namespace'], safe='')}/pods/{quote(found['pod'], safe='')}/log"
    pieces = session(request).viewer.client.stream(path, [(k, v) for k, v in asked if v])
    made = web.StreamResponse(headers={"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"})
    try:
        first = await anext(pieces, b"")
        await made.prepare(request)
        await made.write(first)
        async for piece in pieces:
            await made.write(piece)
        await made.write_eof()
    except (ConnectionResetError, ConnectionFailed):
        return made
    finally:
        await pieces.aclose()  # type: ignore[attr-defined]
    return made


async def terminal(request: web.Request) -> web.StreamResponse:
    """A shell in a container, as the API server gives it: its channels are the page's."""
    found, access = request.match_info, session(request).viewer.client.access
    path = f"/api/v1/namespaces/{quote(found['namespace'], safe='')}/pods/{quote(found['pod'], safe='')}/exec"
    query = [("container", request.query.get("container", "")), ("stdin", "true"), ("stdout", "true"), ("stderr", "true"), ("tty", "true")]
    query += [("command", word) for word in request.query.getall("command", ["/bin/sh"])]
    headers = await Credentials(access, time.time).headers()
    context = tls.context(access) if access.server.startswith("https") else None
    async with aiohttp.ClientSession() as client:
        try:
            there = await client.ws_connect(
                access.server.rstrip("/") + path, params=[(k, v) for k, v in query if v], protocols=_CHANNELS, headers=headers,
                ssl=context or True, server_hostname=access.tls_server_name or None,
            )  # fmt: skip
        except aiohttp.WSServerHandshakeError as error:
            raise web.HTTPBadGateway(text=f"the cluster refused a terminal: {error.status} {error.message}") from None
        except aiohttp.ClientError as error:
            raise ConnectionFailed(str(error)) from None
        here = web.WebSocketResponse(protocols=_CHANNELS, heartbeat=ALIVE)
        await here.prepare(request)
        ways = [asyncio.create_task(_carry(here, there)), asyncio.create_task(_carry(there, here))]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        await there.close()
        await here.close()
        return here


_Socket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


async def _carry(source: _Socket, sink: _Socket) -> None:
    async for message in source:
        if message.type is aiohttp.WSMsgType.BINARY:
            await sink.send_bytes(message.data)
        elif message.type is aiohttp.WSMsgType.TEXT:
            await sink.send_str(message.data)
