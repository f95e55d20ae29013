"""Sessions that are real programs of this machine: what a runtime offers, without containers. Ports of a pod are those of 127.0.0.1."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import signal
import socket
import struct
import termios
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from wherry.api.errors import InternalError
from wherry.api.objects import Obj
from wherry.streams.session import Session, Sink, Source


class PipeSink:
    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    async def write(self, data: bytes) -> None:
        try:
            self._writer.write(data)
            await self._writer.drain()
        except ConnectionError as error:
            raise BrokenPipeError(str(error)) from None

    def close(self) -> None:
        self._writer.close()


def _kill(process: asyncio.subprocess.Process) -> None:
    """With all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


class Program:
    """A program on pipes."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        assert process.stdout is not None
        self.stdout: Source = process.stdout
        self.stderr: Source | None = process.stderr
        self.stdin: Sink | None = PipeSink(process.stdin) if process.stdin is not None else None

    def resize(self, columns: int, rows: int) -> None:
        raise AssertionError("there is no terminal")

    async def wait(self) -> int:
        code = await self.process.wait()
        return code if code >= 0 else 128 - code

    async def close(self) -> None:
        _kill(self.process)
        self.process._transport.close()  # type: ignore[attr-defined]  # pipes that are held up would keep it
        await self.process.wait()


class Terminal:
    """The master of a pseudo terminal, as source and sink."""

    def __init__(self, descriptor: int) -> None:
        self._fd = descriptor

    async def read(self, most: int = 65536) -> bytes:
        loop = asyncio.get_running_loop()
        readable = loop.create_future()
        loop.add_reader(self._fd, lambda: readable.done() or readable.set_result(None))
        try:
            await readable
            return os.read(self._fd, most)
        except OSError:
            return b""
        finally:
            loop.remove_reader(self._fd)

    async def write(self, data: bytes) -> None:
        os.write(self._fd, data)

    def close(self) -> None:
        os.write(self._fd, b"\x04")


class OnTerminal:
    stderr: Source | None = None

    def __init__(self, process: asyncio.subprocess.Process, master: int, *, stdin: bool) -> None:
        self.process, self._master = process, master
        terminal = Terminal(master)
        self.stdout: Source = terminal
        self.stdin: Sink | None = terminal if stdin else None

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    async def wait(self) -> int:
        code = await self.process.wait()
        return code if code >= 0 else 128 - code

    async def close(self) -> None:
        _kill(self.process)
        await self.process.wait()
        os.close(self._master)


class HostSessions:
    """`programs` are those of `exec`; what `attach` finds is `attached`, a command that is started with the first attach."""

    def __init__(self, attached: Sequence[str] = ("sh", "-c", "while read line; do echo heard $line; done")) -> None:
        self._attached = attached
        self.opened = self.closed = 0
        self._changed = threading.Condition()

    def until(self, expected: Callable[[], bool], seconds: float = 30) -> None:
        """Waits, on another thread than the cluster's, for what is true of `opened` and `closed`."""
        with self._changed:
            assert self._changed.wait_for(expected, seconds), f"{self.opened} sessions were opened, {self.closed} closed"

    def put_into(self, runtime: Any) -> None:
        """The runtime's pods are simulated as before, but programs run in them."""
        runtime.name, runtime.exec, runtime.attach, runtime.dial = "host", self.exec, self.attach, self.dial

    async def exec(self, pod: Obj, container: str, command: Sequence[str], *, tty: bool, stdin: bool) -> Session:
        try:
            return self._counted(await (self._on_terminal(command, stdin) if tty else self._on_pipes(command, stdin)))
        except FileNotFoundError:
            raise InternalError(f'Internal error occurred: exec failed: "{command[0]}": executable file not found in $PATH') from None

    async def attach(self, pod: Obj, container: str, *, stdin: bool) -> Session:
        return self._counted(await self._on_pipes(self._attached, stdin))

    async def dial(self, pod: Obj, port: int) -> socket.socket:
        made = socket.socket()
        made.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(made, ("127.0.0.1", port))
        except OSError:
            made.close()
            raise
        return made

    async def _on_pipes(self, command: Sequence[str], stdin: bool) -> Program:
        pipe, null = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        streams = {"stdin": pipe if stdin else null, "stdout": pipe, "stderr": pipe}
        return Program(await asyncio.create_subprocess_exec(*command, **streams, start_new_session=True))

    async def _on_terminal(self, command: Sequence[str], stdin: bool) -> OnTerminal:
        master, slave = pty.openpty()
        process = await asyncio.create_subprocess_exec("setsid", "-wc", *command, stdin=slave, stdout=slave, stderr=slave)
        os.close(slave)
        return OnTerminal(process, master, stdin=stdin)

    def _counted(self, session: Any) -> Session:
        self._count(opened=1)
        close = session.close

        async def counted() -> None:
            await close()
            self._count(closed=1)

        session.close = counted
        return session  # type: ignore[no-any-return]

    def _count(self, opened: int = 0, closed: int = 0) -> None:
        with self._changed:
            self.opened += opened
            self.closed += closed
            self._changed.notify_all()
