"""Requests that last: held until their work is done, their client gone or the server stopped. Called by `connections` and `proxies`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable

from wherry.api.errors import StatusError
from wherry.server.call import Call
from wherry.server.watching import until
from wherry.server.wire import TRAIL, Answer, Server, Switched
from wherry.streams import takeover

_log = logging.getLogger(__name__)


async def held(server: Server, call: Call, work: Awaitable[None]) -> Answer:
    """Lets a connection last until its work is done, its client gone or the server stopped."""
    if (trail := call.request.get(TRAIL)) is not None:
        trail.started(101)
    end = server.until_gone(call.request)
    try:
        await until(end, work)
    except StatusError:
        raise
    except Exception:
        if not takeover.is_taken(call.request):
            raise
        _log.exception("the connection of %s ended", call.path)
    finally:
        server.release(call.request, end)
    return Switched()


async def streamed(server: Server, call: Call, work: Awaitable[Answer]) -> Answer:
    """Lets an answer come for as long as its client is there."""
    end, task = server.until_gone(call.request), asyncio.ensure_future(work)
    try:
        await asyncio.wait((task, end), return_when=asyncio.FIRST_COMPLETED)
    finally:
        server.release(call.request, end)
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    return Switched() if task.cancelled() else task.result()
