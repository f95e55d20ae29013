"""A rolling update under new connections: none fails, because a pod is out of the rules before it is told to end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bench.traffic import rolled_under_traffic
from wherry import Cluster

pytestmark = [pytest.mark.real_nodes, pytest.mark.timeout(120)]


def cluster() -> Any:
    return Cluster(runtime="process", nodes=2, serve=False, image_table=("*=host",))


def test_no_request_fails_while_a_deployment_is_rolled() -> None:
    async def story() -> None:
        async with cluster() as running:
            answered, failed = await rolled_under_traffic(running, releases=3, replicas=4)
            assert failed == {}
            assert set(answered) == {"1", "2", "3", "4"}

    asyncio.run(asyncio.wait_for(story(), 110))


def test_requests_fail_when_pods_are_told_before_the_rules_are_changed() -> None:
    async def story() -> None:
        async with cluster() as running:
            assert running.real_nodes is not None
            running.real_nodes.drain = lambda pod, then: then()
            _, failed = await rolled_under_traffic(running, releases=3, replicas=4)
            assert failed

    asyncio.run(asyncio.wait_for(story(), 110))
