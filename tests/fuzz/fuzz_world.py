"""A server to be attacked, kept for a whole module, and what every answer of it must be like."""

from __future__ import annotations

import asyncio
import io
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.server.http_server import TOKEN, Answer, World, world


class Attacked:
    """`made` is a registry and its server; `send` a request by HTTP, `raw` bytes on a connection."""

    def __init__(self, runner: asyncio.Runner, made: World) -> None:
        self._runner, self.made = runner, made

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        if isinstance(body, bytes) and len(body) > 1 << 20:
            body = io.BytesIO(body)
        return self._runner.run(self.made.call(method, path, body, **headers))

    def raw(self, *parts: bytes, half: bool = True, seconds: float = 20) -> bytes:
        """What comes back, until the server closes. `half`: our side is closed when all is said."""
        return self._runner.run(asyncio.to_thread(exchange, self.made.port, parts, half, seconds))

    def request(self, line: str | bytes, body: bytes = b"", **headers: str) -> tuple[int, Any]:
        """(code, decoded body) of one request on a connection of its own; the line goes out as it is."""
        sent = {"Host": "x", "Connection": "close", "Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json", **headers}
        if body or not (isinstance(line, str) and line.startswith("GET")):
            sent.setdefault("Content-Length", str(len(body)))
        head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in sent.items() if value)
        start = line.encode() if isinstance(line, str) else line
        return parsed(self.raw(start + b" HTTP/1.1\r\n" + head.encode("latin-1") + b"\r\n" + body, half=False))

    def alive(self) -> None:
        """It still answers."""
        assert self.send("GET", "/api/v1/namespaces").status == 200


def exchange(port: int, parts: tuple[bytes, ...], half: bool, seconds: float) -> bytes:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.settimeout(seconds)
        received: list[bytes] = []
        try:
            for part in parts:
                connection.sendall(part)
            if half:
                connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # refused before everything was said
        try:
            while part := connection.recv(1 << 16):
                received.append(part)
        except ConnectionError:
            pass
        return b"".join(received)


def parsed(answer: bytes) -> tuple[int, Any]:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 "), f"no answer: {answer[:200]!r}"
    try:
        return int(head[9:12]), json.loads(body)
    except ValueError:
        return int(head[9:12]), body.decode(errors="replace")


def must_be_clear(code: int, body: Any, what: object) -> None:
    """An answer that tells its reader what is wrong: a Status with the same code, never a fault of ours."""
    if code < 400 or (code == 404 and body == "404 page not found\n"):
        return
    assert isinstance(body, dict), (what, code, body)
    assert body.get("kind") == "Status", (what, body)
    assert body["status"] == "Failure", (what, body)
    assert body["code"] == code, (what, body)
    assert body["message"], (what, body)
    # the reference answers some bad requests with 500 and no reason; what it, and we, did not foresee has one
    assert body.get("reason") != "InternalError", (what, body["message"][:500])


def must_answer_clearly(answer: Answer, what: object) -> None:
    """The same for an answer to `send`."""
    text = answer.body.decode(errors="replace")
    must_be_clear(answer.status, text if text.startswith("404 page") else json.loads(text or "null"), what)


@contextmanager
def attacked() -> Iterator[Attacked]:
    with asyncio.Runner() as runner:
        manager = world()
        made = runner.run(manager.__aenter__())
        try:
            yield Attacked(runner, made)
        finally:
            runner.run(manager.__aexit__(None, None, None))


@pytest.fixture(scope="module")
def target() -> Iterator[Attacked]:
    with attacked() as found:
        yield found
