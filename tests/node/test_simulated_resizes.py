"""Pods of simulated nodes that ask for other resources than they have: which of them a node asks again when it has more room."""

from __future__ import annotations

from typing import Any

import pytest

from tests.node.shell_world import PODS, World, play
from wherry.api import quantity
from wherry.api.objects import Obj, condition
from wherry.node import resizing


def container(memory: int) -> Obj:
    return {"name": "main", "image": "nginx:1.21", "resources": {"requests": {"memory": str(memory)}}}


async def ask(world: World, name: str, memory: int) -> None:
    pod = world.get(name)
    meta = {**pod["metadata"], "generation": 2}  # which the fake API does not count
    await world.api.update(PODS, {**pod, "metadata": meta, "spec": {**pod["spec"], "containers": [container(memory)]}})
    await world.rest()


def test_a_pod_that_goes_makes_room_for_those_that_wait_on_its_node_and_no_other_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[str] = []
    consider = resizing.consider

    def counted(worker: Any) -> None:
        looks.append(worker.key)
        consider(worker)

    async def scenario(world: World) -> None:
        most = quantity.to_int(world.api.objects["nodes", "sim-0"]["status"]["allocatable"]["memory"]) * 6 // 10
        for node in ("sim-0", "sim-1"):
            await world.pod(f"big-{node}", container(most), nodeName=node)
            await world.pod(f"waits-{node}", container(1 << 20), nodeName=node)
            await world.pod(f"content-{node}", container(1 << 20), nodeName=node)
            await ask(world, f"waits-{node}", most)
            pending = condition(world.get(f"waits-{node}"), "PodResizePending")
            assert pending is not None
            assert pending["reason"] == "Deferred"
        monkeypatch.setattr(resizing, "consider", counted)
        await world.delete("big-sim-0", grace=0)
        await world.rest(1)
        assert looks
        assert set(looks) == {"d/waits-sim-0"}
        assert condition(world.get("waits-sim-0"), "PodResizePending") is None
        assert "ResizeStarted" in [reason for reason, _ in world.events("waits-sim-0")]
        assert condition(world.get("waits-sim-1"), "PodResizePending") is not None
        looks.clear()
        await world.delete("content-sim-0", grace=0)
        assert looks == []  # nobody waits there any more

    play(scenario)
