"""A real etcd-server (Debian: etcd-server) on loopback, with its data in memory where the machine has /dev/shm.

Tests that need one have the marker `etcd` and fail where it is missing.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path
from types import TracebackType

import pytest


def program() -> str:
    found = shutil.which("etcd")
    if found is None:
        pytest.fail("these tests need an etcd-server on PATH (Debian: etcd-server), or leave them out with -m 'not etcd'", pytrace=False)
    return found


def free_ports(count: int) -> list[int]:
    """Of loopback; nobody holds them, so somebody else may be quicker."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


class EtcdServer:
    """One member. Use as a context; `kill` and `start` in between keep its data and its port."""

    def __init__(self) -> None:
        shm = Path("/dev/shm")
        self._directory = Path(tempfile.mkdtemp(prefix="wherry-etcd-", dir=shm if shm.is_dir() else None))
        self.port, self._peer = free_ports(2)
        self.flags: list[str] = []
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        peer = f"http://127.0.0.1:{self._peer}"
        log = (self._directory / "log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [program(), "--data-dir", str(self._directory / "data"), "--listen-client-urls", self.url,
                 "--advertise-client-urls", self.url,
                 "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}",
                 "--heartbeat-interval", "20", "--election-timeout", "200", "--logger", "zap", *self.flags],
                stdout=log, stderr=log)
        self._wait()

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def ctl(self, *arguments: str) -> str:
        """What etcdctl prints."""
        found = shutil.which("etcdctl")
        if found is None:
            pytest.fail("these tests need etcdctl on PATH (Debian: etcd-client)", pytrace=False)
        command = [found, "--endpoints", self.url, *arguments]
        done = subprocess.run(command, env={"ETCDCTL_API": "3"}, capture_output=True, text=True, errors="replace", check=True)
        return done.stdout

    def __enter__(self) -> EtcdServer:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.kill()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _wait(self) -> None:
        """Until it answers."""
        until = time.monotonic() + 20
        while True:
            assert self._process is not None
            if self._process.poll() is not None or time.monotonic() > until:
                pytest.fail(f"etcd did not start:\n{(self._directory / 'log').read_text()[-2000:]}", pytrace=False)
            try:
                with urllib.request.urlopen(f"{self.url}/health", timeout=1) as answer:
                    if b'"true"' in answer.read():
                        return
            except OSError:
                pass
            time.sleep(0.01)


