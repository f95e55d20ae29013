"""Worlds read from a cluster: what takes room there, what was seen of its pods, and who may not see everything."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from tests.rehearse.manifests_of import budget, rolling, workload
from wherry import Cluster
from wherry.api.errors import forbidden
from wherry.api.objects import Obj
from wherry.api.resources import Resource, resource
from wherry.client.protocol import Listing
from wherry.kit.virtual import run_virtual
from wherry.rehearse import Change, Conditions, Report, Timings, World, read, rehearse
from wherry.rehearse.faults import parse
from wherry.rehearse.timings import observed
from wherry.rollout import Rollout

T = TypeVar("T")
EPOCH = 1_767_225_600.2
DEPLOYMENTS, PODS, NODES = resource("deployments", "apps"), resource("pods"), resource("nodes")
BUDGETS = resource("poddisruptionbudgets", "policy")
IMAGE = Change(images={"*": "app:2"})


def on_cluster(work: Callable[[Cluster], Awaitable[T]], **options: Any) -> T:
    async def whole() -> T:
        async with Cluster(serve=False, **{"nodes": 2, "seed": 1, **options}) as cluster:
            return await work(cluster)

    return run_virtual(whole(), epoch=EPOCH)


async def rolled_out(cluster: Cluster, manifest: Obj) -> None:
    await cluster.aclient.create(resource(manifest["kind"].lower() + "s", "apps"), "default", manifest)
    await Rollout(cluster.aclient, f"{manifest['kind'].lower()}/{manifest['metadata']['name']}").wait(600)


def named(name: str, manifest: Obj) -> Obj:
    """The same under another name, for other pods."""
    return {
        **manifest,
        "metadata": {"name": name},
        "spec": {
            **manifest["spec"],
            "selector": {"matchLabels": {"app": name}},
            "template": {**manifest["spec"]["template"], "metadata": {"labels": {"app": name}}},
        },
    }


def play(world: World, *faults: str, change: Change = IMAGE, timings: Timings | None = None) -> Report:
    given = Conditions(timings or Timings(ready=(10.0,), terminate=1.0), parse(faults), epoch=EPOCH + 10_000)
    return rehearse(world, change, conditions=given)


def test_the_time_to_ready_is_that_of_the_pods_that_are_there() -> None:
    async def work(cluster: Cluster) -> World:
        await rolled_out(cluster, workload(replicas=4))
        return await read(cluster.aclient, "deployment/web")

    world = on_cluster(work, pull_seconds=2.0, start_seconds=1.0, ready_seconds=9.0)
    assert observed(world.own_pods) == (12.0,) * 4
    report = play(world, timings=Timings())
    assert report.timings[0] == "time to ready: 12 s, observed on 4 pods"
    assert report.duration == 24.0


def test_pods_of_others_keep_their_room() -> None:
    async def work(cluster: Cluster) -> World:
        await rolled_out(cluster, named("other", workload(replicas=8)))
        await rolled_out(cluster, workload(replicas=4, strategy=rolling(maxSurge=4, maxUnavailable=0)))
        return await read(cluster.aclient, "deployment/web")

    world = on_cluster(work, pods_per_node=7)
    assert (len(world.standing), len(world.own_pods)) == (8, 4)
    report = play(world)
    # two places are left: two pods at a time instead of four
    assert report.duration is not None
    assert report.duration > 20
    assert len(report.unplaced) == 2
    assert "Too many pods" in report.unplaced[0].what
    assert report.lowest_available == 4


def test_a_pod_of_others_on_a_drained_node_goes_and_is_not_made_anew() -> None:
    async def work(cluster: Cluster) -> World:
        await rolled_out(cluster, named("other", workload(replicas=4)))
        await rolled_out(cluster, workload(replicas=2))
        return await read(cluster.aclient, "deployment/web")

    report = play(on_cluster(work), "node sim-1 is drained at 1s")
    assert report.drains[0].done_at is not None


def test_taints_cordons_and_dead_nodes_are_as_they_are() -> None:
    async def work(cluster: Cluster) -> World:
        await rolled_out(cluster, workload(replicas=2, strategy=rolling(maxSurge=1, maxUnavailable=0)))
        for node in (await cluster.aclient.list(NODES)).items:
            await cluster.aclient.patch(
                NODES, "", node["metadata"]["name"], {"spec": {"unschedulable": True}}, "application/merge-patch+json"
            )
        return await read(cluster.aclient, "deployment/web")

    report = play(on_cluster(work))
    assert report.duration is None
    assert "unschedulable" in report.unplaced[0].what


def test_pods_that_are_not_ready_stay_so() -> None:
    async def work(cluster: Cluster) -> World:
        await rolled_out(cluster, workload(replicas=2))
        change = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "app:999.1"}]}}}}
        await cluster.aclient.patch(DEPLOYMENTS, "default", "web", change, "application/strategic-merge-patch+json")
        await cluster.clock.sleep(700)
        return await read(cluster.aclient, "deployment/web")

    world = on_cluster(work)
    assert world.missing == ("app:999.1",)
    fixed = play(world)
    assert (fixed.duration, fixed.lowest_available) == (20.0, 2)
    assert fixed.deadline_at is None, "the deadline of the rollout before does not count"
    undone = play(world, change=Change(to_revision=0))
    assert (undone.duration, undone.deadline_at, undone.change) == (0.0, None, "undo")


def test_budgets_come_along() -> None:
    async def work(cluster: Cluster) -> World:
        await cluster.aclient.create(BUDGETS, "default", budget(1))
        await rolled_out(cluster, workload(replicas=2, strategy=rolling(maxSurge=0, maxUnavailable=1)))
        return await read(cluster.aclient, "deployment/web")

    [found] = play(on_cluster(work)).budgets
    assert (found.name, found.lowest_healthy) == ("web", 1)
    assert found.blocked_seconds == 20.0


def test_the_world_is_left_alone() -> None:
    async def versions(cluster: Cluster) -> list[str]:
        rows = (DEPLOYMENTS, PODS, resource("replicasets", "apps"))
        return [o["metadata"]["resourceVersion"] for row in rows for o in (await cluster.aclient.list(row)).items]

    async def work(cluster: Cluster) -> None:
        await rolled_out(cluster, workload(replicas=2))
        await cluster.clock.sleep(5)
        before = await versions(cluster)
        world = await read(cluster.aclient, "deployment/web")
        first, second = await asyncio.to_thread(play, world), await asyncio.to_thread(play, world)
        assert first.timeline == second.timeline
        assert await versions(cluster) == before

    on_cluster(work)


class _Narrow:
    """A client that sees one namespace and nothing above."""

    def __init__(self, client: Any) -> None:
        self._client = client

    async def get(self, row: Resource, namespace: str, name: str, **more: Any) -> Obj:
        if not namespace:
            raise forbidden(row.group_resource, name, "no access")
        found: Obj = await self._client.get(row, namespace, name, **more)
        return found

    async def list(self, row: Resource, namespace: str = "", **more: Any) -> Listing:
        if not namespace:
            raise forbidden(row.group_resource, "", "no access")
        found: Listing = await self._client.list(row, namespace, **more)
        return found


def test_one_namespace_is_enough_to_see() -> None:
    async def work(cluster: Cluster) -> World:
        await rolled_out(cluster, workload(replicas=2))
        return await read(_Narrow(cluster.aclient), "deployment/web")  # type: ignore[arg-type]

    world = on_cluster(work)
    assert any("nodes may not be read" in note for note in world.notes)
    assert any("pods of other namespaces may not be read" in note for note in world.notes)
    report = play(world)
    assert report.duration == 20.0
    assert report.notes == world.notes
