"""What a container writes: read from its pipes (or terminal), put into its log file, and shown to whoever is attached.

One per stream. Reading goes on by the loop's own notices, 64 KiB a turn, so a program that writes without end takes turns with everything
else; one attached that does not read holds up the program, as a terminal would. The log's form is the CRI's: `TIME STREAM TAG LINE`, where
the tag P marks a piece of a line longer than 16 KiB. Source: pkg/kubelet/kuberuntime/logs; the CRI's document on logging.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable

_CHUNK = 65536
_LONGEST_LINE = 16384
_BEHIND = 1 << 20


class LogFile:
    """One file for the streams of a container. `path` "" keeps none. An error of the disk is told once, and what came then is lost."""

    def __init__(self, path: str, failed: Callable[[OSError], None]) -> None:
        self._path = path
        self._failed = failed
        self._told = False
        self._file = -1
        self.reopen()

    def reopen(self) -> None:
        self.close()
        if self._path:
            try:
                self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
            except OSError as error:
                self._tell(error)

    def write(self, data: bytes) -> None:
        if self._file < 0:
            return
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(self._file, view):]
        except OSError as error:
            self._tell(error)

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _tell(self, error: OSError) -> None:
        if not self._told:
            self._told = True
            self._failed(error)


class Lines:
    """Bytes of a stream -> entries of the log."""

    def __init__(self, stream: str) -> None:
        self._stream = stream.encode()
        self._rest = b""

    def feed(self, data: bytes, at: float) -> bytes:
        head = _head(at, self._stream)
        *whole, self._rest = (self._rest + data).split(b"\n")
        out = []
        for line in whole:
            out.extend(_pieces(head, line))
        while len(self._rest) >= _LONGEST_LINE:
            out.append(head + b"P " + self._rest[:_LONGEST_LINE] + b"\n")
            self._rest = self._rest[_LONGEST_LINE:]
        return b"".join(out)

    def end(self, at: float) -> bytes:
        """A last line without its end is a part of one, so that a reader adds none."""
        rest, self._rest = self._rest, b""
        return _head(at, self._stream) + b"P " + rest + b"\n" if rest else b""


def _pieces(head: bytes, line: bytes) -> list[bytes]:
    out = []
    while len(line) > _LONGEST_LINE:
        out.append(head + b"P " + line[:_LONGEST_LINE] + b"\n")
        line = line[_LONGEST_LINE:]
    out.append(head + b"F " + line + b"\n")
    return out


def _head(at: float, stream: bytes) -> bytes:
    whole = int(at)
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole))
    return f"{moment}.{int((at - whole) * 1e9):09d}Z ".encode() + stream + b" "


class Follower:
    """One attached, as a source: what came since."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._news = asyncio.Event()
        self._ended = False

    @property
    def behind(self) -> bool:
        return self._size > _BEHIND

    def put(self, data: bytes) -> None:
        self._chunks.append(data)
        self._size += len(data)
        self._news.set()

    def end(self) -> None:
        self._ended = True
        self._news.set()

    async def read(self, most: int = 65536) -> bytes:
        while not self._chunks:
            if self._ended:
                return b""
            self._news.clear()
            await self._news.wait()
        data = self._chunks.popleft()
        if len(data) > most:
            self._chunks.appendleft(data[most:])
            data = data[:most]
        self._size -= len(data)
        self._output.go_on()
        return data

    def close(self) -> None:
        self.end()
        self._output.leave(self)


class Output:
    """`descriptor` is its own from here on; `finished` is set when all was read."""

    def __init__(self, descriptor: int, stream: str, log: LogFile, now: Callable[[], float]) -> None:
        self._descriptor = descriptor
        self._lines = Lines(stream)
        self._log = log
        self._now = now
        self._loop = asyncio.get_running_loop()
        self._followers: list[Follower] = []
        self._reading = False
        self.finished = False
        os.set_blocking(descriptor, False)
        self.go_on()

    def follow(self) -> Follower:
        follower = Follower(self)
        if self.finished:
            follower.end()
        else:
            self._followers.append(follower)
        return follower

    def leave(self, follower: Follower) -> None:
        if follower in self._followers:
            self._followers.remove(follower)
        self.go_on()

    def go_on(self) -> None:
        """Read, unless one attached is behind."""
        wanted = not self.finished and not any(follower.behind for follower in self._followers)
        if wanted and not self._reading:
            self._loop.add_reader(self._descriptor, self._read)
        elif self._reading and not wanted:
            self._loop.remove_reader(self._descriptor)
        self._reading = wanted

    def drain(self) -> None:
        """The program ended: read what is still there, and finish."""
        while not self.finished and self._read():
            pass
        self._finish()

    def _read(self) -> bool:
        try:
            data = os.read(self._descriptor, _CHUNK)
        except BlockingIOError:
            return False
        except OSError:  # a terminal whose program ended
            data = b""
        if not data:
            self._finish()
            return False
        self._log.write(self._lines.feed(data, self._now()))
        for follower in self._followers:
            follower.put(data)
        if self._followers:
            self.go_on()
        return True

    def _finish(self) -> None:
        if self.finished:
            return
        self.finished = True
        if self._reading:
            self._loop.remove_reader(self._descriptor)
            self._reading = False
        os.close(self._descriptor)
        self._log.write(self._lines.end(self._now()))
        for follower in self._followers:
            follower.end()
        self._followers.clear()
