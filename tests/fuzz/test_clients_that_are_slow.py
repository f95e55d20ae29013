"""Clients that are slow, cut their requests, do not read, or come in thousands: the server lets go of them, and stays small."""

from __future__ import annotations

import asyncio
import resource
import socket
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.fuzz.fuzz_world import Attacked, parsed
from tests.server.http_server import NAMESPACE, TOKEN, World, run
from wherry.server import connection, wire

CONFIG_MAPS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
HEAD = f"POST {CONFIG_MAPS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n".encode()


@pytest.mark.parametrize(
    "said", [b"", b"GET /api", HEAD, HEAD + b"Content-Length: 300\r\n\r\n{", HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab"]
)
def test_requests_cut_in_the_middle_leave_nothing(target: Attacked, said: bytes, caplog: pytest.LogCaptureFixture) -> None:
    target.raw(said, half=True)
    target.alive()
    assert not caplog.records


def test_slow_bodies_run_out_of_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "REQUEST_TIMEOUT", 0.2)

    async def body(made: World) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", made.port)
        writer.write(HEAD + b"Connection: close\r\nContent-Length: 300\r\n\r\n{")
        code, status = parsed(await reader.read())
        writer.close()
        assert (code, status["reason"]) == (504, "Timeout")
        assert status["message"] == "Timeout: request did not complete within the allotted timeout"

    run(body)


@pytest.mark.parametrize("said", [b"", b"GET /version HTTP/1.1\r\nHost: x\r\nX: "])
def test_slow_headers_run_out_of_time(monkeypatch: pytest.MonkeyPatch, said: bytes) -> None:
    monkeypatch.setattr(connection, "PATIENCE", 0.2)

    async def body(made: World) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", made.port)
        writer.write(said)
        assert await reader.read() == b""
        writer.close()

    run(body)


def test_clients_that_do_not_read_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "REQUEST_TIMEOUT", 0.2)

    async def body(made: World) -> None:
        for i in range(8):
            await made.make_object("configmaps", f"big{i}", data={"a": "x" * 1_000_000})
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(client, ("127.0.0.1", made.port))
            await loop.sock_sendall(client, f"GET {CONFIG_MAPS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode())
            await _until(lambda: made.server.connections == 1)
            await _until(lambda: made.server.connections == 0)

    run(body)


async def _until(so: Callable[[], bool]) -> None:
    async with asyncio.timeout(40):
        while not so():  # noqa: ASYNC110 - what is waited for happens in the kernel
            await asyncio.sleep(0.01)


def _peak() -> int:
    """The most memory this process had so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


async def _unread(made: World, held: ExitStack, connections: int, path: str) -> None:
    """So many clients ask and read nothing."""
    loop = asyncio.get_running_loop()
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode()
    for _ in range(connections):
        client = held.enter_context(socket.socket())
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        await loop.sock_connect(client, ("127.0.0.1", made.port))
        await loop.sock_sendall(client, request)


async def _many(made: World, connections: int, writes: int) -> None:
    """Watches that nobody reads, while objects are written: their buffers have a bound."""
    with ExitStack() as held:
        await _unread(made, held, connections, f"{CONFIG_MAPS}?watch=1&timeoutSeconds=3000")
        await _until(lambda: made.server.watches == connections)
        before = _peak()
        for i in range(writes):
            await made.make_object("configmaps", f"many{i}", data={"a": "x" * 1_000})
        answer = await made.call("GET", "/api/v1/namespaces")
        assert answer.status == 200
        assert _peak() - before < 200 * 1024 * 1024
    await _until(lambda: made.server.watches == 0)


def _room(connections: int) -> int:
    """Files that this process may open; two for every connection."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 2 * connections + 200:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 2 * connections + 200), hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def test_hundreds_of_watches_that_nobody_reads() -> None:
    _room(300)
    run(lambda made: _many(made, 300, 60))


#: objects of which a list is 10 MB
_OBJECTS, _SIZE = 500, 20_000


@pytest.mark.parametrize("query", ["", "?watch=1&resourceVersion=0", "?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"])
def test_hundreds_of_long_answers_that_nobody_reads(query: str) -> None:
    """Each costs a piece of its answer, and what the kernel takes."""
    _room(200)

    async def body(made: World) -> None:
        for i in range(_OBJECTS):
            await made.make_object("configmaps", f"big{i}", data={"a": "x" * _SIZE})
        before = _now()
        with ExitStack() as held:
            await _unread(made, held, 200, CONFIG_MAPS + query)
            await _until(lambda: made.server.connections == 200)
            for _ in range(20):  # each has its turn
                assert (await made.call("GET", "/api/v1/namespaces")).status == 200
            assert _now() - before < 200 * 1024 * 1024
        await _until(lambda: made.server.connections <= 1)

    run(body)


def test_a_watcher_that_takes_nothing_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "REQUEST_TIMEOUT", 0.2)

    async def body(made: World) -> None:
        for i in range(_OBJECTS):
            await made.make_object("configmaps", f"big{i}", data={"a": "x" * _SIZE})
        with ExitStack() as held:
            await _unread(made, held, 3, f"{CONFIG_MAPS}?watch=1&resourceVersion=0")
            await _until(lambda: made.server.watches == 3)
            await _until(lambda: made.server.connections == 0)
            assert made.server.watches == 0

    run(body)


def _now() -> int:
    """The memory of this process, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_thousands_of_watches_that_nobody_reads() -> None:
    assert _room(3000) >= 6_200, "this process may not open 6,200 files: raise the hard limit (ulimit -Hn)"
    run(lambda made: _many(made, 3000, 60))
