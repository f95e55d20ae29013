"""Rolling updates under new connections through the cluster address of a Service: how many fail, and how many there are in a second.

Servers and clients are pods of a real node. The servers end at SIGTERM as good ones do: what they have accepted, or what waits to be
accepted, is still answered. There is no preStop hook: a pod is out of the rules before it is told to end.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

from bench.setup import SETTINGS
from wherry import Cluster
from wherry.api.options import STRATEGIC_PATCH
from wherry.api.resources import resource
from wherry.rollout import Rollout

REPLICAS, RELEASES, CLIENTS = 8, 10, 16
PODS, SERVICES, DEPLOYMENTS = resource("pods"), resource("services"), resource("deployments", "apps")

SERVER = """
import os, select, signal, socket
version, going = os.environ["VERSION"].encode(), []
signal.signal(signal.SIGTERM, lambda *_: going.append(1))
listener = socket.create_server(("0.0.0.0", 8080), backlog=1024)
listener.setblocking(False)
while True:
    if not going:
        try:
            select.select([listener], [], [], 0.05)
        except InterruptedError:
            pass
    try:
        one, _ = listener.accept()
    except BlockingIOError:
        if going:
            raise SystemExit
        continue
    with one:
        one.settimeout(5)
        one.recv(1000)
        one.sendall(b"HTTP/1.0 200 OK\\r\\nServer: " + version + b"\\r\\n\\r\\n")
"""
LOAD = """
import asyncio, json, sys, time
counts, failures, over, last, gap = {}, {}, [], [time.monotonic()], [0.0]
async def one():
    reader, writer = await asyncio.open_connection(sys.argv[1], int(sys.argv[2]))
    try:
        writer.write(b"GET / HTTP/1.0\\r\\n\\r\\n")
        said = await reader.read(1000)
        if b"Server: " not in said:
            raise EOFError("nothing was answered")
        version = said.split(b"Server: ")[1].split()[0].decode()
        counts[version] = counts.get(version, 0) + 1
        now = time.monotonic()
        gap[0], last[0] = max(gap[0], now - last[0]), now
    finally:
        writer.close()
async def client():
    while not over:
        try:
            await asyncio.wait_for(one(), 5)
        except Exception as error:
            failures[repr(error)] = failures.get(repr(error), 0) + 1
async def main():
    clients = [asyncio.ensure_future(client()) for _ in range(int(sys.argv[3]))]
    await asyncio.to_thread(sys.stdin.read)
    over.append(1)
    await asyncio.gather(*clients)
    print(json.dumps({"answered": counts, "failed": failures, "gap": gap[0]}))
asyncio.run(main())
"""


def pod_spec(program: str, **env: str) -> dict[str, Any]:
    container = {"name": "c", "image": "x:1", "command": ["/usr/bin/python3", "-c", program],
                 "env": [{"name": k, "value": v} for k, v in env.items()]}  # fmt: skip
    return {"terminationGracePeriodSeconds": 5, "containers": [container]}


async def servers(client: Any, replicas: int) -> str:
    """A Deployment of web servers behind a Service; its cluster address."""
    spec = pod_spec(SERVER, VERSION="1")
    spec["containers"][0]["readinessProbe"] = {"tcpSocket": {"port": 8080}, "periodSeconds": 1}
    made = await client.create(SERVICES, "default", {
        "metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}})  # fmt: skip
    await client.create(DEPLOYMENTS, "default", {
        "metadata": {"name": "web"}, "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}},
                                              "template": {"metadata": {"labels": {"app": "web"}}, "spec": spec}}})  # fmt: skip
    await Rollout(client, "deployment/web").wait(40)
    return str(made["spec"]["clusterIP"])


async def release(client: Any, version: str) -> None:
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "c", "env": [{"name": "VERSION", "value": version}]}]}}}}
    await client.patch(DEPLOYMENTS, "default", "web", patch, STRATEGIC_PATCH)
    await Rollout(client, "deployment/web").wait(60)


class Load:
    """Clients in a pod of their own, each with one new connection after the other.

    `gap`: once ended, the longest time in seconds in which nobody was answered.
    """

    def __init__(self, cluster: Any, address: str, port: int = 80, clients: int = 8) -> None:
        self.gap = 0.0
        self._cluster, self._words = cluster, (address, str(port), str(clients))

    async def begin(self) -> None:
        client = self._cluster.client
        await client.create(PODS, "default", {"metadata": {"name": "load"}, "spec": pod_spec("import time; time.sleep(600)")})
        pod: Any = {}
        while (pod.get("status") or {}).get("phase") != "Running":
            await asyncio.sleep(0.02)
            pod = await client.get(PODS, "default", "load")
        runtime = self._cluster.real_nodes.runtime
        self._session = await runtime.exec(pod, "c", ("/usr/bin/python3", "-c", LOAD, *self._words), stdin=True)

    async def end(self) -> tuple[dict[str, int], dict[str, int]]:
        """Answers by version, and failures by kind."""
        self._session.stdin.close()
        said = json.loads(await self._session.stdout.read())
        await self._session.wait()
        await self._session.close()
        self.gap = said["gap"]
        return said["answered"], said["failed"]


async def rolled_under_traffic(cluster: Any, releases: int, replicas: int, clients: int = 8) -> tuple[dict[str, int], dict[str, int]]:
    """Answers by version, and failures by kind."""
    load = Load(cluster, await servers(cluster.client, replicas), clients=clients)
    await load.begin()
    for version in range(2, 2 + releases):
        await release(cluster.client, str(version))
    return await load.end()


def run() -> Iterator[tuple[str, float]]:
    releases, replicas = SETTINGS.scaled(RELEASES), SETTINGS.scaled(REPLICAS, 2)

    async def story() -> tuple[int, int, float]:
        async with Cluster(runtime="process", nodes=2, serve=False, image_table=("*=host",)) as cluster:
            begun = time.perf_counter()
            answered, failed = await rolled_under_traffic(cluster, releases, replicas, CLIENTS)
            return sum(answered.values()), sum(failed.values()), time.perf_counter() - begun

    answered, failed, seconds = asyncio.run(story())
    yield f"requests failed in {releases} rolling updates of {replicas} servers", failed
    yield "requests answered", answered
    yield "new connections a second", answered / seconds
