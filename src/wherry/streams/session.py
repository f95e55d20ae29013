"""A program's streams, whatever runs it and whatever wire they go over; and what its end is called.

The engine of a node gives a `Session`, `remote` makes one of a connection to a kubelet; `remote_command` carries it to a client.
Source: k8s.io/apimachinery/pkg/util/remotecommand/constants.go, k8s.io/kubelet/pkg/cri/streaming/remotecommand (the Status at the end).
"""

from __future__ import annotations

from typing import Protocol

from wherry.api.errors import InternalError, StatusError
from wherry.api.objects import Obj


class Source(Protocol):
    async def read(self, most: int = 65536) -> bytes:
        """The next bytes, at least one; b"" once it has ended."""
        ...


class Sink(Protocol):
    async def write(self, data: bytes) -> None:
        """All of it, waiting while nobody reads. Raises BrokenPipeError when nobody ever will."""
        ...

    def close(self) -> None:
        """The reader comes to the end of its input."""
        ...


class Session(Protocol):
    """What runs, or what is attached to. Read `stdout` and `stderr` both: one may hold up the other."""

    @property
    def stdin(self) -> Sink | None:
        """None where none was asked for."""
        ...

    @property
    def stdout(self) -> Source: ...

    @property
    def stderr(self) -> Source | None:
        """None with a terminal, where both are one."""
        ...

    def resize(self, columns: int, rows: int) -> None:
        """Set the terminal's size; nothing happens without one."""
        ...

    async def wait(self) -> int:
        """The program's exit code (128 + signal).

        Raises StatusError when it is not known: the program was never run, or the way to it is gone.
        """
        ...

    async def close(self) -> None:
        """The caller is done: an exec's program is killed if it still runs, an attached container runs on. Call it always."""
        ...


async def beginning(source: Source, most: int) -> bytes:
    """The first bytes of what it gives; it is read to its end."""
    kept = b""
    while data := await source.read():
        if len(kept) < most:
            kept += data
    return kept[:most]


_SUCCESS: Obj = {"metadata": {}, "status": "Success"}


def exit_status(code: int) -> Obj:
    """The Status that tells a client how a program ended."""
    if not code:
        return _SUCCESS
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: exit status {code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


async def outcome(session: Session) -> Obj:
    """How the session ended, as a Status: also what went wrong on the way."""
    try:
        return exit_status(await session.wait())
    except StatusError as error:
        return error.to_status()
    except OSError as error:
        return InternalError(f"Internal error occurred: {error}").to_status()
