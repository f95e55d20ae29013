"""The Service `kube-dns`, where its address is free and where it is taken."""

from __future__ import annotations

import asyncio

import pytest

from wherry import Cluster
from wherry.api.resources import resource
from wherry.cluster import dns
from wherry.node.engine import Unavailable

SERVICES = resource("services")


def test_it_is_made_once_and_says_so_when_another_has_its_address() -> None:
    async def story() -> None:
        async with Cluster(nodes=0, serve=False) as cluster:
            await dns.ensure_service(cluster.client)
            made = await cluster.client.get(SERVICES, "kube-system", "kube-dns")
            await dns.ensure_service(cluster.client)
            assert await cluster.client.get(SERVICES, "kube-system", "kube-dns") == made
            await cluster.client.delete(SERVICES, "kube-system", "kube-dns")
            taken = {"metadata": {"name": "mine"}, "spec": {"clusterIP": "10.96.0.10", "ports": [{"port": 80}]}}
            await cluster.client.create(SERVICES, "default", taken)
            with pytest.raises(Unavailable, match=r"10\.96\.0\.10, cannot be had: .* provided IP is already allocated"):
                await dns.ensure_service(cluster.client)

    asyncio.run(asyncio.wait_for(story(), 30))
