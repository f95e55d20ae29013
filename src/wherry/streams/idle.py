"""Noticing that a session stands still: a future that is done once nothing has moved for so long.

Used by `remote_command` and `port_forward`, with the kubelet's --streaming-connection-idle-timeout.
"""

from __future__ import annotations

import asyncio

#: seconds: the kubelet's default
LONGEST = 4 * 3600.0


class Idle:
    """`over` is done in the end. Use it as a context."""

    def __init__(self, seconds: float = LONGEST) -> None:
        self._loop, self._seconds = asyncio.get_running_loop(), seconds
        self._last = self._loop.time()
        self.over: asyncio.Future[None] = self._loop.create_future()
        self._timer = self._loop.call_later(seconds, self._look)

    def moved(self) -> None:
        """Something did."""
        self._last = self._loop.time()

    def __enter__(self) -> Idle:
        return self

    def __exit__(self, *error: object) -> None:
        self._timer.cancel()
        self.over.cancel()

    def _look(self) -> None:
        left = self._last + self._seconds - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._look)
        elif not self.over.done():
            self.over.set_result(None)
