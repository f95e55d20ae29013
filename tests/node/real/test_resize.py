"""Resources of running containers, changed in place: by control groups where there are some, else refused by name."""

from __future__ import annotations

from typing import Any

from tests.worlds.real_nodes import PODS, Play, World
from wherry.api import quantity
from wherry.api.options import STRATEGIC_PATCH
from wherry.api.resources import resource


async def resize(world: World, name: str, **resources: Any) -> None:
    patch = {"spec": {"containers": [{"name": "c", "resources": resources}]}}
    await world.client.patch(PODS, "default", name, patch, STRATEGIC_PATCH, subresource="resize")


def first(status: Any) -> Any:
    return status["containerStatuses"][0]


def condition(status: Any, type_: str) -> Any:
    return next((c for c in status["conditions"] if c["type"] == type_), None)


SMALL = {"requests": {"cpu": "20m", "memory": "16Mi"}, "limits": {"cpu": "500m", "memory": "64Mi"}}


def test_a_resize_is_carried_out_without_a_new_start_or_refused_by_name(play: Play) -> None:
    async def story(world: World) -> None:
        await world.pod("p", "sleep 1000", container={"resources": SMALL})
        await world.ready("p")
        await resize(world, "p", requests={"cpu": "30m"})
        if "cpu" not in world.runtime._engine.enforced:
            status = await world.until("p", lambda s: condition(s, "PodResizePending"))
            assert condition(status, "PodResizePending")["reason"] == "Infeasible"
            assert "ResizeInfeasible" in await world.reasons("p")
            return
        status = await world.until("p", lambda s: first(s).get("allocatedResources", {}).get("cpu") == "30m")
        assert first(status)["resources"] == {"requests": {"cpu": "30m", "memory": "16Mi"}, "limits": SMALL["limits"]}
        assert status["allocatedResources"] == {"cpu": "30m", "memory": "16Mi"}
        assert first(status)["restartCount"] == 0
        assert (await world.reasons("p"))[-2:] == ["ResizeStarted", "ResizeCompleted"]
        assert not condition(await world.until("p", lambda s: not condition(s, "PodResizeInProgress")), "PodResizePending")

    play(story)


def test_a_memory_limit_that_is_made_smaller_holds(play: Play) -> None:
    async def story(world: World) -> None:
        limited = {"requests": {"memory": "16Mi"}, "limits": {"memory": "400Mi"}}
        command = "while [ ! -f /tmp/go ]; do sleep 0.05; done; x=$(head -c 100000000 /dev/zero | tr '\\0' x); sleep 1000"
        await world.pod("p", command, container={"resources": limited}, restartPolicy="Never")
        await world.ready("p")
        await resize(world, "p", limits={"memory": "40Mi"})
        await world.until("p", lambda s: first(s)["resources"]["limits"] == {"memory": "40Mi"})
        await world.run("p", "touch", "/tmp/go")
        status = await world.phase("p", "Failed")
        assert first(status)["state"]["terminated"]["reason"] == "OOMKilled"

    play(story)


def test_what_the_node_does_not_have_yet_waits_for_it_and_is_told(play: Play) -> None:
    async def story(world: World) -> None:
        async def registered() -> Any:
            return (await world.client.list(resource("nodes"))).items

        node = (await world.eventually(registered))[0]
        most = quantity.to_int(node["status"]["allocatable"]["memory"]) * 6 // 10
        await world.pod("big", "trap 'exit 0' TERM; while true; do sleep 0.05; done",
                        container={"resources": {"requests": {"memory": str(most)}}})
        await world.pod("p", "sleep 1000", container={"resources": {"requests": {"memory": "16Mi"}}})
        await world.ready("big")
        await world.ready("p")
        await resize(world, "p", requests={"memory": str(most)})
        status = await world.until("p", lambda s: condition(s, "PodResizePending"))
        pending = condition(status, "PodResizePending")
        assert (pending["status"], pending["reason"]) == ("True", "Deferred")
        assert pending["message"].startswith(f"Node didn't have enough resource: memory, requested: {most}, used: {most}, capacity: ")
        assert first(status)["resources"] == {"requests": {"memory": "16Mi"}}
        await world.told("p", "ResizeDeferred")
        await world.gone("big")
        await world.until("p", lambda s: not condition(s, "PodResizePending"))
        await world.until("p", lambda s: first(s)["resources"] == {"requests": {"memory": str(most)}})

    play(story)


def test_a_container_that_asks_for_it_starts_again(play: Play) -> None:
    async def story(world: World) -> None:
        policy = [{"resourceName": "memory", "restartPolicy": "RestartContainer"}]
        command = "trap 'exit 0' TERM; while true; do sleep 0.05; done"
        await world.pod("p", command, container={"resources": {"requests": {"memory": "16Mi"}}, "resizePolicy": policy})
        await world.ready("p")
        await resize(world, "p", requests={"memory": "17Mi"})
        status = await world.until("p", lambda s: first(s)["restartCount"] == 1 and first(s)["ready"])
        assert first(status)["resources"] == {"requests": {"memory": "17Mi"}}

    play(story)
