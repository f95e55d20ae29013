"""Rolling updates under requests through an Ingress: how many fail, and how many there are in a second, on new and on kept connections.

Servers are pods of a real node, clients a process of the machine. Clients that keep their connections also POST, which nobody sends twice.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from typing import Any

from bench.setup import SETTINGS
from bench.traffic import release, servers
from wherry import Cluster
from wherry.api.resources import resource

REPLICAS, RELEASES, CLIENTS = 8, 5, 16
_HOST = "web.example"
_LOAD = """
import asyncio, json, sys
port, count, keep = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "keep"
answered, failures, over = {}, {}, []
async def answer(reader):
    head = await reader.readuntil(b"\\r\\n\\r\\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise EOFError(head.split(b"\\r\\n")[0].decode())
    if b"Transfer-Encoding: chunked" in head:
        while (await reader.readuntil(b"\\r\\n")) != b"0\\r\\n": pass
        await reader.readuntil(b"\\r\\n")
    version = head.split(b"Server: ")[1].split()[0].decode()
    answered[version] = answered.get(version, 0) + 1
async def client(number):
    method = b"POST" if keep and number % 2 else b"GET"
    said = method + b" / HTTP/1.1\\r\\nHost: web.example\\r\\nContent-Length: 0\\r\\n\\r\\n"
    writer = None
    while not over:
        try:
            if writer is None:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(said)
            await asyncio.wait_for(answer(reader), 10)
            if keep: continue
        except Exception as error:
            failures[repr(error)] = failures.get(repr(error), 0) + 1
        if writer is not None: writer.close()
        writer = None
async def main():
    clients = [asyncio.ensure_future(client(number)) for number in range(count)]
    await asyncio.to_thread(sys.stdin.read)
    over.append(1)
    await asyncio.gather(*clients)
    print(json.dumps([answered, failures]))
asyncio.run(main())
"""


async def ingress_of(cluster: Any) -> int:
    """An Ingress in front of the servers; its HTTP port."""
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    await cluster.client.create(resource("ingresses", "networking.k8s.io"), "default", {
        "metadata": {"name": "web"},
        "spec": {"rules": [{"host": _HOST, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}]},
    })  # fmt: skip
    while cluster.ingress is None or not cluster.ingress.listening.http:
        await asyncio.sleep(0.02)
    return int(cluster.ingress.listening.http)


async def rolled(cluster: Any, port: int, versions: range, clients: int, *, keep: bool) -> tuple[dict[str, int], dict[str, int]]:
    """Answers by version, and failures by kind."""
    words = (sys.executable, "-c", _LOAD, str(port), str(clients), "keep" if keep else "new")
    load = await asyncio.create_subprocess_exec(*words, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    for version in versions:
        await release(cluster.client, str(version))
    said, _ = await load.communicate(b"")
    answered, failed = json.loads(said)
    return answered, failed


def run() -> Iterator[tuple[str, float]]:
    releases, replicas = SETTINGS.scaled(RELEASES), SETTINGS.scaled(REPLICAS, 2)

    async def story() -> list[tuple[str, float]]:
        found: list[tuple[str, float]] = []
        async with Cluster(runtime="process", nodes=2, serve=False, image_table=("*=host",)) as cluster:
            await servers(cluster.client, replicas)
            port = await ingress_of(cluster)
            first = 2
            for name, keep in (("new connections", False), ("kept connections", True)):
                begun = time.perf_counter()
                answered, failed = await rolled(cluster, port, range(first, first + releases), CLIENTS, keep=keep)
                first += releases
                found.append((f"{name}: requests failed in {releases} rolling updates of {replicas} servers", sum(failed.values())))
                found.append((f"{name}: requests a second", sum(answered.values()) / (time.perf_counter() - begun)))
        return found

    yield from asyncio.run(story())
