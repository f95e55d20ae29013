"""One process and several that serve reads and watches: processor time for each request, on one core that all of them share.

So the figure says what several cost beside one, however few cores the machine has and whatever else runs there: N of them on a core each
serve N times "served for what one serves". (On cores of their own with a client that cannot keep them busy, each request costs a wake-up.)
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.api import SECONDS, work
from bench.load import WARM, Result, Target, apart
from bench.setup import SETTINGS, cpu_seconds
from bench.watch import watched
from wherry import Cluster

#: processes, connections, watchers
PROCESSES, CONNECTIONS, WATCHERS = (1, 2), 16, 200


def run() -> Iterator[tuple[str, float]]:
    alone: dict[str, float] = {}
    for processes in PROCESSES:
        for job, rate, cost in _figures(processes):
            mark = f"{processes} process{'es' if processes > 1 else ''}, {job}"
            yield f"{mark}: per second", rate
            yield f"{mark}: processor us each", cost * 1e6
            if processes > 1:
                yield f"{mark}: served for what one serves", alone[job] / cost
            alone.setdefault(job, cost)


def _figures(processes: int) -> Iterator[tuple[str, float, float]]:
    """What was done, how often a second, and processor seconds of all of the cluster for one."""
    cores = os.sched_getaffinity(0)
    with Cluster(nodes=0, processes=processes) as cluster:
        pids = [os.getpid(), *_further(cluster)]
        if len(cores) > 1:
            _apart(cluster, cores)
        try:
            target, most = Target(cluster.kubeconfig), SETTINGS.scaled(10_000, 10)
            for job in ("get", "list 500 pods", "create"):
                apart(work, target, job, CONNECTIONS, 0.1, most)  # makes what must be there
                before = sum(map(cpu_seconds, pids))
                found: Result = apart(work, target, job, CONNECTIONS, SECONDS * SETTINGS.size, most)
                count = found.rate * SECONDS * SETTINGS.size + CONNECTIONS * WARM
                yield job, found.rate, (sum(map(cpu_seconds, pids)) - before) / count
            before, begun = sum(map(cpu_seconds, pids)), time.perf_counter()
            events: int = apart(watched, cluster.kubeconfig, SETTINGS.scaled(WATCHERS, 2))
            cost = (sum(map(cpu_seconds, pids)) - before) / events
            yield "events to watchers, with their connections", events / (time.perf_counter() - begun), cost
        finally:
            os.sched_setaffinity(0, cores)


def _apart(cluster: Any, cores: set[int]) -> None:
    """All that serves on the last core; this thread, and the clients that it starts, on the others."""
    last = max(cores)
    own = [int(task.name) for task in Path("/proc/self/task").iterdir() if int(task.name) != threading.get_native_id()]
    for each in (*own, *_further(cluster)):
        os.sched_setaffinity(each, {last})
    os.sched_setaffinity(0, cores - {last})


def _further(cluster: Any) -> list[int]:
    """The numbers of all but this process."""
    return [reader.pid for reader in cluster.further.readers] if cluster.further is not None else []
