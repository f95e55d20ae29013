"""The `wherry` command as a user has it: a process of its own, its output, and a plain HTTPS client."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

COMMAND = [sys.executable, "-m", "wherry.cli.main"]
#: compiled modules are kept: half of every command would be compiling them again
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
#: seconds until a cluster must be up
LIMIT = 20.0


@dataclass(frozen=True)
class Ended:
    status: int
    out: str
    err: str

    def refused(self) -> str:
        """The one line of a refusal (where the command line is wrong, a second says where help is); anything else fails."""
        assert self.status == 1, (self.status, self.out, self.err)
        assert self.out == ""
        lines = self.err.splitlines()
        assert len(lines) == 1 or (len(lines) == 2 and lines[1].startswith("See '")), self.err
        assert lines[0].startswith("error: "), self.err
        return lines[0].removeprefix("error: ")


def wherry(*arguments: object, env: dict[str, str] | None = None, timeout: float = 30.0) -> Ended:
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=timeout, env={**ENVIRONMENT, **(env or {})}, check=False
    )
    return Ended(done.returncode, done.stdout, done.stderr)


class Up:
    """A `wherry up` in the foreground."""

    def __init__(self, home: Path, *arguments: object, port: int = 0) -> None:
        self.home = home
        command = [*COMMAND, "up", "--data-dir", str(home), "--port", str(port), *map(str, arguments)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
        self.said = self._announced()

    def _announced(self) -> list[str]:
        assert self.process.stdout is not None
        lines = []
        for line in self.process.stdout:
            lines.append(line.rstrip("\n"))
            if line.startswith("Ctrl-C"):
                break
        else:
            _, err = self.process.communicate(timeout=LIMIT)
            raise AssertionError(f"it ended: {err}")
        end = time.monotonic() + LIMIT
        while not (self.home / "running.json").exists():
            assert time.monotonic() < end
            time.sleep(0.005)
        return lines

    @property
    def config(self) -> dict[str, Any]:
        config: dict[str, Any] = yaml.safe_load((self.home / "kubeconfig").read_text())
        return config

    @property
    def url(self) -> str:
        return str(self.config["clusters"][0]["cluster"]["server"])

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.home / "pki" / "ca.crt"))

    def connection(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection("127.0.0.1", self.port, context=self.tls(), timeout=10)

    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.config['users'][0]['user']['token']}"}

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[Ended, float]:
        """How it ended, and after how many seconds."""
        begun = time.monotonic()
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=LIMIT)
        return Ended(self.process.returncode, out, err), time.monotonic() - begun


@contextmanager
def up(home: Path, *arguments: object, port: int = 0) -> Iterator[Up]:
    running = Up(home, *arguments, port=port)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.kill()
            running.process.communicate()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
