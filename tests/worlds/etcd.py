"""A real etcd-server (Debian: etcd-server) on loopback, with its data in memory where the machine has /dev/shm.

Tests that need one have the marker `etcd` and fail where it is missing.
"""

from __future__ import annotations

import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
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
    """One member, of a cluster of its own unless `members` (names and peer URLs of all) is set. Use as a context; `kill` and `start` in
    between keep its data and its port. `tls`: a folder with ca.crt, and certificates and keys `server` and `client`; clients need one then.
    """

    def __init__(self, name: str = "default", tls: Path | None = None, flags: tuple[str, ...] = ()) -> None:
        shm = Path("/dev/shm")
        self._directory = Path(tempfile.mkdtemp(prefix="wherry-etcd-", dir=shm if shm.is_dir() else None))
        self.port, self._peer = free_ports(2)
        self._name, self._tls, self._flags = name, tls, flags
        self.members = f"{name}={self.peer_url}"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"{'http' if self._tls is None else 'https'}://127.0.0.1:{self.port}"

    @property
    def peer_url(self) -> str:
        return f"http://127.0.0.1:{self._peer}"

    def start(self) -> None:
        self.begin()
        self.wait()

    def begin(self) -> None:
        """As `start`, without waiting until it answers."""
        log = (self._directory / "log").open("ab")
        tls = [] if self._tls is None else [
            "--cert-file", str(self._tls / "server.crt"), "--key-file", str(self._tls / "server.key"),
            "--trusted-ca-file", str(self._tls / "ca.crt"), "--client-cert-auth"]
        with log:
            self._process = subprocess.Popen(
                [program(), "--name", self._name, "--data-dir", str(self._directory / "data"), "--listen-client-urls", self.url,
                 "--advertise-client-urls", self.url, "--listen-peer-urls", self.peer_url, "--initial-advertise-peer-urls", self.peer_url,
                 "--initial-cluster", self.members, "--heartbeat-interval", "20", "--election-timeout", "200", "--logger", "zap",
                 *tls, *self._flags],
                stdout=log, stderr=log)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def signal(self, number: signal.Signals) -> None:
        """SIGSTOP and SIGCONT: a server that does not answer, from the return of this on."""
        assert self._process is not None
        self._process.send_signal(number)
        status = Path(f"/proc/{self._process.pid}/stat")
        while number == signal.SIGSTOP and status.read_text().rpartition(")")[2].split()[0] != "T":
            time.sleep(0.001)

    def ctl(self, *arguments: str) -> str:
        """What etcdctl prints."""
        found = shutil.which("etcdctl")
        if found is None:
            pytest.fail("these tests need etcdctl on PATH (Debian: etcd-client)", pytrace=False)
        command = [found, "--endpoints", self.url, *arguments]
        if self._tls is not None:
            files = {"--cacert": "ca.crt", "--cert": "client.crt", "--key": "client.key"}
            command += [word for flag, name in files.items() for word in (flag, str(self._tls / name))]
        done = subprocess.run(command, env={"ETCDCTL_API": "3"}, capture_output=True, text=True, errors="replace", check=True)
        return done.stdout

    def __enter__(self) -> EtcdServer:
        try:
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.kill()
        shutil.rmtree(self._directory, ignore_errors=True)

    def wait(self) -> None:
        """Until it answers."""
        until = time.monotonic() + 20
        while True:
            assert self._process is not None
            if self._process.poll() is not None or time.monotonic() > until:
                pytest.fail(f"etcd did not start:\n{(self._directory / 'log').read_text()[-2000:]}", pytrace=False)
            try:
                with urllib.request.urlopen(f"{self.url}/health", timeout=1, context=self._context()) as answer:
                    if b'"true"' in answer.read():
                        return
            except OSError:
                pass
            time.sleep(0.01)

    def _context(self) -> ssl.SSLContext | None:
        if self._tls is None:
            return None
        context = ssl.create_default_context(cafile=str(self._tls / "ca.crt"))
        context.load_cert_chain(self._tls / "client.crt", self._tls / "client.key")
        return context


@contextmanager
def three_members() -> Iterator[list[EtcdServer]]:
    """Of one cluster."""
    members = [EtcdServer(f"m{number}") for number in range(3)]
    together = ",".join(member.members for member in members)
    try:
        for member in members:
            member.members = together
            member.begin()
        for member in members:
            member.wait()
        yield members
    finally:
        for member in members:
            member.__exit__(None, None, None)
