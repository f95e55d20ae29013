"""Nodes that run programs and simulated ones in one cluster: a pod gets what its node is."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.worlds.real_nodes import World
from wherry import Cluster
from wherry.api.resources import resource
from wherry.cluster.gateway import Gateway
from wherry.server.gateway import LogOptions

pytestmark = pytest.mark.real_nodes


def test_a_pod_runs_programs_or_does_not_as_its_node_does() -> None:
    async def story() -> None:
        options: Any = {"nodes": 1, "simulated_nodes": 2, "image_table": ("*=host",)}
        async with Cluster(runtime="process", serve=False, **options) as cluster:
            world = World(cluster, "process")

            async def registered() -> Any:
                nodes = (await world.client.list(resource("nodes"))).items
                return nodes if len(nodes) == 3 else None

            nodes = await world.eventually(registered)
            assert sorted(node["metadata"]["name"] for node in nodes) == ["node-0", "sim-0", "sim-1"]
            assert len({node["spec"]["podCIDR"] for node in nodes}) == 3
            for name, node in (("p", "node-0"), ("q", "sim-1")):
                await world.pod(name, "echo hello; sleep 1000", nodeName=node)
                await world.ready(name)
            assert await world.log("p") == "hello\n"
            gateway = Gateway(cluster)
            assert [gateway.simulates(node) for node in ("node-0", "sim-0", "sim-1")] == [False, True, True]
            assert all(gateway.serves(node) for node in ("node-0", "sim-0", "sim-1"))
            said = [piece async for piece in gateway.logs(await world.get("q"), "c", LogOptions())]
            assert b"simulated" in b"".join(said)

    asyncio.run(asyncio.wait_for(story(), 50))
