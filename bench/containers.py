"""Containers of a container runtime, as root: what bare calls of its interface give, and what nodes of a cluster make of it, side by side.

A containerd of the benchmark's own (Debian's), in a network namespace of its own, with an image of this machine's programs. `concurrent`
is how many pods are begun at once.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.setup import SETTINGS
from tests.worlds.containerd import Containerd, missing
from tests.worlds.images import give
from wherry import Cluster
from wherry.api.resources import resource
from wherry.cluster.thread import new_loop
from wherry.node.cri import configs, groups
from wherry.node.cri.calls import Calls
from wherry.node.cri.exits import RUNNING
from wherry.node.engine import ContainerBox, PodBox

PODS, CONCURRENT = 40, 8
_PODS, _NODES = resource("pods"), resource("nodes")
_OWN = {configs.OWNER: "bench"}


def run() -> Iterator[tuple[str, float]]:
    if why := missing():
        raise SystemExit(why)
    with tempfile.TemporaryDirectory() as folder:
        runtime = Containerd(Path(tempfile.mkdtemp(prefix="ctd-")))
        runtime.start()
        try:
            give(runtime, Path(folder))
            count = SETTINGS.scaled(PODS, 2)
            # the first cluster gives the runtime its network
            loop = new_loop()
            loop.run_until_complete(_cluster(runtime, 1))
            yield from loop.run_until_complete(_bare(runtime, Path(folder), count))
            yield from loop.run_until_complete(_cluster(runtime, count))
            loop.close()
        finally:
            runtime.stop()


async def _bare(runtime: Containerd, folder: Path, count: int) -> list[tuple[str, float]]:
    calls = Calls(str(runtime.socket))
    turns = asyncio.Semaphore(CONCURRENT)
    made: list[tuple[str, str]] = []

    async def one(number: int) -> None:
        box = PodBox(id=f"bench-{number}", namespace="n", name=f"p{number}", node="n", hostname="p", logs=str(folder))
        container = ContainerBox(id="", name="c", image="busybox:1", command=("sleep", "100000"))
        async with turns:
            config = configs.sandbox(box, 0, _OWN, systemd=False)
            sandbox = (await calls("RunPodSandbox", {"config": config})).pod_sandbox_id
            wanted = configs.container(box, container, "docker.io/library/busybox:1", _OWN, 0)
            asked = {"pod_sandbox_id": sandbox, "config": wanted, "sandbox_config": config}
            id_ = (await calls("CreateContainer", asked)).container_id
            await calls("StartContainer", {"container_id": id_})
            await calls("PodSandboxStatus", {"pod_sandbox_id": sandbox})
            made.append((sandbox, config["linux"]["cgroup_parent"]))

    async def end(sandbox: str, parent: str) -> None:
        async with turns:
            await calls("StopPodSandbox", {"pod_sandbox_id": sandbox})
            await calls("RemovePodSandbox", {"pod_sandbox_id": sandbox})
            await asyncio.to_thread(groups.remove, parent)

    begun = time.perf_counter()
    await asyncio.gather(*(one(number) for number in range(count)))
    started = time.perf_counter() - begun
    begun = time.perf_counter()
    for _ in range(10):
        selected = {"filter": {"label_selector": _OWN}}
        await calls("ListPodSandbox", selected)
        listed = await calls("ListContainers", selected)
    relist = (time.perf_counter() - begun) / 10
    assert sum(each.state == RUNNING for each in listed.containers) == count
    begun = time.perf_counter()
    await asyncio.gather(*(end(*each) for each in made))
    ended = time.perf_counter() - begun
    await calls.close()
    return [
        (f"pods/s by bare calls, {CONCURRENT} at once", count / started), ("pods/s removed by bare calls", count / ended),
        (f"ms for a look at {count} pods and their containers", relist * 1e3),
    ]


async def _cluster(runtime: Containerd, count: int) -> list[tuple[str, float]]:
    """All created at once, from the first create to the last Running; then deleted, to the last one's end."""
    async with Cluster(runtime="containerd", container_runtime_endpoint=str(runtime.socket), nodes=1, serve=False,
                       pods_per_node=2 * count + 10) as cluster:
        client = cluster.client
        while not any(each["type"] == "Ready" and each["status"] == "True" for node in (await client.list(_NODES)).items
                      for each in node["status"]["conditions"]):
            await asyncio.sleep(0.01)
        before = _resident()
        begun = time.perf_counter()
        for number in range(count):
            container = {"name": "c", "image": "busybox:1", "command": ["sleep", "100000"]}
            spec = {"containers": [container], "terminationGracePeriodSeconds": 0, "automountServiceAccountToken": False}
            await client.create(_PODS, "default", {"metadata": {"name": f"p{number}", "namespace": "default"}, "spec": spec})
        while sum(pod["status"].get("phase") == "Running" for pod in (await client.list(_PODS, "default")).items) < count:
            await asyncio.sleep(0.01)
        running = time.perf_counter() - begun
        memory = _resident() - before
        begun = time.perf_counter()
        for number in range(count):
            await client.delete(_PODS, "default", f"p{number}")
        while (await client.list(_PODS, "default")).items or await cluster.real_nodes.runtime._engine.pods():
            await asyncio.sleep(0.01)
        gone = time.perf_counter() - begun
    return [
        ("pods/s from create to Running by a cluster", count / running), ("pods/s deleted by a cluster", count / gone),
        ("MB of this process", _resident() / 1e6), (f"MB more with {count} pods", memory / 1e6),
    ]


def _resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
