"""Reading the body of an HTTP answer whole: to its end, or to a limit.

Called by everything that asks over aiohttp. `StreamReader.read(n)` gives what has come so far, which is a whole body only when it fits one
TCP segment: an answer that is read that way loses its end, silently. Invariant: what is returned is the whole body, or `cut` says so.
Source: RFC 9112 section 6.3 (the length of a message's body).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from aiohttp import StreamReader


class Body(NamedTuple):
    """`cut`: there is more than the limit; `content` is what comes before it."""

    content: bytes
    cut: bool


async def whole(stream: StreamReader, limit: int) -> Body:
    """The body's bytes, `limit` at most. Raises aiohttp.ClientPayloadError when the connection ends before the body does."""
    pieces: list[bytes] = []
    left = limit
    while piece := await stream.readany():
        pieces.append(piece[:left])
        left -= len(piece)
        if left < 0:
            return Body(b"".join(pieces), True)
    return Body(b"".join(pieces), False)
