"""exec, attach, cp and port-forward with a real kubectl, over WebSocket (v5, tunnelled SPDY) and over plain SPDY."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import socket
import socketserver
import struct
import subprocess
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.streams.conftest import World, kubectl

pytestmark = pytest.mark.kubectl
#: the way kubectl goes by itself, and the older one
WAYS = {"websocket": {}, "spdy": {"KUBECTL_REMOTE_COMMAND_WEBSOCKETS": "false", "KUBECTL_PORT_FORWARD_WEBSOCKETS": "false"}}
by_both_ways = pytest.mark.parametrize("way", list(WAYS))


def sh(world: World, way: str, script: str, *flags: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return world.kubectl("exec", *flags, "web", "--", "sh", "-c", script, stdin=stdin, **WAYS[way])


@by_both_ways
def test_output_errors_and_the_exit_code_come_apart(world: World, way: str) -> None:
    done = sh(world, way, "echo out; echo err >&2; exit 7")
    assert (done.stdout, done.returncode) == (b"out\n", 7)
    assert done.stderr == b"err\ncommand terminated with exit code 7\n"


@by_both_ways
def test_input_comes_to_its_end(world: World, way: str) -> None:
    given = os.urandom(3_000_000)
    done = sh(world, way, "cat", "-i", stdin=given)
    assert (done.returncode, done.stdout == given, done.stderr) == (0, True, b"")
    assert sh(world, way, "wc -c; exit 3", "-i", stdin=given).stdout.strip() == b"3000000"


@by_both_ways
def test_a_program_that_reads_no_input_ends_all_the_same(world: World, way: str) -> None:
    assert sh(world, way, "echo early", "-i", stdin=b"x" * 2_000_000).stdout == b"early\n"


@by_both_ways
def test_what_cannot_be_started_is_told(world: World, way: str) -> None:
    done = world.kubectl("exec", "web", "--", "/no/such/program", **WAYS[way])
    assert done.returncode != 0
    assert b'exec failed: "/no/such/program": executable file not found in $PATH' in done.stderr


@by_both_ways
def test_a_terminal_has_its_size_and_is_resized(world: World, way: str) -> None:
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 111, 0, 0))
    script = "stty -echo; while [ \"$(stty size)\" != '33 111' ]; do sleep 0.02; done; echo ready; read x; echo got $x; " \
             "while [ \"$(stty size)\" != '44 122' ]; do sleep 0.02; done; echo resized; exit 5"
    process = subprocess.Popen(
        [kubectl(), "--kubeconfig", str(world.kubeconfig), "exec", "-it", "web", "--", "sh", "-c", script],
        stdin=slave, stdout=slave, stderr=slave, start_new_session=True, env={**os.environ, **WAYS[way]},
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )  # fmt: skip
    os.close(slave)
    seen = _until(master, b"ready")
    os.write(master, b"abc\n")
    seen += _until(master, b"got abc")
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 44, 122, 0, 0))
    seen += _until(master, b"resized")
    assert process.wait(30) == 5
    os.close(master)


def _until(descriptor: int, text: bytes) -> bytes:
    seen = b""
    while text not in seen:
        seen += os.read(descriptor, 4096)
    return seen


@by_both_ways
def test_attach_brings_input_to_what_runs(world: World, way: str) -> None:
    done = world.kubectl("attach", "-i", "web", stdin=b"one\ntwo\n", **WAYS[way])
    assert done.stdout == b"heard one\nheard two\n"


@by_both_ways
def test_files_are_copied_both_ways(world: World, way: str, tmp_path: Path) -> None:
    given = os.urandom(5_000_000)
    (tmp_path / "here").write_bytes(given)
    up = world.kubectl("cp", str(tmp_path / "here"), f"web:{tmp_path}/there", **WAYS[way])
    assert up.returncode == 0, up.stderr
    assert (tmp_path / "there").read_bytes() == given
    down = world.kubectl("cp", f"web:{tmp_path}/there", str(tmp_path / "back"), **WAYS[way])
    assert down.returncode == 0, down.stderr
    assert (tmp_path / "back").read_bytes() == given


# --- port-forward ---
class _Echo(socketserver.ThreadingTCPServer):
    """Sends back what it gets, once the other side has ended."""

    daemon_threads, request_queue_size = True, 100

    class _Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            got = bytearray()
            while data := self.request.recv(65536):
                got += data
            self.request.sendall(got)

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), self._Handler)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with _Echo() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@contextmanager
def forwarded(world: World, way: str, port: int) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    process = subprocess.Popen(
        [kubectl(), "--kubeconfig", str(world.kubeconfig), "port-forward", "pod/web", f":{port}"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **WAYS[way]},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(rb"127\.0\.0\.1:(\d+)", line)
        assert found, (line, process.stderr and process.stderr.read())
        yield int(found[1]), process
    finally:
        process.terminate()
        process.communicate(timeout=20)


def echoed(port: int, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        sender = threading.Thread(target=lambda: (connection.sendall(data), connection.shutdown(socket.SHUT_WR)))
        sender.start()
        got = bytearray()
        while piece := connection.recv(65536):
            got += piece
        sender.join()
        return bytes(got)


@by_both_ways
def test_a_port_is_forwarded_with_many_connections(world: World, way: str, port: int) -> None:
    given = os.urandom(4_000_000)
    with forwarded(world, way, port) as (local, _):
        assert echoed(local, given) == given
        answers: list[bytes] = []
        threads = [threading.Thread(target=lambda i=i: answers.append(echoed(local, b"%d" % i * 1000))) for i in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(answers) == sorted(b"%d" % i * 1000 for i in range(20))


@by_both_ways
def test_a_port_on_which_nobody_listens_is_told(world: World, way: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = free.getsockname()[1]
        with forwarded(world, way, nobody) as (local, process):
            assert echoed(local, b"") == b""
            _, errors = process.communicate(timeout=20)
        assert b"error forwarding port %d to pod web: connect: connection refused" % nobody in errors


def test_every_session_was_closed(world: World) -> None:
    world.sessions.until(lambda: world.sessions.opened == world.sessions.closed)
    assert world.sessions.opened > 0
