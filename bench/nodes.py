"""Real nodes: the process engine alone (up, pod, start, exec, log, memory), then a cluster whose pods run programs, from create to Ready.

Runs as whoever starts it: an ordinary user's figures are those of an ordinary user. The reference (kubelet and containerd, as root) made
about 3 pods a second from create to Ready on a two-core machine.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from bench.setup import SETTINGS
from wherry import Cluster
from wherry.api.options import MERGE_PATCH
from wherry.api.resources import resource
from wherry.cluster.thread import new_loop
from wherry.node.engine import ContainerBox, PodAt, PodBox
from wherry.node.images.images import Images
from wherry.node.images.store import ImageStore
from wherry.node.process.engine import ProcessEngine

PODS = 60
MANY = 250
EXECS = 50
LOG_BYTES = 100_000_000
DEPLOYMENTS = resource("deployments", "apps")
_SLEEP = ("sleep", "100000")


def run() -> Iterator[tuple[str, float]]:
    with tempfile.TemporaryDirectory() as folder:
        loop = new_loop()
        figures = loop.run_until_complete(_engine(Path(folder)))
        loop.close()
        yield from figures
    for count in (1, SETTINGS.scaled(PODS, 4), SETTINGS.scaled(MANY, 8)):
        loop = new_loop()
        ready, roll = loop.run_until_complete(_cluster(count))
        loop.close()
        if count == 1:
            yield "ms from create of a Deployment to its pod Ready", ready * 1e3
        else:
            yield f"pods/s from create to Ready, {count} on a node", count / ready
            yield f"pods/s rolled, {count} on a node", count / roll


# --- the engine ---
async def _engine(folder: Path) -> list[tuple[str, float]]:
    out, ups = [], []
    for _ in range(5):
        engine = ProcessEngine(Images(ImageStore(folder)))
        ups.append(await _took(engine.begin))
        await engine.close()
    out.append(("ms to an engine that is up", statistics.median(ups) * 1e3))
    engine = ProcessEngine(Images(ImageStore(folder)))
    await engine.begin()
    try:
        out += await _pods(engine)
        out += await _sessions(engine, folder)
    finally:
        out.append(("ms to close it with its pods", await _took(engine.close) * 1e3))
    return out


async def _pods(engine: ProcessEngine) -> list[tuple[str, float]]:
    """One after the other; the memory is the machine's, so programs, kernel and all."""
    count, networks, starts = SETTINGS.scaled(100, 5), [], []
    before, begun = _available(), time.perf_counter()
    for number in range(count):
        at = time.perf_counter()
        pod = await _pod(engine, number)
        networks.append(time.perf_counter() - at)
        at = time.perf_counter()
        await engine.start(pod, ContainerBox(id=f"c{number}", name="c", image="host", command=_SLEEP))
        starts.append(time.perf_counter() - at)
    took, memory = time.perf_counter() - begun, before - _available()
    stats = await _took(engine.stats)
    begun = time.perf_counter()
    for number in range(1, count):
        await engine.remove_pod(f"pod-{number}")
    removed = time.perf_counter() - begun
    return [
        ("ms for a pod's namespaces and network", statistics.median(networks) * 1e3),
        ("ms for a container's start", statistics.median(starts) * 1e3),
        ("pods/s started by the engine, one after the other", count / took),
        ("pods/s removed by the engine", (count - 1) / removed),
        ("MB a pod, of the whole machine", memory / count / 1e6),
        (f"ms for the stats of {count} pods", stats * 1e3),
    ]


async def _sessions(engine: ProcessEngine, folder: Path) -> list[tuple[str, float]]:
    execs = []
    for _ in range(SETTINGS.scaled(EXECS, 5)):
        at = time.perf_counter()
        session = await engine.exec("c0", ["true"])
        await session.wait()
        execs.append(time.perf_counter() - at)
        await session.close()
    size = int(LOG_BYTES * SETTINGS.size)
    command = ("sh", "-c", f"yes 0123456789012345678901234567890123456789012345678901234567890123456789 | head -c {size}")
    begun = time.perf_counter()
    pod = await _pod(engine, 900)
    await engine.start(pod, ContainerBox(id="loud", name="c", image="host", command=command, log=str(folder / "loud.log")))
    async for ended in engine.exits():
        if ended.id == "loud":
            break
    return [
        ("ms for an exec of `true`, p50", statistics.median(execs) * 1e3),
        ("MB/s from a program into its log", size / (time.perf_counter() - begun) / 1e6),
    ]


async def _pod(engine: ProcessEngine, number: int) -> PodAt:
    address = f"10.244.{number // 200 + 1}.{number % 200 + 2}"
    return await engine.run_pod(PodBox(id=f"pod-{number}", namespace="n", name="p", node="n", hostname="p", addresses=(address,)))


async def _took(work: Callable[[], Awaitable[object]]) -> float:
    begun = time.perf_counter()
    await work()
    return time.perf_counter() - begun


def _available() -> int:
    with open("/proc/meminfo") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("MemAvailable:")) * 1024


# --- a cluster ---
async def _cluster(count: int) -> tuple[float, float]:
    """Seconds to all of a Deployment's pods Ready, and to all rolled (25 %/25 %)."""
    async with Cluster(nodes=1, runtime="process", pods_per_node=2 * count + 10) as cluster:
        client = cluster.client
        # the first pod of a cluster starts its controllers, too
        await client.create(DEPLOYMENTS, "default", _deployment("first", 1))
        await _available_replicas(cluster, "first", 1, 1)
        begun = time.perf_counter()
        await client.create(DEPLOYMENTS, "default", _deployment("web", count))
        await _available_replicas(cluster, "web", count, 1)
        ready = time.perf_counter() - begun
        begun = time.perf_counter()
        change = b'{"spec":{"template":{"metadata":{"labels":{"version":"2"}}}}}'
        await client.patch(DEPLOYMENTS, "default", "web", change, MERGE_PATCH)
        await _available_replicas(cluster, "web", count, 2)
        return ready, time.perf_counter() - begun


async def _available_replicas(cluster: Cluster, name: str, count: int, generation: int) -> None:
    while True:
        found = await cluster.client.get(DEPLOYMENTS, "default", name)
        status = found.get("status") or {}
        done = status.get("observedGeneration", 0) >= generation and status.get("updatedReplicas") == count
        if done and status.get("availableReplicas") == count == status.get("replicas"):
            return
        await asyncio.sleep(0.005)


def _deployment(name: str, count: int) -> dict[str, object]:
    container = {"name": "c", "image": "host", "command": list(_SLEEP)}
    template = {"metadata": {"labels": {"app": name}}, "spec": {"terminationGracePeriodSeconds": 0, "containers": [container]}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
            "spec": {"replicas": count, "selector": {"matchLabels": {"app": name}}, "template": template}}


if __name__ == "__main__":
    print(f"as user {os.getuid()}")
    for figure, value in run():
        print(f"{figure:<64} {value:,.2f}")
