"""Rolling updates and a node's drain under new connections: none fails, because a pod is out of the rules before it is told to end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bench.traffic import SERVER, SERVICES, Load, pod_spec, rolled_under_traffic, servers
from tests.worlds.real_nodes import World
from wherry import Cluster
from wherry.api.errors import TooManyRequests
from wherry.api.options import STRATEGIC_PATCH
from wherry.api.resources import resource
from wherry.rollout import Rollout

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


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
def test_no_request_fails_while_other_kinds_are_rolled(kind: str) -> None:
    of = resource(f"{kind.lower()}s", "apps")

    async def story() -> None:
        async with cluster() as running:
            client = running.client
            ports = [{"port": 80, "targetPort": 8080}]
            service = await client.create(SERVICES, "default", {
                "metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": ports}})  # fmt: skip
            template = {"metadata": {"labels": {"app": "web"}}, "spec": pod_spec(SERVER, VERSION="1")}
            template["spec"]["containers"][0]["readinessProbe"] = {"tcpSocket": {"port": 8080}, "periodSeconds": 1}
            size = {"replicas": 2, "serviceName": "web"} if kind == "StatefulSet" else {}
            spec = {**size, "selector": {"matchLabels": {"app": "web"}}, "template": template}
            await client.create(of, "default", {"metadata": {"name": "web"}, "spec": spec})

            async def ready() -> bool:
                status = (await client.get(of, "default", "web"))["status"]
                return 2 in (status.get("readyReplicas"), status.get("numberReady"))

            await World(running, "process").eventually(ready)
            load = Load(running, service["spec"]["clusterIP"], clients=4)
            await load.begin()
            change = {"spec": {"template": {"spec": {"containers": [{"name": "c", "env": [{"name": "VERSION", "value": "2"}]}]}}}}
            await client.patch(of, "default", "web", change, STRATEGIC_PATCH)
            await Rollout(client, f"{kind.lower()}/web").wait(60)
            answered, failed = await load.end()
            assert failed == {}
            assert set(answered) == {"1", "2"}

    asyncio.run(asyncio.wait_for(story(), 110))


def test_no_request_fails_while_a_node_is_drained_as_its_budget_lets() -> None:
    async def story() -> None:
        async with cluster() as running:
            world, client = World(running, "process"), running.client
            address = await servers(client, 4)
            budget = {"minAvailable": 3, "selector": {"matchLabels": {"app": "web"}}}
            await client.create(resource("poddisruptionbudgets", "policy"), "default", {"metadata": {"name": "web"}, "spec": budget})
            load = Load(running, address, clients=4)
            await load.begin()
            node = (await world.get("load"))["spec"]["nodeName"]
            drained = next(each for each in ("node-0", "node-1") if each != node)
            await client.patch(resource("nodes"), "", drained, {"spec": {"unschedulable": True}}, STRATEGIC_PATCH)
            waited = 0
            for pod in await _on(world, drained):

                async def evicted(called: str = pod["metadata"]["name"]) -> bool:
                    nonlocal waited
                    try:
                        eviction = {"metadata": {"name": called}}
                        await client.create(resource("pods"), "default", eviction, name=called, subresource="eviction")
                    except TooManyRequests:
                        waited += 1
                        return False
                    return True

                await world.eventually(evicted)

            async def empty() -> bool:
                return not await _on(world, drained)

            await world.eventually(empty)
            await Rollout(client, "deployment/web").wait(60)
            answered, failed = await load.end()
            assert failed == {}
            assert sum(answered.values()) > 100
            assert waited, "the budget never said no, so this shows less than it should"

    asyncio.run(asyncio.wait_for(story(), 110))


async def _on(world: World, node: str) -> list[Any]:
    listed = await world.client.list(resource("pods"), "default", label_selector="app=web")
    return [pod for pod in listed.items if pod["spec"].get("nodeName") == node]
