"""The main process's side of a helper: starts it, sends requests, hands out answers and ends. On one event loop, without a thread.

Invariant: when `start` returned, every request is answered, by the helper or, when that is gone, by Unavailable; and `ended` was called for
each program whose start succeeded.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from wherry.linux import passing
from wherry.node.engine import Unavailable
from wherry.node.process import refusals

_ENTRY = Path(__file__).with_name("helper") / "__main__.py"
_PREFIX = "wherry-"
_LOST = "the helper process of the process engine ended"


class Settings(NamedTuple):
    """`ids`: "" takes what the machine allows (exact, range, single), or one of these. `cgroups` False leaves control groups alone.

    Networks in CIDR form; "" for none. `left`: a folder that is removed when the engine ends, however it ends; "" for none.
    """

    gateway: str = "10.244.0.1"
    services: str = "10.96.0.0/12"
    gateway6: str = ""
    services6: str = ""
    ids: str = ""
    cgroups: bool = True
    left: str = ""


class HelperError(Exception):
    """The helper did not do it. `kind`: missing, rules, system, start, unpack; `number` the kernel's error, 0 for none."""

    def __init__(self, told: dict[str, Any]) -> None:
        super().__init__(told["text"])
        self.kind: str = told["error"]
        self.text: str = told["text"]
        self.number: int = told.get("errno", 0)
        self.told = told


class Ended(NamedTuple):
    code: int
    signal: int
    reason: str


class Helper:
    """`ended`: called with the id of a program and how it ended. `lost`: called once if the helper ends by itself."""

    def __init__(self, settings: Settings, ended: Callable[[str, Ended], None], lost: Callable[[], None]) -> None:
        self.settings = settings
        self._on_end, self._on_loss = ended, lost
        self._number = 0
        self._waiting: dict[int, asyncio.Future[tuple[dict[str, Any], list[int]]]] = {}
        self._queue: deque[passing.Message] = deque()
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._closing = self._up = False
        #: which ids exist in containers (exact, range, single), and which limits are kept by the kernel
        self.ids = ""
        self.controllers: tuple[str, ...] = ()

    @property
    def pid(self) -> int:
        """Of the process that keeps the helper; 0 when none runs."""
        return self._process.pid if self._process else 0

    async def start(self) -> None:
        """From the loop's own thread, which must outlive it. Raises Unavailable."""
        self._loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        _sweep()
        self._scratch = tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-")
        settings = {**self.settings._asdict(), "scratch": self._scratch, "name": Path(self._scratch).name, "parent": os.getpid()}
        command = [sys.executable, "-I", "-S", str(_ENTRY), str(theirs.fileno())]
        with theirs:
            # not as an argument: programs in pods that share processes see this one's command line
            passing.send(ours, settings)
            self._process = _run(command, theirs.fileno())
        ours.setblocking(False)
        self._socket = ours
        self._ready = self._loop.create_future()
        self._loop.add_reader(ours.fileno(), self._read)
        try:
            await self._ready
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """End it and all that it holds, and wait until nothing is left. May be called again."""
        self._closing = True
        process, self._process = self._process, None
        self._let_go()
        if process is not None:
            await _end(self._loop, process)
            with contextlib.suppress(OSError):
                os.rmdir(self._scratch)

    async def ask(self, what: str, descriptors: Sequence[int] = (), **arguments: Any) -> tuple[dict[str, Any], list[int]]:
        """The answer and descriptors, which are the caller's. Those given may be closed at once. Raises HelperError, Unavailable."""
        if self._socket is None:
            raise Unavailable(_LOST)
        self._number += 1
        number = self._number
        future: asyncio.Future[tuple[dict[str, Any], list[int]]] = self._loop.create_future()
        self._waiting[number] = future
        self._send(passing.Message({"do": what, "number": number, **arguments}, descriptors))
        try:
            return await future
        except asyncio.CancelledError:
            self._waiting.pop(number, None)
            raise

    # --- the socket ---
    def _send(self, message: passing.Message) -> None:
        assert self._socket is not None
        if not self._queue:
            try:
                message.send(self._socket)
            except BlockingIOError:
                self._loop.add_writer(self._socket.fileno(), self._write)
            except OSError:
                message.close()  # the end is read in a moment, and answers everything
                return
            else:
                message.close()
                return
        message.keep()
        self._queue.append(message)

    def _write(self) -> None:
        assert self._socket is not None
        while self._queue:
            try:
                self._queue[0].send(self._socket)
            except BlockingIOError:
                return
            except OSError:
                break
            self._queue.popleft().close()
        self._loop.remove_writer(self._socket.fileno())

    def _read(self) -> None:
        while self._socket is not None:
            try:
                got = passing.receive(self._socket)
            except BlockingIOError:
                return
            except OSError:
                got = None
            if got is None:
                self._lose()
                return
            self._heard(*got)

    def _heard(self, told: dict[str, Any], descriptors: list[int]) -> None:
        if "exit" in told:
            self._on_end(told["exit"], Ended(told["code"], told["signal"], told["reason"]))
        elif "number" in told:
            future = self._waiting.pop(told["number"], None)
            if future is None or future.done():
                for descriptor in descriptors:
                    os.close(descriptor)
            elif "error" in told:
                future.set_exception(HelperError(told))
            else:
                future.set_result((told, descriptors))
        elif "refused" in told:
            self._ready.set_exception(refusals.explain(told["refused"], told["errno"], told["text"], refusals.look()))
        else:
            self.ids, self.controllers = told["ids"], tuple(told["controllers"])
            self._up = True
            self._ready.set_result(None)

    def _lose(self) -> None:
        self._let_go()
        if not self._ready.done():
            self._ready.set_exception(Unavailable(_LOST, "its last words are above"))
        if self._up and not self._closing:
            self._on_loss()

    def _let_go(self) -> None:
        ours, self._socket = self._socket, None
        if ours is not None:
            self._loop.remove_reader(ours.fileno())
            self._loop.remove_writer(ours.fileno())
            ours.close()
        while self._queue:
            self._queue.popleft().close()
        waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            if not future.done():
                future.set_exception(Unavailable(_LOST))


def _sweep() -> None:
    """Folders of processes that were killed together with what keeps their helpers."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        pid = path.name.removeprefix(_PREFIX).partition("-")[0]
        if pid.isdecimal() and not Path(f"/proc/{pid}").exists():
            with contextlib.suppress(OSError):
                path.rmdir()


def _run(command: list[str], descriptor: int) -> subprocess.Popen[bytes]:
    """A millisecond or two; the loop's own way would need a thread in Python 3.11."""
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, pass_fds=[descriptor], stdin=quiet, stdout=quiet, start_new_session=True, cwd="/")


async def _end(loop: asyncio.AbstractEventLoop, process: subprocess.Popen[bytes]) -> None:
    """Ask it to end and wait, by a descriptor of the process: no thread, whatever the loop."""
    # before anything asks for its state: that would collect it if it has ended
    descriptor = os.pidfd_open(process.pid)
    os.kill(process.pid, signal.SIGTERM)
    ended = asyncio.Event()
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
    process.wait()
