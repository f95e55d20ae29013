"""Workloads side by side: many Deployments at once, a large StatefulSet, a DaemonSet on many nodes, scheduling with affinity and spread.

Each at half size and at full size: pods per second, and the time per pod at full size as a multiple of that at half size.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from bench.rollout import deployment
from bench.setup import SETTINGS
from wherry import Cluster
from wherry.api.options import MERGE_PATCH
from wherry.api.resources import resource
from wherry.cluster.thread import new_loop

DEPLOYMENTS, STATEFUL_SETS, DAEMON_SETS = (resource(plural, "apps") for plural in ("deployments", "statefulsets", "daemonsets"))
CHANGE = {"spec": {"template": {"metadata": {"labels": {"app": "a", "version": "2"}}}}}
Case = Callable[[Cluster, int], Awaitable[dict[str, tuple[int, float]]]]


def run() -> Iterator[tuple[str, float]]:
    for name, case, size, nodes in (
        ("Deployments of 50 pods", deployments, 100, 20),
        ("pods of one StatefulSet", stateful_set, 500, 10),
        ("nodes of one DaemonSet", daemon_set, 1000, 0),
        ("pods with affinity and spread", spread, 5000, 500),
    ):
        size, nodes = SETTINGS.scaled(size, 4), SETTINGS.scaled(nodes, 2) if nodes else 0
        half = _once(case, size // 2, nodes // 2)
        full = _once(case, size, nodes)
        for what, (pods, seconds) in full.items():
            yield f"{size:,} {name}, {what}: pods/s", pods / seconds
            before = half[what]
            yield f"{size:,} {name}, {what}: time per pod, times that of half as many", seconds / pods / (before[1] / before[0])


def _once(case: Case, size: int, nodes: int) -> dict[str, tuple[int, float]]:
    async def work() -> dict[str, tuple[int, float]]:
        async with Cluster(nodes=nodes or size, pods_per_node=16000) as cluster:
            return await case(cluster, size)

    loop = new_loop()
    try:
        return loop.run_until_complete(work())
    finally:
        loop.close()


async def deployments(cluster: Cluster, size: int) -> dict[str, tuple[int, float]]:
    names = [f"web-{n}" for n in range(size)]

    async def create(name: str) -> None:
        obj = deployment(50)
        labels = {"app": name}
        spec = {**obj["spec"], "selector": {"matchLabels": labels}}
        spec["template"] = {**spec["template"], "metadata": {"labels": labels}}
        await cluster.client.create(DEPLOYMENTS, "default", {**obj, "metadata": {"name": name}, "spec": spec})

    async def change(name: str) -> None:
        patch = {"spec": {"template": {"metadata": {"labels": {"version": "2"}}}}}
        await cluster.client.patch(DEPLOYMENTS, "default", name, patch, MERGE_PATCH)

    async def all_done() -> bool:
        return cluster.store.size("pods") == size * 50 and all([await _complete(cluster, DEPLOYMENTS, n, 50) for n in names])

    made = await _timed(asyncio.gather(*map(create, names)), all_done)
    rolled = await _timed(asyncio.gather(*map(change, names)), all_done)
    return {"created": (size * 50, made), "rolled at once": (size * 50, rolled)}


async def stateful_set(cluster: Cluster, size: int) -> dict[str, tuple[int, float]]:
    web = deployment(size)
    web["kind"] = "StatefulSet"
    web["spec"] |= {"serviceName": "web", "podManagementPolicy": "Parallel"}

    async def done() -> bool:
        return cluster.store.size("pods") == size and await _complete(cluster, STATEFUL_SETS, "web", size)

    made = await _timed(cluster.client.create(STATEFUL_SETS, "default", web), done)
    rolled = await _timed(cluster.client.patch(STATEFUL_SETS, "default", "web", CHANGE, MERGE_PATCH), done)
    return {"created": (size, made), "rolled one by one": (size, rolled)}


async def daemon_set(cluster: Cluster, size: int) -> dict[str, tuple[int, float]]:
    agent = deployment(size)
    agent["kind"] = "DaemonSet"
    del agent["spec"]["replicas"]
    agent["spec"]["updateStrategy"] = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%"}}

    async def done() -> bool:
        obj = await cluster.client.get(DAEMON_SETS, "default", "web")
        status = obj.get("status", {})
        seen = status.get("observedGeneration") == obj["metadata"]["generation"]
        return seen and status.get("updatedNumberScheduled") == size and status.get("numberAvailable") == size

    made = await _timed(cluster.client.create(DAEMON_SETS, "default", agent), done)
    rolled = await _timed(cluster.client.patch(DAEMON_SETS, "default", "web", CHANGE, MERGE_PATCH), done)
    return {"created": (size, made), "rolled": (size, rolled)}


async def spread(cluster: Cluster, size: int) -> dict[str, tuple[int, float]]:
    """Apart from each other by preference, and evenly over the nodes by rule."""
    web = deployment(size)
    selector = {"matchLabels": {"app": "a"}}
    term = {"weight": 10, "podAffinityTerm": {"labelSelector": selector, "topologyKey": "kubernetes.io/hostname"}}
    constraint = {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": selector}
    pod = web["spec"]["template"]["spec"]
    pod["affinity"] = {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [term]}}
    pod["topologySpreadConstraints"] = [constraint]

    async def done() -> bool:
        return await _complete(cluster, DEPLOYMENTS, "web", size)

    return {"created": (size, await _timed(cluster.client.create(DEPLOYMENTS, "default", web), done))}


async def _complete(cluster: Cluster, row: Any, name: str, replicas: int) -> bool:
    obj = await cluster.client.get(row, "default", name)
    status = obj.get("status", {})
    if status.get("observedGeneration") != obj["metadata"]["generation"]:
        return False
    return all(status.get(k) == replicas for k in ("replicas", "updatedReplicas", "availableReplicas"))


async def _timed(work: Awaitable[Any], done: Callable[[], Awaitable[bool]]) -> float:
    begun = time.perf_counter()
    await work
    while not await done():
        await asyncio.sleep(0.02)
    return time.perf_counter() - begun
