"""The logs of containers on disk: read in pieces, from where and as far as somebody asks, and followed while they grow.

Called by the runtime. A log is a file for each run of a container, in the CRI's form: `TIME STREAM TAG LINE`, where the tag P marks a piece
of a line. One that grew too large is put aside (`log_rotation`): who follows goes on in the new file.
Source of the rule: pkg/kubelet/kuberuntime/logs, staging/src/k8s.io/cri-client/pkg/logs.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import BinaryIO

from wherry.api import timestamps
from wherry.node.runtime import LogOptions

#: seconds between two looks at a file that is followed
_LOOK = 0.1
_PIECE = 65536


def last(path: Path, most_bytes: int, most_lines: int) -> str:
    """The end of a log, as a termination message."""
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except OSError:
        return ""
    text = b"".join(line for raw in lines[-most_lines:] if (line := _shown(raw, LogOptions(), 0.0)) is not None)
    return text[-most_bytes:].decode(errors="replace")


async def read(path: Path, options: LogOptions, now: float, running: Callable[[], bool]) -> AsyncIterator[bytes]:
    """`running`: whether more may come."""
    since = now - options.since_seconds if options.since_seconds is not None else 0.0
    left = options.limit_bytes
    async for piece in _pieces(path, options, since, running):
        if left is not None:
            piece, left = piece[:left], left - len(piece)
        if piece:
            yield piece
        if left is not None and left <= 0:
            return


async def _pieces(path: Path, options: LogOptions, since: float, running: Callable[[], bool]) -> AsyncIterator[bytes]:
    tail = options.tail_lines
    kept: deque[bytes] | None = deque(maxlen=tail) if tail is not None else None
    async for lines in _read_lines(path, options.follow, running):
        if lines is None:  # all that is there was read
            if kept is not None:
                yield b"".join(kept)
                kept = None
            continue
        shown = [line for raw in lines if (line := _shown(raw + b"\n", options, since)) is not None]
        if kept is not None:
            kept.extend(shown)
        elif shown:
            yield b"".join(shown)
        await asyncio.sleep(0)


async def _read_lines(path: Path, follow: bool, running: Callable[[], bool]) -> AsyncIterator[list[bytes] | None]:
    """Whole lines as they come, and None each time there are no more for now."""
    file, rest = path.open("rb"), b""
    try:
        while True:
            more, aside = running(), _put_aside(file, path)
            data = file.read(_PIECE)
            if data:
                *lines, rest = (rest + data).split(b"\n")
                yield lines
                continue
            yield None
            if not follow:
                return
            if aside:
                file.close()
                file, rest = path.open("rb"), b""
            elif more:
                await asyncio.sleep(_LOOK)
            else:
                return
    finally:
        file.close()


def _put_aside(file: BinaryIO, path: Path) -> bool:
    """Has the file got another name since it was opened, and is there a new one?"""
    try:
        return os.fstat(file.fileno()).st_ino != path.stat().st_ino
    except OSError:
        return False


def _shown(raw: bytes, options: LogOptions, since: float) -> bytes | None:
    """What a reader gets of one line of the file; None: nothing."""
    parts = raw.split(b" ", 3)
    if len(parts) < 4:
        return None
    at, stream, tag, line = parts
    if options.stream not in ("All", "") and stream != options.stream.lower().encode():
        return None
    if since and timestamps.parse(at.decode()) < since:
        return None
    if tag == b"P":
        line = line.removesuffix(b"\n")
    return at + b" " + line if options.timestamps else line
