"""The old tutorial of rolling updates with programs in pods: a ReplicationController is replaced, a Deployment patched and rolled back.

The headers of pods' and of the cluster's address show the old version before, and the new one after; meanwhile nobody waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from bench.traffic import SERVER, SERVICES, Load, pod_spec, release, servers
from tests.worlds.real_nodes import World
from wherry import Cluster
from wherry.api.resources import resource
from wherry.rollout import Rollout
from wherry.rollout.rolling_update import RollingUpdate, Settings

pytestmark = [pytest.mark.real_nodes, pytest.mark.timeout(120)]

CONTROLLERS = resource("replicationcontrollers")
QUICK = Settings(period=0.0, interval=0.02, timeout=40.0)
#: seconds in which a client of eight may be left without an answer on a busy machine: far below one pod's change
_GAP = 1.0
_CURL = """
import http.client, sys
there = http.client.HTTPConnection(sys.argv[1], int(sys.argv[2]), timeout=5)
there.request("HEAD", "/")
print(there.getresponse().headers["Server"], end="")
"""


def play(story: Callable[[World], Awaitable[None]]) -> None:
    async def whole() -> None:
        options: Any = {"image_table": ("*=host",), "legacy_apis": True, "insecure_port": 0}
        async with Cluster(runtime="process", nodes=2, **options) as made:
            await asyncio.wait_for(story(World(made, "process")), 110)

    asyncio.run(whole())


def controller(version: str, replicas: int) -> Any:
    labels = {"app": "web", "version": version}
    spec = pod_spec(SERVER, VERSION=version)
    spec["containers"][0]["readinessProbe"] = {"tcpSocket": {"port": 8080}, "periodSeconds": 1}
    return {"apiVersion": "v1", "kind": "ReplicationController", "metadata": {"name": f"web-{version}", "namespace": "default"},
            "spec": {"replicas": replicas, "selector": labels, "template": {"metadata": {"labels": labels}, "spec": spec}}}  # fmt: skip


async def head(world: World, address: str, port: int = 80) -> str:
    """The `Server` that a HEAD shows from within the cluster."""
    return await world.run("load", "python3", "-c", _CURL, address, str(port))


async def by_pod(world: World) -> dict[str, str]:
    """The version that each pod's own address shows, by its controller's name."""
    pods = (await world.client.list(resource("pods"), "default", label_selector="app=web")).items
    there = [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]
    return {pod["metadata"]["labels"]["version"]: await head(world, pod["status"]["podIP"], 8080) for pod in there}


def test_a_replication_controller_is_replaced_and_nobody_waits() -> None:
    async def story(world: World) -> None:
        service = await world.client.create(SERVICES, "default", {
            "metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}})  # fmt: skip
        address = service["spec"]["clusterIP"]
        old = await world.client.create(CONTROLLERS, "default", controller("1", 3))

        async def ready() -> bool:
            return bool((await world.client.get(CONTROLLERS, "default", "web-1"))["status"].get("readyReplicas") == 3)

        await world.eventually(ready)
        load = Load(world.cluster, address, clients=4)
        await load.begin()
        assert (await head(world, address), await by_pod(world)) == ("1", {"1": "1"})
        lines: list[str] = []
        await RollingUpdate(world.client, "default", lines.append).run(old, controller("2", 3), QUICK)
        assert (await head(world, address), await by_pod(world)) == ("2", {"2": "2"})
        answered, failed = await load.end()
        assert failed == {}
        assert set(answered) == {"1", "2"}
        assert load.gap < _GAP
        assert lines[-1] == "Update succeeded. Deleting web-1"

    play(story)


def test_a_deployment_is_patched_and_rolled_back_by_the_call_of_the_past() -> None:
    async def story(world: World) -> None:
        address = await servers(world.client, 3)
        load = Load(world.cluster, address, clients=4)
        await load.begin()
        assert await head(world, address) == "1"
        await release(world.client, "2")
        assert await head(world, address) == "2"
        await _roll_back(world)
        assert await head(world, address) == "1"
        answered, failed = await load.end()
        assert failed == {}
        assert set(answered) == {"1", "2"}
        assert load.gap < _GAP

    play(story)


async def _roll_back(world: World) -> None:
    asked = {"kind": "DeploymentRollback", "apiVersion": "extensions/v1beta1", "name": "web", "rollbackTo": {"revision": 0}}
    at = f"http://127.0.0.1:{world.cluster.insecure_port}/apis/extensions/v1beta1/namespaces/default/deployments/web/rollback"
    async with aiohttp.ClientSession() as session, session.post(at, json=asked) as answer:
        assert (await answer.json())["message"] == 'rollback request for deployment "web" succeeded'

    async def done() -> bool:
        found = await world.client.get(resource("deployments", "apps"), "default", "web")
        return bool(found["spec"]["template"]["spec"]["containers"][0]["env"] == [{"name": "VERSION", "value": "1"}])

    await world.eventually(done)
    await Rollout(world.client, "deployment/web").wait(60)
