"""Making a child that becomes a program, without waiting for it: what it says until then comes through a pipe.

The pipe closes when the program has begun (it is closed on exec). Before that the child says why it has not, in a line of JSON. A child
that is to live in another process namespace is made by one in between, which says its number as this process sees it.
"""

from __future__ import annotations

import gc
import json
import os
import signal
from collections.abc import Callable
from typing import Any

from wherry.linux import calls
from wherry.node.process.helper.become import Failed


class Birth:
    """A child on its way. `pid` 0: not known yet. `done`: called with the error, or None, when it is known which.

    `space`: the mount namespace that it made; `own_user`: it made a user namespace. `user`: its number, its group's, all its groups.
    """

    def __init__(self, pipe: int, pid: int, done: Callable[[Birth, dict[str, Any] | None], None]) -> None:
        self.pipe, self.pid, self.done = pipe, pid, done
        self.said = b""
        self.space = 0
        self.own_user = False
        self.user: list[Any] = []

    def hear(self) -> bool:
        """Read what is there. True at the end."""
        try:
            data = os.read(self.pipe, 4096)
        except BlockingIOError:
            return False
        self.said += data
        return not data

    def finish(self) -> None:
        os.close(self.pipe)
        error = None
        for line in self.said.splitlines():
            told = json.loads(line)
            if "pid" in told:
                self.pid = told["pid"]
            elif "space" in told:
                self.space = told["space"]
            elif "user" in told:
                self.user = told["user"]
            elif "own_user" in told:
                self.own_user = True
            else:
                error = told
        self.done(self, error)


def spawn(work: Callable[[int], None], flags: int, processes: int | None, done: Callable[[Birth, dict[str, Any] | None], None]) -> Birth:
    """`work` is called in the child with the pipe to close at last, and does not return unless it fails.

    `processes`: descriptor of the process namespace it is to live in; None for the flags' (or this) one.
    """
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    if processes is None:
        pid = calls.clone(flags)
        if pid == 0:
            _run(work, writer)
    else:
        pid = 0
        if os.fork() == 0:
            _go_between(work, flags, processes, writer)
    os.close(writer)
    return Birth(reader, pid, done)


def _go_between(work: Callable[[int], None], flags: int, processes: int, writer: int) -> None:
    """Never returns. The child's parent is the helper, which collects it."""
    try:
        signal.set_wakeup_fd(-1)
        calls.setns(processes)
        pid = calls.clone(flags | calls.CLONE_PARENT)
    except OSError as error:
        say(writer, {"reason": "RunContainerError", "text": calls.words(error), "code": 128})
        os._exit(1)
    if pid == 0:
        _run(work, writer)
    say(writer, {"pid": pid})
    os._exit(0)


def _run(work: Callable[[int], None], writer: int) -> None:
    """Never returns."""
    try:
        gc.disable()
        signal.set_wakeup_fd(-1)
        work(writer)
        os._exit(0)
    except Failed as failed:
        say(writer, {"reason": failed.reason, "text": failed.text, "code": failed.code})
    except BaseException as error:
        text = calls.words(error) if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
        say(writer, {"reason": "CreateContainerError", "text": text, "code": 128})
    os._exit(128 & 255)


def say(writer: int, what: dict[str, Any]) -> None:
    """One line, as a whole."""
    os.write(writer, json.dumps(what).encode()[:3500] + b"\n")
