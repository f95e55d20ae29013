"""Rollout: 1,000 replicas created and rolled (25 %/25 %) on simulated nodes, with the memory store and with SQLite.

Nodes tell what goes well in three events for each pod (Pulled, Created, Started), as a kubelet does; "quiet nodes" do not, as those on
which the reference was measured and recorded. With a kubeconfig: on that API server, whose own controllers and scheduler do the work.
"""

from __future__ import annotations

import asyncio
import gc
import resource as system
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench import target
from bench.setup import SETTINGS
from wherry import Cluster
from wherry.api.options import MERGE_PATCH
from wherry.api.resources import resource
from wherry.cluster.thread import new_loop

REPLICAS = 1000
NODES = 20
RUNS = 3
DEPLOYMENTS = resource("deployments", "apps")


def run() -> Iterator[tuple[str, float]]:
    replicas = SETTINGS.scaled(REPLICAS, 4)
    if SETTINGS.kubeconfig:
        create, roll = target.rollout(SETTINGS.kubeconfig, deployment(replicas), NODES)
        yield "pods/s created (target)", replicas / create
        yield "pods/s rolled (target)", replicas / roll
        return
    for store, quiet in (("memory", False), ("memory", True), ("sqlite", False)):
        created, rolled, sizes = [], [], []
        for _ in range(RUNS if SETTINGS.size >= 1 else 1):
            loop = new_loop()
            with tempfile.TemporaryDirectory() as directory:
                place = Path(directory) if store == "sqlite" else None
                create, roll, size, _ = loop.run_until_complete(once(replicas, NODES, place, quiet=quiet))
            loop.close()
            gc.collect()  # the cluster that was, which is one great cycle
            created.append(replicas / create)
            rolled.append(replicas / roll)
            sizes.append(size)
        name = " (quiet nodes)" if quiet else "" if store == "memory" else " (sqlite)"
        yield f"pods/s created{name}", statistics.median(created)
        yield f"pods/s rolled{name}", statistics.median(rolled)
        if not name:
            yield "bytes of JSON per stored pod", statistics.median(sizes)
    yield "MB resident, peak", system.getrusage(system.RUSAGE_SELF).ru_maxrss / 1e3


async def once(
    replicas: int, nodes: int, directory: Path | None, used: Callable[[], int] = lambda: 0, *, quiet: bool = False
) -> tuple[float, float, float, int]:
    """(seconds to create, seconds to roll, bytes of JSON per pod, what `used` gives more when all pods run than when there is none)."""
    told = {"routine_events": not quiet}
    async with Cluster(nodes=nodes, data_dir=directory, pods_per_node=2 * replicas, **told) as cluster:
        idle = used()
        begun = time.perf_counter()
        await cluster.client.create(DEPLOYMENTS, "default", deployment(replicas))
        await finished(cluster, replicas)
        create = time.perf_counter() - begun
        grown = used() - idle
        records = (await cluster.store.range("pods/")).records
        size = sum(len(r.value) for r in records) / len(records)
        begun = time.perf_counter()
        change = {"spec": {"template": {"metadata": {"labels": {"app": "a", "version": "2"}}}}}
        await cluster.client.patch(DEPLOYMENTS, "default", "web", change, MERGE_PATCH)
        await finished(cluster, replicas)
        return create, time.perf_counter() - begun, size, grown


async def finished(cluster: Any, replicas: int) -> None:
    """Until the Deployment is complete and no old pod is left."""
    while True:
        web = await cluster.client.get(DEPLOYMENTS, "default", "web")
        status = web.get("status", {})
        if (
            status.get("observedGeneration") == web["metadata"]["generation"]
            and status.get("updatedReplicas") == replicas
            and status.get("availableReplicas") == replicas
            and status.get("replicas") == replicas
            and cluster.store.size("pods") == replicas
        ):
            return
        await asyncio.sleep(0.005)


def deployment(replicas: int) -> dict[str, Any]:
    container = {"name": "c", "image": "nginx:1.21", "ports": [{"containerPort": 80}], "env": [{"name": "A", "value": "1"}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "a"}},
            "template": {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [container]}},
        },
    }
