"""API: requests per second and p99 over loopback, the client in a process of its own, as light as asyncio allows."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import ssl
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from wherry import Cluster
from wherry.cluster.thread import new_loop

CONNECTIONS = 16
SECONDS = 2.0
PODS = 500
_POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "p", "labels": {"app": "a"}},
    "spec": {
        "containers": [{"name": "c", "image": "nginx:1.21", "ports": [{"containerPort": 80}], "env": [{"name": "A", "value": "1"}]}],
        "schedulerName": "none",
    },
}
Job = Callable[[int, int], tuple[str, str, str, bytes]]


def run() -> Iterator[tuple[str, float]]:
    with tempfile.TemporaryDirectory() as directory, Cluster(data_dir=Path(directory), insecure_port=0, nodes=1) as cluster:
        token = cluster.pki.token if cluster.pki else ""
        for plain in (True, False):
            port = cluster.insecure_port if plain else cluster.port
            mark = "" if plain else " (TLS)"
            for name, warm, job in (("get", 500, "get"), ("list 500 pods", 0, "list"), ("create", 0, "create"), ("patch", 0, "patch")):
                rate, p99 = _measure(port, token, not plain, job, warm)
                yield f"{name} req/s{mark}", rate
                yield f"{name} p99 ms{mark}", p99


def _measure(port: int, token: str, tls: bool, job: str, warm: int) -> tuple[float, float]:
    context = multiprocessing.get_context("spawn")
    queue: Any = context.Queue()
    process = context.Process(target=_client, args=(queue, port, token, tls, job))
    process.start()
    rate, p99 = queue.get(timeout=60)
    process.join()
    return rate, p99


def _client(queue: Any, port: int, token: str, tls: bool, job: str) -> None:
    loop = new_loop()
    queue.put(loop.run_until_complete(_load(port, token, tls, job)))


async def _load(port: int, token: str, tls: bool, job: str) -> tuple[float, float]:
    if job in ("get", "list", "patch"):
        await _prepare(port, token, tls, job)
    times: list[float] = []
    stop = time.perf_counter() + SECONDS
    begun = time.perf_counter()
    await asyncio.gather(*(_connection(port, token, tls, job, c, stop, times) for c in range(CONNECTIONS)))
    spent = time.perf_counter() - begun
    return len(times) / spent, statistics.quantiles(times, n=100)[98] * 1000 if len(times) > 2 else 0.0


async def _prepare(port: int, token: str, tls: bool, job: str) -> None:
    """What the job reads must be there."""
    reader, writer = await _open(port, tls)
    count = PODS if job == "list" else CONNECTIONS
    namespace = "kube-public" if job == "list" else "default"
    for i in range(count):
        pod = {**_POD, "metadata": {**_POD["metadata"], "name": f"{job}-{i}"}}  # type: ignore[dict-item]
        await _ask(reader, writer, _request("POST", f"/api/v1/namespaces/{namespace}/pods", token, json.dumps(pod).encode()))
    writer.close()


async def _connection(port: int, token: str, tls: bool, job: str, number: int, stop: float, times: list[float]) -> None:
    reader, writer = await _open(port, tls)
    count = 0
    while time.perf_counter() < stop:
        request = _job(job, token, number, count)
        begun = time.perf_counter()
        status = await _ask(reader, writer, request)
        times.append(time.perf_counter() - begun)
        if status >= 300:
            raise RuntimeError(f"{job}: status {status}")
        count += 1
    writer.close()


def _job(job: str, token: str, number: int, count: int) -> bytes:
    if job == "get":
        return _request("GET", f"/api/v1/namespaces/default/pods/get-{number}", token)
    if job == "list":
        return _request("GET", "/api/v1/namespaces/kube-public/pods", token)
    if job == "create":
        body = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": f"c-{number}-{count}-{time.time_ns()}"},
            "data": {"k": "v" * 500},
        }
        return _request("POST", "/api/v1/namespaces/default/configmaps", token, json.dumps(body).encode())
    patch = {"metadata": {"annotations": {"count": str(count)}}}
    return _request(
        "PATCH", f"/api/v1/namespaces/default/pods/patch-{number}", token, json.dumps(patch).encode(), "application/merge-patch+json"
    )


def _request(method: str, path: str, token: str, body: bytes = b"", content_type: str = "application/json") -> bytes:
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nAccept: application/json\r\nUser-Agent: bench\r\n"
    )
    if body:
        head += f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


async def _open(port: int, tls: bool) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    context: ssl.SSLContext | None = None
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return await asyncio.open_connection("127.0.0.1", port, ssl=context, limit=1 << 24)


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> int:
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head[9:12])
    low = head.lower()
    at = low.find(b"content-length:")
    if at >= 0:
        await reader.readexactly(int(low[at + 15 : low.index(b"\r\n", at)]))
    else:
        while size := int((await reader.readuntil(b"\r\n")).strip(), 16):
            await reader.readexactly(size + 2)
        await reader.readexactly(2)
    return status
