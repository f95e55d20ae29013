"""A rollout as a watcher sees it: pods of the old and of the new revision, and Ready ones, over time; drawn with --plots.

Containers take a moment to start and to become ready here, so that the steps of a rolling update show.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

from bench.rollout import DEPLOYMENTS, deployment, finished
from bench.setup import SERIES, SETTINGS
from wherry import Cluster
from wherry.api.objects import Obj, is_deleting, key
from wherry.api.options import MERGE_PATCH
from wherry.api.resources import resource
from wherry.cluster.thread import new_loop

REPLICAS = 1000
CHANGE = {"spec": {"template": {"metadata": {"labels": {"app": "a", "version": "2"}}}}}


class Curve:
    """Counts pods as they change."""

    def __init__(self) -> None:
        self._pods: dict[str, tuple[str, bool]] = {}
        self._begun = time.perf_counter()
        self.lines: dict[str, list[float]] = {"seconds": [], "old revision": [], "new revision": [], "Ready": []}

    def changed(self, old: Obj | None, new: Obj | None) -> None:
        if new is None or is_deleting(new):
            self._pods.pop(key(new or old or {}), None)
        else:
            conditions = (new.get("status") or {}).get("conditions") or ()
            ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
            self._pods[key(new)] = ("new revision" if "version" in new["metadata"]["labels"] else "old revision", ready)

    def begin(self) -> None:
        self._begun = time.perf_counter()

    async def sample(self, seconds: float) -> None:
        """Until cancelled."""
        while True:
            self.note()
            await asyncio.sleep(seconds)

    def note(self) -> None:
        self.lines["seconds"].append(time.perf_counter() - self._begun)
        for name in ("old revision", "new revision"):
            self.lines[name].append(sum(revision == name for revision, _ in self._pods.values()))
        self.lines["Ready"].append(sum(ready for _, ready in self._pods.values()))


def run() -> Iterator[tuple[str, float]]:
    replicas = SETTINGS.scaled(REPLICAS, 4)
    loop = new_loop()
    try:
        curve, seconds = loop.run_until_complete(_watched(replicas))
    finally:
        loop.close()
    SERIES["rollout"] = curve.lines
    yield "seconds to roll, containers ready after 0.5 s", seconds
    yield "least Ready of 1,000 during the rollout", min(curve.lines["Ready"]) / replicas * 1000
    total = [a + b for a, b in zip(curve.lines["old revision"], curve.lines["new revision"], strict=True)]
    yield "most pods of 1,000 during the rollout", max(total) / replicas * 1000


async def _watched(replicas: int) -> tuple[Curve, float]:
    async with Cluster(nodes=20, pods_per_node=2 * replicas, start_seconds=0.2, ready_seconds=0.3) as cluster:
        await cluster.client.create(DEPLOYMENTS, "default", deployment(replicas))
        await finished(cluster, replicas)
        curve = Curve()
        cluster.informers.of(resource("pods")).add_handler(curve.changed)
        curve.begin()
        sampler = asyncio.create_task(curve.sample(0.02))
        begun = time.perf_counter()
        await cluster.client.patch(DEPLOYMENTS, "default", "web", CHANGE, MERGE_PATCH)
        await finished(cluster, replicas)
        seconds = time.perf_counter() - begun
        sampler.cancel()
        curve.note()
        return curve, seconds
