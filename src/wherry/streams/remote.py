"""A session on another node, over SPDY: the client's end of `remote_command_spdy`.

Called by the API server for clients that speak what kubelets do not (WebSocket v5): it speaks SPDY to the kubelet in their place.
Source: k8s.io/client-go/tools/remotecommand (v4.go, errorstream.go), k8s.io/apiserver/pkg/util/proxy/streamtranslator.go.
"""

from __future__ import annotations

import asyncio

import msgspec

from wherry.api.errors import InternalError, StatusError
from wherry.streams.remote_command import Wanted
from wherry.streams.session import Sink, Source
from wherry.streams.spdy import Connection
from wherry.streams.spdy_stream import Stream
from wherry.streams.wire import Wire

#: the version that is asked for: all kubelets of today speak it
VERSION = "v4.channel.k8s.io"
_MOST_STATUS = 64 * 1024
_LOST = "the connection to the node was lost before the command had ended"


class RemoteSession:
    """Made once the connection is switched."""

    def __init__(self, wire: Wire, wanted: Wanted) -> None:
        self._wire = wire
        self._connection = Connection(wire, client=True)
        self._reading = asyncio.ensure_future(self._connection.run())
        self._error = self._open("error")
        self._stdin = self._open("stdin") if wanted.stdin else None
        self._stdout = self._open("stdout") if wanted.stdout else None
        self._stderr = self._open("stderr") if wanted.stderr and not wanted.tty else None
        self._sizes = self._open("resize") if wanted.tty else None
        self._resizing: asyncio.Task[None] | None = None
        for output in (self._error, self._stdout, self._stderr):
            if output is not None:
                output.close()

    def _open(self, kind: str) -> Stream:
        return self._connection.open({"streamtype": kind})

    @property
    def stdin(self) -> Sink | None:
        return self._stdin

    @property
    def stdout(self) -> Source:
        return self._stdout or _Nothing()

    @property
    def stderr(self) -> Source | None:
        return self._stderr

    def resize(self, columns: int, rows: int) -> None:
        if self._sizes is not None:
            before = self._resizing
            self._resizing = asyncio.ensure_future(self._resize(before, msgspec.json.encode({"Width": columns, "Height": rows})))

    async def _resize(self, before: asyncio.Task[None] | None, size: bytes) -> None:
        """Sizes go in order; the last one counts."""
        if before is not None:
            await asyncio.wait([before])
        if self._sizes is not None:
            try:
                await self._sizes.write(size)
            except BrokenPipeError:
                self._sizes = None

    async def wait(self) -> int:
        said = b""
        while (piece := await self._error.read()) and len(said) < _MOST_STATUS:
            said += piece
        if not said and self._error.broken:
            raise InternalError(f"Internal error occurred: {_LOST}")
        return _code(said)

    async def close(self) -> None:
        self._connection.goodbye()
        tasks = [task for task in (self._reading, self._resizing) if task is not None]
        for task in tasks:
            task.cancel()
        try:
            await asyncio.gather(*tasks, return_exceptions=True)
        finally:  # also when whoever closes is told to stop meanwhile
            await self._wire.close()


class _Nothing:
    """The output that nobody asked for."""

    async def read(self, most: int = 0) -> bytes:
        return b""


def _code(said: bytes) -> int:
    """The exit code that a Status tells. Raises StatusError for what is none."""
    if not said:
        return 0
    try:
        status = msgspec.json.decode(said)
        if status.get("status") == "Success":
            return 0
        if status.get("reason") == "NonZeroExitCode":
            return next(int(cause["message"]) for cause in status["details"]["causes"] if cause.get("reason") == "ExitCode")
    except (msgspec.DecodeError, AttributeError, KeyError, TypeError, ValueError, StopIteration):
        text = said.decode("utf-8", "replace")
        raise InternalError(f"Internal error occurred: error stream protocol error: unknown error: {text}") from None
    raise StatusError.from_status({"code": 500, **status})
