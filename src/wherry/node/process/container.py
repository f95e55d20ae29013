"""A container as the main process knows it: its box, its streams, and how it ended."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

from wherry.linux import passing, ptys
from wherry.node.engine import ContainerBox, NoSuchContainer, User
from wherry.node.images.store import Stored
from wherry.node.process.client import Ended
from wherry.node.process.output import LogFile, Output
from wherry.node.process.session import AttachSession, SharedSink
from wherry.node.process.streams import PipeSink, PipeSource


@dataclass(slots=True)
class Container:
    """`exit`: how its program ended; `done`: its output was read to the end, too. `terminal`: to be resized, -1 for none."""

    box: ContainerBox
    pod: str
    stored: Stored | None
    stop_signal: int
    exit: asyncio.Future[Ended]
    done: asyncio.Event = field(default_factory=asyncio.Event)
    started_at: float = 0.0
    outputs: list[Output] = field(default_factory=list)
    log: LogFile | None = None
    sink: PipeSink | None = None
    terminal: int = -1
    user: User | None = None

    @property
    def running(self) -> bool:
        return self.started_at > 0 and not self.exit.done()

    def connect(self, streams: Streams, now: Callable[[], float], failed: Callable[[OSError], None]) -> None:
        """Begin to read what it writes."""
        self.log = LogFile(self.box.log, failed)
        self.terminal, self.sink = streams.terminal, streams.sink()
        for name, descriptor in zip(("stdout", "stderr"), streams.take_outputs(), strict=False):
            self.outputs.append(Output(descriptor, name, self.log, now))

    def finish(self) -> None:
        """It ended: read the rest, let go of everything."""
        for output in self.outputs:
            output.drain()
        if self.sink is not None:
            self.sink.close()
        if self.log is not None:
            self.log.close()
        if self.terminal >= 0:
            os.close(self.terminal)
            self.terminal = -1
        self.done.set()

    def attach(self, *, stdin: bool) -> AttachSession:
        """Raises NoSuchContainer once it has ended."""
        if not self.running:
            raise NoSuchContainer(self.box.id)
        sink = SharedSink(self.sink, once=self.box.stdin_once) if stdin and self.sink is not None else None
        return AttachSession(sink, [output.follow() for output in self.outputs], self._resize, self.exit)

    def _resize(self, columns: int, rows: int) -> None:
        if self.terminal >= 0:
            ptys.resize(self.terminal, columns, rows)


class Streams:
    """Both ends of a program's streams before it begins: pipes, or a socket over which its terminal comes. Close it always."""

    def __init__(self, *, tty: bool, stdin: bool) -> None:
        self.tty, self.stdin = tty, stdin
        self.terminal = -1
        self._socket: socket.socket | None = None
        self._theirs: list[int] = []
        self._ours: dict[str, int] = {}
        if tty:
            self._socket, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            self._theirs.append(other.detach())
            return
        if stdin:
            reader, self._ours["stdin"] = os.pipe()
            self._theirs.append(reader)
        else:
            self._theirs.append(os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC))
        for name in ("stdout", "stderr"):
            self._ours[name], writer = os.pipe()
            self._theirs.append(writer)

    @property
    def theirs(self) -> list[int]:
        return self._theirs

    def begun(self) -> None:
        """The program runs: its ends are its own, and its terminal is there."""
        self._close_theirs()
        if self._socket is not None:
            self._socket.setblocking(False)
            got = passing.receive(self._socket)
            if got is None:
                raise OSError("the program's terminal did not come")
            (self.terminal,) = got[1]

    def sink(self) -> PipeSink | None:
        if self.tty:
            return PipeSink(os.dup(self.terminal), terminal=True) if self.stdin else None
        descriptor = self._ours.pop("stdin", -1)
        return PipeSink(descriptor) if descriptor >= 0 else None

    def take_outputs(self) -> list[int]:
        """One with a terminal, else of output and of errors; the caller's from here on."""
        return [os.dup(self.terminal)] if self.tty else [self._ours.pop("stdout"), self._ours.pop("stderr")]

    def sources(self) -> list[PipeSource]:
        return [PipeSource(descriptor) for descriptor in self.take_outputs()]

    def close(self) -> None:
        """What nobody took."""
        self._close_theirs()
        for descriptor in self._ours.values():
            os.close(descriptor)
        self._ours.clear()
        if self._socket is not None:
            self._socket.close()

    def _close_theirs(self) -> None:
        while self._theirs:
            os.close(self._theirs.pop())
