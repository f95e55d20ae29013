"""A look at a URL: status and body, or why there is none. For probes and queries that are asked from here, not from a node.

Called by the guard of rollouts. Nothing is raised for an answer of whatever status, nor for a server that does not answer.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from wherry.kit.bodies import whole

#: seconds for a whole answer, and bytes of it that are read
TIMEOUT = 5.0
LARGEST = 1_000_000


class Fetched(NamedTuple):
    """`status` 0: there was no answer, and `body` says why."""

    status: int
    body: str


async def fetch(url: str, timeout: float = TIMEOUT) -> Fetched:
    """GET, with redirects followed and the proxies of the environment."""
    return await _asked("GET", url, timeout)


async def post(url: str, value: Any, timeout: float = TIMEOUT) -> Fetched:
    """POST of a value as JSON, in the same way."""
    return await _asked("POST", url, timeout, json=value)


async def _asked(method: str, url: str, timeout: float, **more: Any) -> Fetched:
    import aiohttp

    try:
        limits = aiohttp.ClientTimeout(total=timeout)
        async with aiohttp.ClientSession(timeout=limits, trust_env=True) as session, session.request(method, url, **more) as answer:
            body = await whole(answer.content, LARGEST)
            return Fetched(answer.status, body.content.decode("utf-8", "replace"))
    except TimeoutError:
        return Fetched(0, f"no answer in {timeout:g}s")
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return Fetched(0, str(error) or type(error).__name__)
