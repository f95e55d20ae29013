"""Requests through `pods/proxy`: methods, bodies, headers, redirects, other protocols, and backends that are not there."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.streams.conftest import World
from tests.streams.test_negotiation import token


class Backend(BaseHTTPRequestHandler):
    """Says what it was asked; `/moved` leads away, `/switch` becomes a line that repeats what it hears."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *args: Any) -> None:
        """Not on the screen."""

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length) if length else self._chunks()
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/elsewhere?x=1")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if self.path == "/page":
            page = b'<a href="/x">to the root</a><a href="y">beside</a>'
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)
            return
        if self.path == "/switch":
            self._switch()
            return
        said = {"method": self.command, "path": self.path, "body": len(body), "forwarded": self.headers.get("X-Forwarded-For"),
                "authorization": self.headers.get("Authorization"), "own": self.headers.get("X-Own")}  # fmt: skip
        content = json.dumps(said).encode()
        self.send_response(418 if self.path == "/teapot" else 200)
        self.send_header("X-Backend", "yes")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = answer

    def _chunks(self) -> bytes:
        body = b""
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        return body

    def _switch(self) -> None:
        self.send_response(101)
        self.send_header("Connection", "Upgrade")
        self.send_header("Upgrade", "repeating")
        self.end_headers()
        while data := self.connection.recv(1024):
            self.connection.sendall(b"again " + data)
        self.close_connection = True


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Backend) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def asked(world: World, method: str, path: str, body: Any = None, **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPSConnection("127.0.0.1", world.cluster.port, context=ssl._create_unverified_context(), timeout=20)
    try:
        sent = {"Authorization": f"Bearer {token(world)}", **headers}
        connection.request(method, path, body, sent, encode_chunked=headers.get("Transfer-Encoding") == "chunked")
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


def below(port: int) -> str:
    return f"/api/v1/namespaces/default/pods/web:{port}/proxy"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_a_request_comes_as_it_was_sent_but_for_who_sent_it(world: World, port: int, method: str) -> None:
    sent = b"x" * 100_000 if method in ("POST", "PUT") else None
    answer, body = asked(world, method, below(port) + "/a%20b//c/?q=1&q=2", sent, **{"X-Own": "mine"})
    said = json.loads(body)
    assert (answer.status, answer.getheader("X-Backend")) == (200, "yes")
    assert (said["method"], said["path"], said["own"], said["authorization"]) == (method, "/a%20b//c/?q=1&q=2", "mine", None)
    assert (said["body"], said["forwarded"]) == (100_000 if method in ("POST", "PUT") else 0, "127.0.0.1")


def test_chunked_bodies_other_codes_and_heads_pass(world: World, port: int) -> None:
    _, body = asked(world, "POST", below(port) + "/x", iter([b"one", b"two"]), **{"Transfer-Encoding": "chunked"})
    assert json.loads(body)["body"] == 6
    assert asked(world, "GET", below(port) + "/teapot")[0].status == 418
    answer, body = asked(world, "HEAD", below(port) + "/x")
    assert (answer.status, body, int(answer.getheader("Content-Length") or 0) > 0) == (200, b"", True)


def test_redirects_stay_below_the_proxy_and_its_root_ends_with_a_slash(world: World, port: int) -> None:
    answer, _ = asked(world, "GET", below(port) + "/moved")
    assert (answer.status, answer.getheader("Location")) == (302, below(port) + "/elsewhere?x=1")
    answer, _ = asked(world, "GET", below(port) + "?a=b")
    assert (answer.status, answer.getheader("Location")) == (301, below(port) + "/?a=b")


def test_links_of_pages_lead_below_the_proxy(world: World, port: int) -> None:
    answer, body = asked(world, "GET", below(port) + "/page")
    assert body.decode() == f'<a href="{below(port)}/x">to the root</a><a href="y">beside</a>'
    assert int(answer.getheader("Content-Length") or 0) == len(body)


def test_another_protocol_is_passed_on_as_bytes(world: World, port: int) -> None:
    with (
        socket.create_connection(("127.0.0.1", world.cluster.port), timeout=20) as plain,
        ssl._create_unverified_context().wrap_socket(plain) as connection,
    ):
        head = f"GET {below(port)}/switch HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token(world)}\r\n"
        connection.sendall(head.encode() + b"Connection: Upgrade\r\nUpgrade: repeating\r\n\r\n")
        got = b""
        while b"\r\n\r\n" not in got:
            got += connection.recv(4096)
        assert got.startswith(b"HTTP/1.1 101 ")
        assert b"Upgrade: repeating" in got
        for word in (b"one", b"two"):
            connection.sendall(word)
            assert connection.recv(4096) == b"again " + word


def test_a_backend_that_is_not_there_is_unavailable(world: World) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        answer, body = asked(world, "GET", below(free.getsockname()[1]) + "/")
    assert (answer.status, json.loads(body)["reason"]) == (503, "ServiceUnavailable")
    assert "error trying to reach service" in json.loads(body)["message"]
