"""What nodes do beside running pods: pods that take too much, logs that grow, and the end in order."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.worlds.real_nodes import EVENTS, World
from wherry import Cluster
from wherry.api.resources import resource
from wherry.cluster.option_values import OptionError

pytestmark = pytest.mark.real_nodes

NODES = resource("nodes")


def configured(folder: Path, **fields: Any) -> Path:
    path = folder / "kubelet.yaml"
    path.write_text(yaml.safe_dump({"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration", **fields}))
    return path


def cluster(config: Path | None = None, **options: Any) -> Cluster:
    return Cluster(runtime="process", nodes=1, serve=False, image_table=("*=host",), kubelet_config=config, **options)


def upkeep(world: World) -> Any:
    nodes: Any = world.cluster.real_nodes
    return nodes._upkeep


async def events(world: World, reason: str) -> list[str]:
    return [e["message"] for e in (await world.client.list(EVENTS)).items if e["reason"] == reason]


def test_who_takes_more_memory_than_it_asked_for_is_thrown_out_when_the_node_is_short(tmp_path: Path) -> None:
    config = configured(tmp_path, evictionHard={"memory.available": "99%"})

    async def story() -> None:
        async with cluster(config) as made:
            world = World(made, "process")
            await world.pod("modest", "sleep 1000", container={"resources": {"requests": {"memory": "1Gi"}}})
            await world.pod("greedy", "sleep 1000")
            await asyncio.gather(world.ready("modest"), world.ready("greedy"))
            await upkeep(world).pressure.look()
            status = await world.phase("greedy", "Failed")
            assert (status["reason"], status["message"].startswith("The node was low on resource: memory. ")) == ("Evicted", True)
            target = next(c for c in status["conditions"] if c["type"] == "DisruptionTarget")
            assert (target["status"], target["reason"]) == ("True", "TerminationByKubelet")
            assert "Evicted" in await world.reasons("greedy")
            assert await events(world, "EvictionThresholdMet") == ["Attempting to reclaim memory"]
            assert await events(world, "NodeHasInsufficientMemory") == ["Node node-0 status is now: NodeHasInsufficientMemory"]
            # while it is short, only those come that ask for memory
            node = {"nodeName": "node-0", "tolerations": [{"operator": "Exists", "effect": "NoExecute"}]}
            await world.pod("late", "sleep 1000", **node)
            late = await world.phase("late", "Failed")
            assert late["message"] == "The node had condition: [MemoryPressure]. "
            nodes: Any = made.real_nodes
            await nodes._heartbeat.post()
            said = {c["type"]: (c["status"], c["reason"]) for c in (await world.client.get(NODES, "", "node-0"))["status"]["conditions"]}
            assert said["MemoryPressure"] == ("True", "KubeletHasInsufficientMemory")
            assert said["DiskPressure"] == ("False", "KubeletHasNoDiskPressure")

    asyncio.run(asyncio.wait_for(story(), 50))


@pytest.mark.parametrize(("volume", "limits", "text"), [
    ({"sizeLimit": "1Mi"}, {}, 'Usage of EmptyDir volume "v" exceeds the limit "1Mi". '),
    ({"sizeLimit": "1Mi", "medium": "Memory"}, {}, 'Usage of EmptyDir volume "v" exceeds the limit "1Mi". '),
    ({}, {"ephemeral-storage": "2Mi"}, "Pod ephemeral local storage usage exceeds the total limit of containers 2Mi. "),
])  # fmt: skip
def test_who_writes_more_than_it_may_ends(volume: Any, limits: Any, text: str) -> None:
    async def story() -> None:
        async with cluster() as made:
            world = World(made, "process")
            container = {"volumeMounts": [{"name": "v", "mountPath": "/v"}], "resources": {"limits": limits}}
            volumes = [{"name": "v", "emptyDir": volume}]
            await world.pod("p", "head -c 3000000 /dev/zero > /v/big; sleep 1000", container=container, volumes=volumes)
            await world.ready("p")

            async def ended() -> bool:
                await upkeep(world).pressure.look()
                return (await world.get("p"))["status"]["phase"] == "Failed"

            await world.eventually(ended)
            status = (await world.get("p"))["status"]
            assert (status["reason"], status["message"]) == ("Evicted", text)

    asyncio.run(asyncio.wait_for(story(), 50))


def test_what_a_container_writes_beside_volumes_counts() -> None:
    async def story() -> None:
        async with cluster() as made:
            world = World(made, "process")
            await world.pod("p", "head -c 3000000 /dev/zero > /tmp/big; echo done; sleep 1000",
                            container={"resources": {"limits": {"ephemeral-storage": "2Mi"}}})
            await world.ready("p")

            async def written() -> bool:
                await upkeep(world).pressure.look()
                return (await world.get("p"))["status"].get("reason") == "Evicted"

            await world.eventually(written)

    asyncio.run(asyncio.wait_for(story(), 50))


def test_a_log_that_is_too_large_is_put_aside_and_followed_on(tmp_path: Path) -> None:
    config = configured(tmp_path, containerLogMaxSize="1Ki", containerLogMaxFiles=3)

    async def story() -> None:
        async with cluster(config) as made:
            world = World(made, "process")
            command = "i=0; while [ $i -lt 60 ]; do echo line $i; i=$((i+1)); done; read x < /v/go; echo after; sleep 1000"
            mounted = {"volumeMounts": [{"name": "v", "mountPath": "/v"}]}
            await world.pod("p", f"mkfifo /v/go; {command}", container=mounted, volumes=[{"name": "v", "emptyDir": {}}])
            await world.ready("p")

            async def all_said() -> bool:
                return "line 59\n" in await world.log("p")

            await world.eventually(all_said)
            reader = asyncio.ensure_future(world.log("p", follow=True))
            await asyncio.sleep(0)
            await upkeep(world).logs.look()
            assert await world.log("p") == ""
            await world.run("p", "sh", "-c", "echo > /v/go")

            async def goes_on() -> bool:
                return await world.log("p") == "after\n"

            await world.eventually(goes_on)
            await world.client.delete(resource("pods"), "default", "p")
            followed = await asyncio.wait_for(reader, 20)
            assert followed.endswith("line 59\nafter\n")

    asyncio.run(asyncio.wait_for(story(), 50))


def test_the_end_of_the_node_is_told_where_it_is_configured(tmp_path: Path) -> None:
    config = configured(tmp_path, shutdownGracePeriod="10s", shutdownGracePeriodCriticalPods="5s")
    folder = tmp_path / "data"

    async def first() -> None:
        async with cluster(config, data_dir=folder) as made:
            world = World(made, "process")
            await world.pod("p", "trap 'exit 0' TERM; while true; do sleep 0.05; done")
            await world.ready("p")

    async def second() -> None:
        async with cluster(data_dir=folder) as made:
            status = (await World(made, "process").get("p"))["status"]
            assert (status["phase"], status["reason"]) == ("Failed", "Terminated")
            assert status["message"] == "Pod was terminated in response to imminent node shutdown."
            assert status["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 0

    asyncio.run(asyncio.wait_for(first(), 30))
    asyncio.run(asyncio.wait_for(second(), 30))


def test_otherwise_programs_get_their_time_and_pods_come_back(tmp_path: Path) -> None:
    folder, mark = tmp_path / "data", tmp_path / "mark"
    mark.mkdir(mode=0o777)

    async def played(restarts: int) -> None:
        async with cluster(data_dir=folder, shutdown_seconds=5.0) as made:
            world = World(made, "process")
            if not restarts:
                command = "trap 'echo ended > /m/ended; exit 0' TERM; while true; do sleep 0.05; done"
                mounted = {"volumeMounts": [{"name": "m", "mountPath": "/m"}]}
                await world.pod("p", command, container=mounted, volumes=[{"name": "m", "hostPath": {"path": str(mark)}}])
            status = await world.until("p", lambda s: s.get("containerStatuses") and s["containerStatuses"][0]["ready"]
                                       and s["containerStatuses"][0]["restartCount"] == restarts)
            assert status["phase"] == "Running"

    asyncio.run(asyncio.wait_for(played(0), 30))
    assert (mark / "ended").read_text() == "ended\n"
    asyncio.run(asyncio.wait_for(played(1), 30))


def test_a_kubelet_configuration_is_refused_where_nothing_runs(tmp_path: Path) -> None:
    async def story() -> None:
        async with Cluster(nodes=1, serve=False, kubelet_config=configured(tmp_path)):
            raise AssertionError("it started")

    with pytest.raises(OptionError, match="kubelet_config: it is of nodes that run programs; these are simulated"):
        asyncio.run(story())
