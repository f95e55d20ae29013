"""Services that carry traffic between pods that run programs."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from wherry import Cluster
from wherry.api.resources import resource

pytestmark = pytest.mark.real_nodes

_SERVER = """
import socket
s = socket.create_server(("0.0.0.0", 8080))
while True:
    c, _ = s.accept(); c.sendall(socket.gethostname().encode()); c.close()
"""


async def _client(fabric: Any, address: str) -> str:
    """What a new connection to port 80 of it says. Raises OSError."""
    [one] = await fabric.sockets()
    with one:
        loop = asyncio.get_running_loop()
        await asyncio.wait_for(loop.sock_connect(one, (address, 80)), 5)
        return (await asyncio.wait_for(loop.sock_recv(one, 100), 5)).decode()


_CLIENT = """
import socket, sys
try:
    print(socket.create_connection((sys.argv[1], 80), 5).recv(100).decode(), end="")
except ConnectionRefusedError:
    print("refused", end="")
"""


async def _from_pod(cluster: Cluster, address: str) -> str:
    """What pod p gets to hear from it."""
    assert cluster.real_nodes is not None
    runtime: Any = cluster.real_nodes.runtime
    pod = await cluster.client.get(resource("pods"), "default", "p")
    session = await runtime.exec(pod, "c", ("/usr/bin/python3", "-c", _CLIENT, address))
    said: bytes = await session.stdout.read()
    await session.wait()
    await session.close()
    return said.decode()


async def _until(fabric: Any, address: str, wanted: str) -> None:
    for _ in range(400):
        try:
            said = await _client(fabric, address)
        except ConnectionRefusedError:
            said = "refused"
        except TimeoutError:
            said = "nothing"
        if said == wanted:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"it says {said}, not {wanted}")


def test_a_service_leads_to_its_pod_and_refuses_when_there_is_none() -> None:
    async def story() -> None:
        async with Cluster(runtime="process", nodes=1, serve=False, image_table=("*=host",)) as cluster:
            assert cluster.real_nodes is not None
            fabric = cluster.real_nodes.fabric
            ports = [{"port": 80, "targetPort": 8080}]
            made = await cluster.client.create(resource("services"), "default", {
                "metadata": {"name": "s", "namespace": "default"}, "spec": {"selector": {"a": "b"}, "ports": ports},
            })  # fmt: skip
            address = made["spec"]["clusterIP"]
            await _until(fabric, address, "refused")
            container = {"name": "c", "image": "x:1", "command": ["/usr/bin/python3", "-c", _SERVER]}
            await cluster.client.create(resource("pods"), "default", {
                "metadata": {"name": "p", "namespace": "default", "labels": {"a": "b"}},
                "spec": {"terminationGracePeriodSeconds": 1, "containers": [container]},
            })  # fmt: skip
            await _until(fabric, address, "p")
            # the only backend is the pod that asks
            assert await _from_pod(cluster, address) == "p"
            empty = await cluster.client.create(resource("services"), "default", {
                "metadata": {"name": "empty", "namespace": "default"}, "spec": {"selector": {"a": "none"}, "ports": ports},
            })  # fmt: skip
            await _until(fabric, empty["spec"]["clusterIP"], "refused")
            assert await _from_pod(cluster, empty["spec"]["clusterIP"]) == "refused"
            await cluster.client.delete(resource("pods"), "default", "p")
            await _until(fabric, address, "refused")

    asyncio.run(asyncio.wait_for(story(), 50))
