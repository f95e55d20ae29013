"""Ports of a node that lead to a pod (`hostPort`): from this machine, from other pods, and from programs on the node's own network."""

from __future__ import annotations

import asyncio
import socket

import pytest

from tests.network.test_host_ports import _SERVER, told, until
from tests.worlds.real_nodes import World
from wherry import Cluster
from wherry.network import pod_ports

pytestmark = pytest.mark.real_nodes
_ASK = """import socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)
s.sendall(b"me"); s.shutdown(1); print(s.recv(100))"""


def _free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


async def server(world: World, name: str, port: int, **more: str) -> None:
    ports = [{"containerPort": 8080, "hostPort": port, **more}, {"containerPort": 8080, "hostPort": port, "protocol": "UDP", **more}]
    await world.pod(name, "", container={"command": ["/usr/bin/python3", "-c", _SERVER], "ports": ports})
    await world.ready(name)


def test_a_port_of_a_node_leads_to_its_pod_and_only_while_that_is_there() -> None:
    async def story() -> None:
        port = _free()
        async with Cluster(runtime="process", nodes=1, serve=False, image_table=("*=host",)) as cluster:
            world = World(cluster, "process")
            await server(world, "p", port)
            assert (await until("127.0.0.1", port)).startswith(b"heard")
            node = (await world.get("p"))["status"]["hostIP"]
            await world.pod("other", "sleep 1000")
            await world.pod("on-node", "sleep 1000", hostNetwork=True)
            await world.ready("other")
            await world.ready("on-node")
            for pod, address in (("other", node), ("on-node", node), ("on-node", "127.0.0.1")):
                assert await world.run(pod, "python3", "-c", _ASK, address, str(port)) == "b'heard me'\n", (pod, address)
            await world.gone("p")
            assert await until("127.0.0.1", port, lambda said: said == b"") == b""

    asyncio.run(asyncio.wait_for(story(), 50))


def test_pods_share_a_port_at_different_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pod_ports, "_AGAIN", 0.2)

    async def story() -> None:
        port = _free()
        async with Cluster(runtime="process", nodes=1, serve=False, image_table=("*=host",)) as cluster:
            world = World(cluster, "process")
            with socket.create_server(("127.0.0.1", port)):
                await server(world, "near", port, hostIP="127.0.0.1")
                assert await told(cluster, "HostPortUnavailable") == f"TCP port {port} of 127.0.0.1 on this machine is in use"
            assert (await until("127.0.0.1", port)).startswith(b"heard")
            node = (await world.get("near"))["status"]["hostIP"]
            await server(world, "far", port, hostIP=node)
            await world.pod("on-node", "sleep 1000", hostNetwork=True)
            await world.ready("on-node")
            for address in ("127.0.0.1", node):
                assert await world.run("on-node", "python3", "-c", _ASK, address, str(port)) == "b'heard me'\n"

    asyncio.run(asyncio.wait_for(story(), 50))
