"""One process and two: pods per second, and processor time per pod in each, which other work on the machine does not change.

Plain pods show what HTTP between the two costs; pods with affinity and spread give the scheduler more to do than that.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from bench.rollout import DEPLOYMENTS, deployment, finished
from bench.setup import SETTINGS, cpu_seconds
from wherry import Cluster
from wherry.api.objects import Obj
from wherry.api.options import MERGE_PATCH
from wherry.cluster.thread import new_loop

CHANGE = {"spec": {"template": {"metadata": {"labels": {"app": "a", "version": "2"}}}}}


def run() -> Iterator[tuple[str, float]]:
    for name, web, nodes in (("plain pods", deployment(SETTINGS.scaled(1000, 4)), 20),
                             ("pods with affinity and spread", _demanding(SETTINGS.scaled(1000, 4)), SETTINGS.scaled(200, 3))):
        for processes in (1, 2):
            loop = new_loop()
            try:
                found = loop.run_until_complete(_once(web, nodes, processes))
            finally:
                loop.close()
            mark = f"{name}, {processes} process{'es' if processes > 1 else ''}"
            replicas = web["spec"]["replicas"]
            for what, (seconds, first, second) in found.items():
                yield f"{mark}, {what}: pods/s", replicas / seconds
                yield f"{mark}, {what}: CPU ms per pod, the first", first / replicas * 1000
                if processes > 1:
                    yield f"{mark}, {what}: CPU ms per pod, the second", second / replicas * 1000


def _demanding(replicas: int) -> Obj:
    web = deployment(replicas)
    selector, host = {"matchLabels": {"app": "a"}}, "kubernetes.io/hostname"
    pod = web["spec"]["template"]["spec"]
    term = {"weight": 10, "podAffinityTerm": {"labelSelector": selector, "topologyKey": host}}
    pod["affinity"] = {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [term]}}
    rule = {"maxSkew": 1, "topologyKey": host, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": selector}
    pod["topologySpreadConstraints"] = [rule]
    return web


async def _once(web: Obj, nodes: int, processes: int) -> dict[str, tuple[float, float, float]]:
    replicas = web["spec"]["replicas"]
    async with Cluster(nodes=nodes, pods_per_node=4 * replicas, processes=processes) as cluster:
        pids = [os.getpid(), *([cluster.second.pid] if cluster.second is not None else [])]
        found = {}
        for what in ("created", "rolled"):
            before, begun = [cpu_seconds(pid) for pid in pids], time.perf_counter()
            if what == "created":
                await cluster.aclient.create(DEPLOYMENTS, "default", web)
            else:
                await cluster.aclient.patch(DEPLOYMENTS, "default", "web", CHANGE, MERGE_PATCH)
            await finished(cluster, replicas)
            used = [cpu_seconds(pid) - b for pid, b in zip(pids, before, strict=True)]
            found[what] = (time.perf_counter() - begun, used[0], used[1] if len(used) > 1 else 0.0)
        return found
