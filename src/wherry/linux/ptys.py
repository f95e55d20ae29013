"""Pseudo terminals: one end for the program, the other for who talks to it. Source: man 7 pty, man 4 pts."""

from __future__ import annotations

import fcntl
import os
import struct
import termios

_TIOCSPTLCK, _TIOCGPTN = 0x40045431, 0x80045430


def open_pair(folder: str = "/dev") -> tuple[int, int]:
    """Both ends of a new terminal of the devpts below `folder`: the outer, the program's."""
    outer = os.open(f"{folder}/ptmx", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    fcntl.ioctl(outer, _TIOCSPTLCK, struct.pack("i", 0))
    (number,) = struct.unpack("I", fcntl.ioctl(outer, _TIOCGPTN, b"\0" * 4))
    return outer, os.open(f"{folder}/pts/{number}", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)


def take_as_controlling(terminal: int) -> None:
    """Of the session that this process leads."""
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)


def resize(terminal: int, columns: int, rows: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
