"""port-forward over SPDY, plain or inside a WebSocket: connections to ports of a pod, each a pair of streams.

Called by the API server and by the node's own API; `dial` is the other end, for the API server's own connections to pods elsewhere. The
streams of a pair have one `requestid`; the one whose `streamtype` is `data` carries the bytes of one connection, the other one what went
wrong. A connection that cannot be made is told there and ends only its pair.
Source: k8s.io/kubelet/pkg/cri/streaming/portforward (httpstream.go, websocket.go).
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from wherry.api.errors import StatusError
from wherry.streams.idle import LONGEST, Idle
from wherry.streams.spdy import Connection
from wherry.streams.spdy_stream import Stream
from wherry.streams.wire import PIECE, Wire

#: seconds until the second stream of a pair must be there
_OPENING = 30.0
_MOST_PORT = 65535


class Opened(NamedTuple):
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


#: a port of the pod -> a connection to it. Raises OSError, StatusError
Dial = Callable[[int], Awaitable[Opened]]


class Forwarded(NamedTuple):
    """What is forwarded; `what` names the pod in errors."""

    what: str
    dial: Dial

    def failed(self, port: int, error: Exception) -> bytes:
        return f"error forwarding port {port} to {self.what}: {reason(error)}".encode()


def reason(error: Exception) -> str:
    """Worded as the kubelet's runtime words it."""
    if isinstance(error, ConnectionRefusedError):
        return "connect: connection refused"
    if isinstance(error, TimeoutError):
        return "i/o timeout"
    return str(error)


async def serve(wire: Wire, pod: Forwarded, *, idle: float = LONGEST) -> None:
    """Until the client is gone, or nothing moves any more."""
    with Idle(idle) as watch:
        forwarding = _Forwarding(wire, pod, watch)
        running = asyncio.ensure_future(forwarding.connection.run())
        try:
            await asyncio.wait([running, watch.over], return_when=asyncio.FIRST_COMPLETED)
        finally:
            tasks = [running, *forwarding.tasks]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await wire.close()


async def dial(wire: Wire, port: int) -> Opened:
    """The client's end: one connection to a port of the pod, over a wire on which a kubelet serves it. The wire goes with it.

    A port that cannot be had shows as a connection that is reset.
    """
    connection = Connection(wire, client=True)
    headers = {"port": str(port), "requestid": "0"}
    error, data = (connection.open({"streamtype": kind, **headers}) for kind in ("error", "data"))
    error.close()
    ours, theirs = socket.socketpair()
    for each in (ours, theirs):
        each.setblocking(False)
    inner = Opened(*await asyncio.open_connection(sock=theirs))
    passing = asyncio.ensure_future(_pass(wire, connection, (error, data), inner))
    _PASSING.add(passing)
    passing.add_done_callback(_PASSING.discard)
    return Opened(*await asyncio.open_connection(sock=ours))


#: what passes on connections that were dialled: the loop itself holds tasks weakly
_PASSING: set[asyncio.Future[None]] = set()


async def _pass(wire: Wire, connection: Connection, streams: tuple[Stream, Stream], inner: Opened) -> None:
    error, data = streams
    reading = asyncio.ensure_future(connection.run())
    failed = asyncio.ensure_future(error.read())
    with Idle(LONGEST) as watch:
        both = [asyncio.ensure_future(each) for each in (_up(data, inner.writer, watch), _down(inner.reader, data, watch))]
        ended: list[asyncio.Future[Any]] = [asyncio.ensure_future(asyncio.wait(both)), watch.over]
        try:
            await asyncio.wait([*ended, failed], return_when=asyncio.FIRST_COMPLETED)
            if failed.done() and failed.result():
                inner.writer.transport.abort()
            else:
                await asyncio.wait(ended, return_when=asyncio.FIRST_COMPLETED)
        finally:
            inner.writer.close()
            connection.goodbye()
            tasks: list[asyncio.Future[Any]] = [reading, failed, *both, *ended]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await wire.close()


class _Forwarding:
    """The pairs of one client."""

    def __init__(self, wire: Wire, pod: Forwarded, idle: Idle) -> None:
        self.connection = Connection(wire, self._opened)
        self.tasks: set[asyncio.Task[None]] = set()
        self._pod, self._idle = pod, idle
        self._waiting: dict[str, dict[str, Stream]] = {}

    def _opened(self, stream: Stream) -> None:
        request, kind = stream.headers.get("requestid", ""), stream.headers.get("streamtype", "")
        if kind not in ("data", "error") or _port(stream) is None:
            stream.reset()
            return
        pair = self._waiting.setdefault(request, {})
        if kind in pair:
            stream.reset()
            return
        pair[kind] = stream
        if len(pair) == 2:
            del self._waiting[request]
            self._start(pair["data"], pair["error"])
        else:
            asyncio.get_running_loop().call_later(_OPENING, self._give_up, request, pair)

    def _give_up(self, request: str, pair: dict[str, Stream]) -> None:
        if self._waiting.get(request) is pair:
            del self._waiting[request]
            for stream in pair.values():
                stream.reset()

    def _start(self, data: Stream, error: Stream) -> None:
        task = asyncio.ensure_future(_forward(self._pod, data, error, self._idle))
        self.tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        if not task.cancelled():
            task.exception()  # the streams are closed; what else went wrong ended them


def _port(stream: Stream) -> int | None:
    text = stream.headers.get("port", "")
    number = int(text) if text.isdecimal() and len(text) <= len(str(_MOST_PORT)) else 0
    return number if 0 < number <= _MOST_PORT else None


async def _forward(pod: Forwarded, data: Stream, error: Stream, idle: Idle) -> None:
    """One connection, from its opening to the end of both directions."""
    error.ignore()
    port = _port(data) or 0
    try:
        opened = await pod.dial(port)
    except (OSError, StatusError) as failure:
        try:
            await error.write(pod.failed(port, failure))
            error.close()
        except BrokenPipeError:
            pass
        data.close()
        data.ignore()
        return
    try:
        await asyncio.gather(_up(data, opened.writer, idle), _down(opened.reader, data, idle))
    finally:
        error.close()
        data.close()
        if data.broken:
            opened.writer.transport.abort()
        opened.writer.close()


async def _up(stream: Stream, writer: asyncio.StreamWriter, idle: Idle) -> None:
    """From the client to the pod; the pod may have stopped reading."""
    try:
        while data := await stream.read():
            idle.moved()
            writer.write(data)
            await writer.drain()
        if stream.broken:
            writer.transport.abort()
        elif writer.can_write_eof() and not writer.is_closing():
            writer.write_eof()
    except OSError:
        stream.ignore()


async def _down(reader: asyncio.StreamReader, stream: Stream, idle: Idle) -> None:
    """From the pod to the client; the client may have stopped reading."""
    try:
        while data := await reader.read(PIECE):
            idle.moved()
            await stream.write(data)
    except OSError:
        stream.reset()
    stream.close()
