"""Pods created, rolled, killed and deleted while the runtime is killed again and again: in the end nothing of them is left anywhere.

`WHERRY_SOAK` seconds long (8 in CI, 7200 for the whole of it, with a longer `--timeout`)."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import pytest

from tests.worlds.containerd import Containerd
from tests.worlds.real_nodes import World
from wherry import Cluster
from wherry.api.options import MERGE_PATCH
from wherry.api.resources import resource

SECONDS = float(os.environ.get("WHERRY_SOAK", "8"))
PODS, DEPLOYMENTS = resource("pods"), resource("deployments", "apps")
WAIT = "trap 'exit 0' TERM; while true; do sleep 0.05; done"


@pytest.mark.containerd
def test_nothing_is_left_of_many_pods(own_containerd: Containerd) -> None:
    uids: set[str] = set()

    async def rolling(world: World, until: float) -> None:
        template: Any = {"metadata": {"labels": {"app": "web"}}, "spec": {
            "terminationGracePeriodSeconds": 1, "containers": [{"name": "c", "image": "busybox:1", "command": ["sh", "-c", WAIT]}]}}
        spec = {"replicas": 3, "selector": {"matchLabels": {"app": "web"}}, "template": template}
        await world.client.create(DEPLOYMENTS, "default", {"metadata": {"name": "web", "namespace": "default"}, "spec": spec})
        number = 0
        while time.monotonic() < until:
            number += 1
            change = {"spec": {"template": {"metadata": {"annotations": {"run": str(number)}}}}}
            await world.client.patch(DEPLOYMENTS, "default", "web", change, MERGE_PATCH)
            await asyncio.sleep(1.0)
        await world.client.delete(DEPLOYMENTS, "default", "web")

    async def crashing(world: World, until: float) -> None:
        number = 0
        while time.monotonic() < until:
            number += 1
            await world.pod(f"short-{number}", "sleep 0.2; exit 1", restartPolicy="Never")
            await asyncio.sleep(0.5)
            await world.client.delete(PODS, "default", f"short-{number}")

    async def breaking(until: float) -> None:
        while time.monotonic() < until:
            await asyncio.sleep(3.0)
            own_containerd.kill()
            await asyncio.to_thread(own_containerd.start)

    async def whole() -> None:
        async with Cluster(runtime="containerd", container_runtime_endpoint=str(own_containerd.socket), nodes=1, serve=False) as cluster:
            world = World(cluster, "containerd")
            until = time.monotonic() + SECONDS
            await asyncio.gather(rolling(world, until), crashing(world, until), breaking(until))

            async def gone() -> bool:
                found = (await world.client.list(PODS, "default")).items
                uids.update(pod["metadata"]["uid"] for pod in found)
                there = await asyncio.to_thread(own_containerd.ctr, "containers", "list", "--quiet")
                return not found and not await world.runtime._engine.pods() and not there.stdout.split()

            await world.eventually(gone, 40.0)

    asyncio.run(whole())
    assert own_containerd.ctr("containers", "list", "--quiet").stdout.split() == []
    snapshots = [line.split()[-1] for line in own_containerd.ctr("snapshots", "list").stdout.splitlines()[1:]]
    assert set(snapshots) <= {"Committed"}, "what containers wrote"
    assert "veth" not in own_containerd.inside("ip", "link")
    left = [str(path) for path in Path("/sys/fs/cgroup").glob("*/wherry/*/pod*") if path.name.removeprefix("pod") in uids]
    assert left == [], "control groups"
    given = [path.name for path in (own_containerd.folder / "ipam").rglob("10.*")]
    assert given == []
