"""A load generator that costs little: requests of one kind over kept connections, from a process of its own.

Used by the parts `api`, `api_full` and `mixed`. It parses no more of an answer than where it ends.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import ssl
import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from wherry.client.access import Access
from wherry.client.credentials import Credentials
from wherry.client.kubeconfig import Overrides, load
from wherry.client.tls import context
from wherry.cluster.thread import new_loop

#: what a connection sends next, from its number and how many it has sent
Request = tuple[str, str, bytes, str]
Make = Callable[[int, int], Request]
#: requests of each connection before it is measured
WARM = 5


class Target(NamedTuple):
    """`plain`: the port of plain HTTP on this machine instead of the kubeconfig's server."""

    kubeconfig: str
    plain: int = 0


class Result(NamedTuple):
    rate: float
    p50: float
    p99: float

    @classmethod
    def of(cls, times: list[float], seconds: float) -> Result:
        if len(times) < 2:
            return cls(len(times) / seconds, 0.0, 0.0)
        spread = statistics.quantiles(times, n=100)
        return cls(len(times) / seconds, spread[49] * 1000, spread[98] * 1000)


class Failed(RuntimeError):
    """The server answered with an error; the message has the status and the beginning of the body."""


class Session(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self._waiting: asyncio.Future[tuple[int, bytes]] | None = None
        self._pieces: list[bytes] = []
        self._size = 0
        self._end = -1
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(ConnectionError(f"the connection was lost: {error}"))

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Status, and the answer with its head."""
        self._waiting = asyncio.get_running_loop().create_future()
        self._pieces, self._size, self._end = [], 0, -1
        self._transport.write(request)
        return await self._waiting

    def close(self) -> None:
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._pieces.append(data)
        self._size += len(data)
        if self._end < 0 and not self._measure():
            return
        chunked = self._end == 0
        if self._waiting is not None and (self._has_last_chunk() if chunked else self._size >= self._end):
            waiting, self._waiting = self._waiting, None
            if not waiting.done():
                answer = b"".join(self._pieces)
                waiting.set_result((int(answer[9:12]), answer))

    def _has_last_chunk(self) -> bool:
        last = self._pieces[-1]
        if len(last) < 7 and len(self._pieces) > 1:
            self._pieces[-2:] = [last := self._pieces[-2] + last]
        return last.endswith(b"\r\n0\r\n\r\n")

    def _measure(self) -> bool:
        """Where the answer ends: a position, or 0 when it comes in chunks. False while its head is not whole."""
        data = b"".join(self._pieces)
        head = data.find(b"\r\n\r\n")
        if head < 0:
            return False
        low = data[:head].lower()
        at = low.find(b"content-length:")
        self._end = 0 if at < 0 else head + 4 + int(low[at + 15 :].split(b"\r\n", 1)[0])
        return True


class Caller:
    """Opens connections to a target and writes its requests."""

    def __init__(self, target: Target) -> None:
        self._access: Access = load(Overrides(kubeconfig=target.kubeconfig))
        host, _, port = self._access.server.partition("://")[2].rstrip("/").partition(":")
        self._host, self._port = ("127.0.0.1", target.plain) if target.plain else (host, int(port or 443))
        self._tls: ssl.SSLContext | None = None if target.plain or self._access.server.startswith("http://") else context(self._access)
        self._head = ""

    async def open(self) -> Session:
        if not self._head:
            own = await Credentials(self._access, time.time).headers()
            self._head = "".join(f"{k}: {v}\r\n" for k, v in (("Host", "localhost"), *own, ("Accept", "application/json"),
                                                             ("User-Agent", "bench")))
        name = (self._access.tls_server_name or self._host) if self._tls else None
        loop = asyncio.get_running_loop()
        _, session = await loop.create_connection(Session, self._host, self._port, ssl=self._tls, server_hostname=name)
        return session

    def bytes_of(self, request: Request) -> bytes:
        method, path, body, content_type = request
        head = f"{method} {path} HTTP/1.1\r\n{self._head}"
        if body or method != "GET":
            head += f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
        return head.encode() + b"\r\n" + body


async def pound(target: Target, make: Make, connections: int, seconds: float, first: list[Request], warm: int = WARM) -> Result:
    """The requests of `first` one after another, then each connection one request after another until the time is up. Raises Failed."""
    caller = Caller(target)
    sessions = [await caller.open() for _ in range(connections)]
    for request in first:
        await _answered(sessions[0], caller.bytes_of(request), allowed=(409,))
    times: list[float] = []

    async def work(number: int, session: Session, begin: int, until: float, kept: list[float]) -> None:
        count = begin
        while time.perf_counter() < until and (kept is times or count < begin + warm):
            data = caller.bytes_of(make(number, count))
            begun = time.perf_counter()
            await _answered(session, data)
            kept.append(time.perf_counter() - begun)
            count += 1

    def all_of(begin: int, length: float, kept: list[float]) -> Any:
        until = time.perf_counter() + length
        return asyncio.gather(*(work(n, s, begin, until, kept) for n, s in enumerate(sessions)))

    await all_of(0, 2.0, [])
    begun = time.perf_counter()
    await all_of(warm, seconds, times)
    spent = time.perf_counter() - begun
    for session in sessions:
        session.close()
    return Result.of(times, spent)


async def _answered(session: Session, data: bytes, allowed: tuple[int, ...] = ()) -> None:
    status, answer = await session.ask(data)
    if status >= 300 and status not in allowed:
        raise Failed(f"{data[:80]!r}: {status} {answer.partition(b'{')[2][:200]!r}")


def apart(work: Callable[..., Any], *arguments: Any, timeout: float = 120.0) -> Any:
    """The result of a coroutine function in a process of its own. Raises RuntimeError when it fails there."""
    methods = multiprocessing.get_context("spawn")
    queue: Any = methods.Queue()
    process = methods.Process(target=_child, args=(queue, work, arguments))
    process.start()
    try:
        done, result = queue.get(timeout=timeout)
    finally:
        process.join(10)
    if not done:
        raise RuntimeError(result)
    return result


def _child(queue: Any, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    loop = new_loop()
    try:
        queue.put((True, loop.run_until_complete(work(*arguments))))
    except Exception as error:
        queue.put((False, f"{type(error).__name__}: {error}"))
