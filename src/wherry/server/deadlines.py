"""`?timeout=`: how long a client lets a request take, in Go's words for durations.

Called by `app.ApiServer` for a request whose query has it, before it asks who the caller is. Nothing and anything above the server's own
bound mean that bound. What takes its time on purpose (watches, logs, connections to pods) has no deadline, and the word is not even read.
Source: k8s.io/apiserver/pkg/endpoints/filters/request_deadline.go, pkg/server/filters/timeout.go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from wherry.api.errors import BadRequest, Timeout
from wherry.rules.texts.go_duration import nanoseconds
from wherry.server.call import Call
from wherry.server.routes import Route

T = TypeVar("T")
#: seconds
MOST = 60.0
_LONG_SUBRESOURCES = frozenset(("attach", "exec", "log", "portforward", "proxy"))


async def kept(call: Call, route: Route | None, verb: str, work: Coroutine[Any, Any, T]) -> T:
    """What `work` gives in time. Raises BadRequest for a time that is none, Timeout."""
    if verb == "watch" or (route is not None and route.target.subresource in _LONG_SUBRESOURCES):
        return await work
    try:
        seconds = nanoseconds(call.parameters.text("timeout") or "0") / 1e9
    except ValueError as error:
        work.close()
        raise BadRequest(f"invalid timeout specified in the request URL - {error}") from None
    try:
        async with asyncio.timeout(seconds if 0 < seconds < MOST else MOST):
            return await work
    except TimeoutError:
        raise Timeout("Timeout: request did not complete within the allotted timeout", {}) from None
