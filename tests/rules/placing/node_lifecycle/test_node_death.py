"""A whole cluster on virtual time: a node that falls silent, comes back, or is taken away."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from wherry.api import objects
from wherry.api.objects import Obj
from wherry.api.resources import resource
from wherry.cluster.cluster import Cluster
from wherry.kit.virtual import run_virtual

DEPLOYMENTS, PODS, NODES, EVENTS = resource("deployments", "apps"), resource("pods"), resource("nodes"), resource("events")
UNREACHABLE = "node.kubernetes.io/unreachable"


def play(story: Callable[[Cluster], Awaitable[None]]) -> None:
    async def run() -> None:
        async with Cluster(serve=False, nodes=3, seed=1) as cluster:
            labels = {"app": "web"}
            template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "nginx"}]}}
            spec = {"replicas": 6, "selector": {"matchLabels": labels}, "template": template}
            web = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "default"}, "spec": spec}
            await cluster.aclient.create(DEPLOYMENTS, "default", web)
            await cluster.clock.sleep(12)
            await story(cluster)

    run_virtual(run(), epoch=1_750_000_000.0)


async def pods(cluster: Cluster, *, going: bool = False) -> list[Obj]:
    return [p for p in (await cluster.aclient.list(PODS, "default")).items if objects.is_deleting(p) == going]


async def node(cluster: Cluster, name: str = "sim-1") -> Obj:
    return await cluster.aclient.get(NODES, "", name)


def taints(of: Obj) -> list[tuple[str, str]]:
    return sorted((t["key"], t["effect"]) for t in of["spec"].get("taints") or ())


def ready(obj: Obj) -> tuple[str, str]:
    found = objects.condition(obj, "Ready") or {}
    return found.get("status", ""), found.get("reason", "")


def fail(cluster: Cluster) -> None:
    assert cluster.nodes is not None
    cluster.nodes.fail("sim-1")


def test_a_silent_node_is_unreachable_after_40_seconds_and_its_pods_are_not_ready() -> None:
    async def story(cluster: Cluster) -> None:
        fail(cluster)
        await cluster.clock.sleep(28)
        assert ready(await node(cluster)) == ("True", "KubeletReady")
        await cluster.clock.sleep(24)
        dead = await node(cluster)
        assert ready(dead) == ("Unknown", "NodeStatusUnknown")
        assert taints(dead) == [(UNREACHABLE, "NoExecute"), (UNREACHABLE, "NoSchedule")]
        there = [ready(p)[0] for p in await pods(cluster) if p["spec"]["nodeName"] == "sim-1"]
        assert there == ["False", "False"]

    play(story)


def test_its_pods_are_replaced_elsewhere_after_300_seconds_more() -> None:
    async def story(cluster: Cluster) -> None:
        fail(cluster)
        await cluster.clock.sleep(325)
        assert await pods(cluster, going=True) == []
        await cluster.clock.sleep(35)
        assert {p["spec"]["nodeName"] for p in await pods(cluster)} == {"sim-0", "sim-2"}
        assert [ready(p)[0] for p in await pods(cluster)] == ["True"] * 6
        gone = await pods(cluster, going=True)
        assert len(gone) == 2
        assert (objects.condition(gone[0], "DisruptionTarget") or {})["reason"] == "DeletionByTaintManager"
        reasons = {e["reason"] for e in (await cluster.aclient.list(EVENTS, "")).items}
        assert {"TaintManagerEviction", "NodeNotReady", "RegisteredNode"} <= reasons

    play(story)


def test_a_node_that_comes_back_in_time_keeps_its_pods() -> None:
    async def story(cluster: Cluster) -> None:
        fail(cluster)
        await cluster.clock.sleep(100)
        assert cluster.nodes is not None
        cluster.nodes.recover("sim-1")
        await cluster.clock.sleep(400)
        assert (ready(await node(cluster))[0], taints(await node(cluster))) == ("True", [])
        assert len([p for p in await pods(cluster) if p["spec"]["nodeName"] == "sim-1"]) == 2
        assert [ready(p)[0] for p in await pods(cluster)] == ["True"] * 6

    play(story)


def test_nobody_is_evicted_when_every_node_is_silent() -> None:
    async def story(cluster: Cluster) -> None:
        assert cluster.nodes is not None
        for each in ("sim-0", "sim-1", "sim-2"):
            cluster.nodes.fail(each)
        await cluster.clock.sleep(600)
        assert await pods(cluster, going=True) == []
        assert len(await pods(cluster)) == 6

    play(story)


def test_pods_of_a_node_that_is_gone_are_collected() -> None:
    async def story(cluster: Cluster) -> None:
        fail(cluster)
        await cluster.aclient.delete(NODES, "", "sim-1")
        await cluster.clock.sleep(90)
        assert await pods(cluster, going=True) == []
        assert {p["spec"]["nodeName"] for p in await pods(cluster)} == {"sim-0", "sim-2"}
        assert len(await pods(cluster)) == 6

    play(story)


def test_a_cordoned_node_is_tainted() -> None:
    async def story(cluster: Cluster) -> None:
        old = await node(cluster)
        await cluster.aclient.update(NODES, {**old, "spec": {**old["spec"], "unschedulable": True}})
        await cluster.clock.sleep(1)
        assert taints(await node(cluster)) == [("node.kubernetes.io/unschedulable", "NoSchedule")]

    play(story)
