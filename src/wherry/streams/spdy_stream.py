"""One stream of a SPDY connection: bytes both ways, each direction with an end of its own.

Made by `spdy.Connection`. A `Source` and a `Sink` in the sense of `session`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wherry.streams.spdy import Connection

#: the flag of the last frame of a direction
FIN = 1
#: bytes of a frame that is sent
_FRAME = 64 * 1024
#: bytes that may wait to be read before the connection is held up
MOST_WAITING = 256 * 1024


class Stream:
    """`headers`: what it was opened with, names in lower case."""

    def __init__(self, connection: Connection, number: int, headers: dict[str, str]) -> None:
        self.id, self.headers = number, headers
        self._connection = connection
        self._pieces: deque[bytes] = deque()
        self._waiting = 0
        self._news = asyncio.Event()
        self._ignored = False
        #: the other side's direction, and ours
        self._ended = self._closed = False
        #: it was reset, or the connection is gone
        self.broken = False

    # --- reading ---
    async def read(self, most: int = _FRAME) -> bytes:
        """One piece as it came; b"" at the end, also at that of the connection (`broken` says which)."""
        while not self._pieces:
            if self._ended:
                return b""
            self._news.clear()
            await self._news.wait()
        piece = self._pieces.popleft()
        if len(piece) > most:
            self._pieces.appendleft(piece[most:])
            piece = piece[:most]
        self._waiting -= len(piece)
        if self._waiting < MOST_WAITING:
            self._connection.filled(self, False)
        return piece

    def ignore(self) -> None:
        """What comes is thrown away: nobody reads this direction."""
        self._ignored = True
        self._pieces.clear()
        self._waiting = 0
        self._connection.filled(self, False)

    # --- writing ---
    async def write(self, data: bytes) -> None:
        """Waits while the connection is full. Raises BrokenPipeError once nobody reads any more."""
        for at in range(0, len(data), _FRAME):
            if self._closed or self.broken:
                raise BrokenPipeError("the stream is closed")
            self._connection.send_data(self, 0, data[at : at + _FRAME])
            try:
                await self._connection.drain()
            except ConnectionError as error:
                raise BrokenPipeError(str(error)) from None

    def close(self) -> None:
        """Our direction ends."""
        if not self._closed and not self.broken:
            self._closed = True
            self._connection.send_data(self, FIN, b"")
            self._forget_when_done()

    def reset(self) -> None:
        """Both directions end at once."""
        if not self.broken and not (self._closed and self._ended):
            self._connection.cancel(self)
            self.lost()

    # --- for the connection ---
    def received(self, data: bytes, *, ended: bool) -> None:
        if data and not self._ignored and not self._ended:
            self._pieces.append(data)
            self._waiting += len(data)
            if self._waiting >= MOST_WAITING:
                self._connection.filled(self, True)
        if ended:
            self._ended = True
            self._forget_when_done()
        self._news.set()

    def lost(self) -> None:
        """It was reset by the other side, or the connection is gone."""
        self.broken = self._ended = True
        self._news.set()

    def _forget_when_done(self) -> None:
        if self._closed and self._ended:
            self._connection.forget(self)
