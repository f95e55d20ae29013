"""Messages with descriptors between two processes over a SEQPACKET socket: JSON objects, long ones in a memory file.

Used by both sides of a helper. Every descriptor received is the receiver's to close.
"""

from __future__ import annotations

import array
import json
import os
import socket
from collections.abc import Sequence
from typing import Any

#: bytes; a datagram has to fit into the socket's buffer as a whole
_LONGEST = 96 * 1024
_MOST_DESCRIPTORS = 64
_INLINE, _IN_FILE = b"I", b"F"


class Message:
    """A message ready to be sent, perhaps again when the socket was full. `close` it once it was."""

    def __init__(self, content: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
        data = json.dumps(content, separators=(",", ":")).encode()
        self._file = -1
        self._kept: list[int] = []
        if len(data) <= _LONGEST:
            self._data = _INLINE + data
        else:
            self._file = os.memfd_create("message", os.MFD_CLOEXEC)
            _write_all(self._file, data)
            self._data = _IN_FILE
            descriptors = [*descriptors, self._file]
        self._descriptors = array.array("i", descriptors)

    def send(self, to: socket.socket) -> None:
        """Raises BlockingIOError when the socket is full."""
        passed = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, self._descriptors)] if self._descriptors else []
        to.sendmsg([self._data], passed)

    def keep(self) -> None:
        """It is to be sent later: have descriptors of its own."""
        self._descriptors = array.array("i", [os.dup(number) for number in self._descriptors])
        self._kept = list(self._descriptors)

    def close(self) -> None:
        for number in (*self._kept, self._file):
            if number >= 0:
                os.close(number)
        self._kept, self._file = [], -1


def send(to: socket.socket, content: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
    message = Message(content, descriptors)
    try:
        message.send(to)
    finally:
        message.close()


def receive(at: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """None at the end. Raises BlockingIOError when nothing is there."""
    try:
        data, ancillary, _, _ = at.recvmsg(_LONGEST + 1, socket.CMSG_SPACE(_MOST_DESCRIPTORS * 4), socket.MSG_CMSG_CLOEXEC)
    except ConnectionResetError:
        return None  # what was sent there was never read
    descriptors = array.array("i")
    for level, kind, raw in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(raw[: len(raw) - len(raw) % descriptors.itemsize])
    if not data:
        return None
    passed = list(descriptors)
    if data[:1] == _IN_FILE:
        file = passed.pop()
        try:
            text = _read_all(file)
        finally:
            os.close(file)
    else:
        text = data[1:]
    content: dict[str, Any] = json.loads(text)
    return content, passed


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view):]


def _read_all(file: int) -> bytes:
    size = os.fstat(file).st_size
    return os.pread(file, size, 0)
