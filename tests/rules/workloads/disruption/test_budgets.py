"""Budgets at work in a whole cluster on virtual time: their numbers, and what they refuse."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from tests.rules.workloads.disruption.test_drain import BUDGETS, DEPLOYMENTS, PODS, budget, deployment
from wherry.api import objects
from wherry.api.errors import NotFound, TooManyRequests
from wherry.api.objects import Obj
from wherry.api.resources import resource
from wherry.cluster.cluster import Cluster
from wherry.kit.virtual import run_virtual

COUNTS = ("expectedPods", "desiredHealthy", "currentHealthy", "disruptionsAllowed")


def play(story: Callable[[Cluster], Awaitable[None]], ready_seconds: float = 0.0) -> None:
    async def run() -> None:
        async with Cluster(serve=False, nodes=2, seed=1, ready_seconds=ready_seconds) as cluster:
            await cluster.aclient.create(DEPLOYMENTS, "default", deployment("nginx", 4))
            await cluster.clock.sleep(15)
            await story(cluster)

    run_virtual(run(), epoch=1_750_000_000.0)


async def made(cluster: Cluster, **spec: object) -> Obj:
    await cluster.aclient.create(BUDGETS, "default", budget(**spec))
    await cluster.clock.sleep(2)
    status: Obj = (await cluster.aclient.get(BUDGETS, "default", "web"))["status"]
    return status


async def evict(cluster: Cluster, pod: str) -> Obj:
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": "default"}}
    return await cluster.aclient.create(resource("pods"), "default", body, name=pod, subresource="eviction")


async def names(cluster: Cluster) -> list[str]:
    return [objects.name(p) for p in (await cluster.aclient.list(PODS, "default")).items if not objects.is_deleting(p)]


@pytest.mark.parametrize(
    ("spec", "counts"),
    [
        ({"minAvailable": 3}, (4, 3, 4, 1)),
        ({"minAvailable": "30%"}, (4, 2, 4, 2)),
        ({"maxUnavailable": "30%"}, (4, 2, 4, 2)),
        ({"maxUnavailable": 0}, (4, 4, 4, 0)),
        ({"minAvailable": 9}, (4, 9, 4, 0)),
    ],
)
def test_the_numbers_of_a_budget(spec: Obj, counts: tuple[int, ...]) -> None:
    async def story(cluster: Cluster) -> None:
        status = await made(cluster, **spec)
        assert tuple(status[c] for c in COUNTS) == counts
        (condition,) = status["conditions"]
        assert condition["status"] == ("True" if counts[3] else "False")
        assert condition["reason"] == ("SufficientPods" if counts[3] else "InsufficientPods")

    play(story)


def test_an_eviction_takes_from_the_budget_until_the_pod_is_replaced() -> None:
    async def story(cluster: Cluster) -> None:
        await made(cluster, minAvailable=3)
        first, second, *_ = await names(cluster)
        assert (await evict(cluster, first))["status"] == "Success"
        with pytest.raises(TooManyRequests, match=r"Cannot evict pod as it would violate the pod's disruption budget\."):
            await evict(cluster, second)
        await cluster.clock.sleep(30)
        assert (await evict(cluster, second))["status"] == "Success"
        with pytest.raises(NotFound):
            await evict(cluster, "nobody")

    play(story, ready_seconds=10.0)


def test_a_workload_without_a_size_fails_the_budget_safely() -> None:
    async def story(cluster: Cluster) -> None:
        template = deployment("nginx")["spec"]["template"]
        selector = deployment("nginx")["spec"]["selector"]
        daemon = {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "web", "namespace": "default"},
                  "spec": {"selector": selector, "template": template}}
        await cluster.aclient.create(resource("daemonsets", "apps"), "default", daemon)
        await cluster.clock.sleep(5)
        status = await made(cluster, maxUnavailable=1)
        (condition,) = status["conditions"]
        assert (condition["reason"], status["disruptionsAllowed"]) == ("SyncFailed", 0)
        assert condition["message"] == "daemonsets.apps does not implement the scale subresource"

    play(story)
