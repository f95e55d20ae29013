"""Start of `wherry up --ephemeral`, seen from outside: from a new process to `/readyz` ok and to the first pod Ready, and its idle memory.

The first start makes the cluster's certificates; later ones find them in the data directory.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.setup import SETTINGS

RUNS = 9
LIMIT = 30
_POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}


def run() -> Iterator[tuple[str, float]]:
    first, ready, pod, memory = [], [], [], []
    for _ in range(SETTINGS.scaled(RUNS)):
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder)
            first.append(_start(home)[0])
            at, at_pod, resident = _start(home)
            ready.append(at)
            pod.append(at_pod)
            memory.append(resident)
    yield "seconds to readyz, first start", statistics.median(first)
    yield "seconds to readyz", statistics.median(ready)
    yield "seconds to the first pod Ready", statistics.median(pod)
    yield "MB resident, idle", statistics.median(memory)


def _start(home: Path) -> tuple[float, float, float]:
    """Seconds to ready and to the first pod Ready, and megabytes after a second of rest."""
    port = _free_port()
    begun = time.perf_counter()
    command = [sys.executable, "-m", "wherry", "up", "--ephemeral", "--data-dir", str(home), "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        connection = _ready(process, port)
        ready = time.perf_counter() - begun
        token = (home / "pki" / "token").read_text().strip()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        path = "/api/v1/namespaces/default/pods"
        _ask(connection, "POST", path, headers, json.dumps(_POD))
        while not _is_ready(_ask(connection, "GET", f"{path}/p", headers)):
            time.sleep(0.002)
        pod = time.perf_counter() - begun
        time.sleep(1)
        pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
        return ready, pod, pages * os.sysconf("SC_PAGE_SIZE") / 1e6
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(LIMIT)


def _ready(process: subprocess.Popen[bytes], port: int) -> http.client.HTTPSConnection:
    """A connection on which `/readyz` was ok. Raises RuntimeError when the server ends or is not ready in time."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    until = time.perf_counter() + LIMIT
    while process.poll() is None and time.perf_counter() < until:
        connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=LIMIT)
        with contextlib.suppress(ConnectionRefusedError):
            connection.request("GET", "/readyz")
            answer = connection.getresponse()
            answer.read()
            if answer.status == 200:
                return connection
        connection.close()
        time.sleep(0.002)
    raise RuntimeError("the server did not become ready")


def _ask(connection: http.client.HTTPSConnection, method: str, path: str, headers: dict[str, str], body: str | None = None) -> bytes:
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    content = answer.read()
    if answer.status >= 300:
        raise RuntimeError(content.decode())
    return content


def _is_ready(pod: bytes) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in json.loads(pod)["status"].get("conditions", ()))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
