"""Peers outside this process, as a loop of virtual time sees them: whoever was told something lately may be about to answer.

Used by `kit.virtual`. Sockets of accepted connections note when they carry something, in either direction; between two such moments a peer
is thinking, and time should not run on under it. A peer that is told nothing is not waited for, so idle connections cost nothing.
"""

from __future__ import annotations

import socket
import time
from typing import Any, Self

#: who never falls silent holds time at one moment for that many times the patience
_LONGEST = 5


class Outside:
    """`patience`: real seconds of silence after which nobody is expected to answer any more."""

    def __init__(self, patience: float) -> None:
        self.patience = patience
        self._heard = 0.0
        self._asked: float | None = None

    def heard(self) -> None:
        """A connection carried something."""
        self._heard = time.monotonic()

    def patience_left(self) -> float:
        """Real seconds to wait before time may move."""
        now = time.monotonic()
        if self._asked is None:
            self._asked = now
        return min(self._heard + self.patience, self._asked + _LONGEST * self.patience) - now

    def moved(self) -> None:
        """Time has moved on."""
        self._asked = None


class _Connection(socket.socket):
    """The methods through which asyncio's transports send and receive."""

    outside: Outside

    def send(self, *args: Any) -> int:
        self.outside.heard()
        return super().send(*args)

    def sendmsg(self, *args: Any) -> int:
        self.outside.heard()
        return super().sendmsg(*args)

    def recv(self, *args: Any) -> bytes:
        self.outside.heard()
        return super().recv(*args)

    def recv_into(self, *args: Any) -> int:
        self.outside.heard()
        return super().recv_into(*args)


class Listener(socket.socket):
    """A listening socket whose connections belong to `outside`."""

    outside: Outside

    @classmethod
    def bound(cls, outside: Outside, family: int, address: tuple[str, int]) -> Self:
        """Raises OSError, as binding does."""
        listener = cls(family, socket.SOCK_STREAM)
        listener.outside = outside
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind(address)
        except BaseException:
            listener.close()
            raise
        return listener

    def accept(self) -> tuple[socket.socket, Any]:
        accepted, address = super().accept()
        connection = _Connection(accepted.family, accepted.type, accepted.proto, fileno=accepted.detach())
        connection.outside = self.outside
        self.outside.heard()
        return connection, address
