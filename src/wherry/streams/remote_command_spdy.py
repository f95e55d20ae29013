"""exec and attach over SPDY: the client opens a stream for each of input, output, errors, terminal sizes and the end.

Which stream is which, its header `streamtype` says. The session starts once all that were asked for are there.
Source: k8s.io/kubelet/pkg/cri/streaming/remotecommand/httpstream.go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec

from wherry.api.objects import Obj
from wherry.streams.remote_command import ERROR, RESIZE, STDERR, STDIN, STDOUT, Feed, Wanted
from wherry.streams.spdy import Connection
from wherry.streams.spdy_stream import Stream
from wherry.streams.wire import Wire

#: seconds for a client to open its streams, and to go first once it was told the end
_OPENING, _GOODBYE = 30.0, 1.0
_TYPES = {"stdin": STDIN, "stdout": STDOUT, "stderr": STDERR, "error": ERROR, "resize": RESIZE}
_WITH_STATUS = "v4.channel.k8s.io"
_WITH_RESIZE = ("v3.channel.k8s.io", _WITH_STATUS)


def _expected(wanted: Wanted, version: str) -> set[int]:
    asked = {STDIN: wanted.stdin, STDOUT: wanted.stdout, STDERR: wanted.stderr and not wanted.tty, ERROR: True}
    return {n for n, there in {**asked, RESIZE: wanted.tty and version in _WITH_RESIZE}.items() if there}


class SpdyClient:
    """Use it in an `async with`: the connection is read as long as that lasts."""

    def __init__(self, wire: Wire, wanted: Wanted, version: str) -> None:
        self._wire, self._version = wire, version
        self._missing = _expected(wanted, version)
        self._streams: dict[int, Stream] = {}
        self._complete = asyncio.Event()
        self._connection = Connection(wire, self._opened)

    async def __aenter__(self) -> SpdyClient:
        self._reading = asyncio.ensure_future(self._connection.run())
        return self

    async def __aexit__(self, *error: object) -> None:
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        await self._wire.close()

    async def ready(self) -> None:
        """Until the streams that belong to the session are there. Raises ConnectionResetError when they do not come."""
        complete = asyncio.ensure_future(self._complete.wait())
        await asyncio.wait([complete, self._reading], timeout=_OPENING, return_when=asyncio.FIRST_COMPLETED)
        complete.cancel()
        if not self._complete.is_set():
            raise ConnectionResetError("the client did not open its streams")

    def _opened(self, stream: Stream) -> None:
        kind = _TYPES.get(stream.headers.get("streamtype", ""))
        if kind not in self._missing:
            stream.reset()
            return
        self._missing.discard(kind)
        self._streams[kind] = stream
        if kind in (STDOUT, STDERR, ERROR):
            stream.ignore()
        if not self._missing:
            self._complete.set()

    async def input(self, session: Feed) -> None:
        sizes = asyncio.ensure_future(self._sizes(session))
        try:
            await self._stdin(session)
            await self._reading
        finally:
            sizes.cancel()
            await asyncio.gather(sizes, return_exceptions=True)

    async def _stdin(self, session: Feed) -> None:
        stream = self._streams.get(STDIN)
        while stream is not None and (data := await stream.read()):
            await session.write(data)
        session.end()

    async def _sizes(self, session: Feed) -> None:
        """A client may send several sizes in a piece, or one in two: they are lines."""
        stream, rest = self._streams.get(RESIZE), b""
        while stream is not None and (data := await stream.read()):
            *whole, rest = (rest + data).replace(b"}", b"}\n").split(b"\n")
            for message in whole:
                if message.strip():
                    session.resize(message)
            rest = rest[-1024:]

    async def send(self, channel: int, data: bytes) -> None:
        await self._streams[channel].write(data)

    async def finish(self, status: Obj) -> None:
        for channel in (STDOUT, STDERR):
            if (stream := self._streams.get(channel)) is not None:
                stream.close()
        error = self._streams[ERROR]
        if text := _text(status, self._version):
            await error.write(text)
        error.close()
        await asyncio.wait([self._reading], timeout=_GOODBYE)  # the client goes first


def _text(status: Mapping[str, object], version: str) -> bytes:
    if version == _WITH_STATUS:
        return msgspec.json.encode(status)
    return b"" if status["status"] == "Success" else str(status.get("message", "")).encode()
