"""Killed at any instant, a cluster has every acknowledged write after its next start, in order; a watch resumes or gets 410."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.worlds.etcd import EtcdServer

#: kills of each of two runs
KILLS = 25
START_LIMIT = 20.0


class _Server:
    """`wherry up` in a process of its own, and a plain HTTP client for it."""

    def __init__(self, directory: Path, port: int, *flags: str) -> None:
        self._directory, self._port = directory, port
        command = [sys.executable, "-m", "wherry.cli.main", "up", "--data-dir", str(directory), "--port", str(port), "--nodes", "1", *flags]
        # compiled modules are kept: half of a start would be compiling them again
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)
        end = time.monotonic() + START_LIMIT
        while time.monotonic() < end:
            if self._process.poll() is not None:
                assert self._process.stderr is not None
                raise AssertionError(f"it ended: {self._process.stderr.read().decode()}")
            try:
                self._load()
                if self.ask("GET", "/readyz", plain=True) == "ok":
                    return
            except (OSError, KeyError, TypeError, urllib.error.URLError):
                pass
            threading.Event().wait(0.005)
        raise AssertionError("not ready in time")

    def _load(self) -> None:
        config = yaml.safe_load((self._directory / "kubeconfig").read_text())
        self._token = config["users"][0]["user"]["token"]
        self._context = ssl.create_default_context(cafile=str(self._directory / "pki" / "ca.crt"))

    def ask(self, method: str, path: str, body: Any = None, plain: bool = False) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json", "Accept": "application/json"}
        request = urllib.request.Request(f"https://127.0.0.1:{self._port}{path}", data=data, method=method, headers=headers)
        with urllib.request.urlopen(request, context=self._context, timeout=10) as response:
            text = response.read().decode()
        return text if plain else json.loads(text)

    def events(self, path: str) -> Iterator[Any]:
        request = urllib.request.Request(f"https://127.0.0.1:{self._port}{path}", headers={"Authorization": f"Bearer {self._token}"})
        with urllib.request.urlopen(request, context=self._context, timeout=10) as response:
            for line in response:
                yield json.loads(line)

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        if self._process.stderr is not None:
            self._process.stderr.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.timeout(90)
@pytest.mark.slow
@pytest.mark.parametrize("run", [1, 2])
def test_every_acknowledged_write_survives_kill_9(tmp_path: Path, run: int) -> None:
    _killed_again_and_again(tmp_path, run)


@pytest.mark.timeout(120)
@pytest.mark.slow
@pytest.mark.etcd
def test_every_acknowledged_write_survives_kill_9_on_etcd(tmp_path: Path) -> None:
    with EtcdServer() as etcd:
        _killed_again_and_again(tmp_path, 3, "--etcd-servers", etcd.url)


def _killed_again_and_again(tmp_path: Path, run: int, *flags: str) -> None:
    rng = random.Random(run * int(os.environ.get("WHERRY_SEED", "7")))
    port = _free_port()
    acknowledged: dict[str, int] = {}
    watched = 0
    path = "/api/v1/namespaces/default/configmaps"
    for round_ in range(KILLS):
        server = _Server(tmp_path, port, *flags)
        try:
            _all_there(server, path, acknowledged)
            watched = _resumes(server, path, watched, acknowledged)
            killer = threading.Timer(rng.uniform(0.0, 0.12), server.kill)
            killer.start()
            _write(server, path, round_, acknowledged)
            killer.join()
        finally:
            server.kill()
    server = _Server(tmp_path, port, *flags)
    try:
        _all_there(server, path, acknowledged)
    finally:
        server.kill()
    assert len(acknowledged) > KILLS, "too few writes to say anything"
    versions = [acknowledged[name] for name in acknowledged]
    assert versions == sorted(versions), "revisions of later writes are higher"


def _write(server: _Server, path: str, round_: int, acknowledged: dict[str, int]) -> None:
    """Create objects until the server dies; only what was answered counts."""
    for number in range(10_000):
        name = f"c-{round_}-{number}"
        try:
            body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"n": str(number)}}
            made = server.ask("POST", path, body)
        except (OSError, ValueError):
            return
        acknowledged[name] = int(made["metadata"]["resourceVersion"])


def _all_there(server: _Server, path: str, acknowledged: dict[str, int]) -> None:
    found = {c["metadata"]["name"]: int(c["metadata"]["resourceVersion"]) for c in server.ask("GET", path)["items"]}
    missing = {name: version for name, version in acknowledged.items() if found.get(name) != version}
    assert missing == {}


def _resumes(server: _Server, path: str, after: int, acknowledged: dict[str, int]) -> int:
    """A watch from where the last one ended shows every later acknowledged write once and in order, or says 410."""
    expected = sorted(v for v in acknowledged.values() if v > after)
    if not after or not expected:
        return max(acknowledged.values(), default=0)
    seen: list[int] = []
    for event in server.events(f"{path}?watch=1&resourceVersion={after}&timeoutSeconds=5"):
        if event["type"] == "ERROR":
            assert event["object"]["code"] == 410
            return expected[-1]
        seen.append(int(event["object"]["metadata"]["resourceVersion"]))
        if seen[-1] >= expected[-1]:
            break
    assert seen == sorted(set(seen)), "every version once, in order"
    assert set(expected) <= set(seen), "no acknowledged write is left out"
    return expected[-1]
