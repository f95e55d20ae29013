"""A cluster that works for hours stays as it is: what it keeps, holds open and has under way does not grow."""

from __future__ import annotations

import asyncio
import gc
import resource as system
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.cluster.virtual_time.virtual_cluster import DEPLOYMENTS, deployment, on_cluster
from wherry import Cluster
from wherry.api.resources import resource
from wherry.client import recorder
from wherry.registry import pod_specs

MAPS = resource("configmaps")
MINUTES = 60


class State(NamedTuple):
    """Live events, tasks, open files, bytes of memory."""

    events: int
    tasks: int
    files: int
    memory: int


def state_of(cluster: Cluster) -> State:
    gc.collect()
    memory = int(Path("/proc/self/statm").read_text().split()[1]) * system.getpagesize()
    return State(cluster.store.size("events"), len(asyncio.all_tasks()), len(list(Path("/proc/self/fd").iterdir())), memory)


async def work(cluster: Cluster, hour: int) -> None:
    """A rollout a minute, and objects that come and go."""
    for minute in range(MINUTES):
        change = {"spec": {"template": {"metadata": {"annotations": {"at": f"{hour}:{minute}"}}}}}
        await cluster.client.patch(DEPLOYMENTS, "default", "web", change, "application/strategic-merge-patch+json")
        for i in range(5):
            made = await cluster.client.create(MAPS, "default", {"metadata": {"name": f"m{hour}-{minute}-{i}"}, "data": {"a": "x" * 1000}})
            await cluster.client.delete(MAPS, "default", made["metadata"]["name"])
        await cluster.clock.sleep(60)


@pytest.fixture
def caches_that_are_full_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is remembered of events and of templates has a bound, which takes days to reach."""
    monkeypatch.setattr(recorder, "REMEMBERED", 64)
    monkeypatch.setattr(pod_specs, "REMEMBERED", 16)
    monkeypatch.setattr(pod_specs, "BOUND", 64)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("caches_that_are_full_soon")
def test_hours_of_rollouts_leave_a_cluster_as_it_was() -> None:
    async def story(cluster: Cluster) -> list[State]:
        await cluster.client.create(DEPLOYMENTS, "default", deployment("web", replicas=5))
        found = []
        for hour in range(5):
            await work(cluster, hour)
            found.append(state_of(cluster))
        return found

    states = on_cluster(story, event_ttl=600.0)
    first, last = states[2], states[-1]  # by then the log is as long as it gets
    assert first.events > 50
    assert abs(last.events - first.events) < 0.2 * first.events
    assert abs(last.tasks - first.tasks) <= 3
    assert abs(last.files - first.files) <= 3
    assert last.memory - first.memory < 4 * 1024 * 1024, states
