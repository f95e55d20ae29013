"""The DaemonSet controller on a real registry: what it writes is accepted, and every change that matters wakes it."""

from __future__ import annotations

from tests.rules.workloads.daemonset.daemon_world import ON_DELETE, daemon_set, node, rolling
from tests.worlds.memory import template
from tests.worlds.registry import NODES, PODS, REVISIONS, Cluster, play
from wherry.api import objects
from wherry.api.objects import Obj
from wherry.api.options import DeleteOptions
from wherry.api.resources import resource
from wherry.controllers.daemonset import DaemonSetController
from wherry.reconcile import Controller, Parts
from wherry.rules.workloads.daemonset.pod import target_node

SETS = resource("daemonsets", "apps")


def controllers(parts: Parts) -> list[Controller]:
    return [DaemonSetController(parts)]


def manifest(**spec: object) -> Obj:
    return {**daemon_set(**spec), "metadata": {"name": "agent", "namespace": "default"}}  # type: ignore[arg-type]


async def add_nodes(cluster: Cluster, *names: str) -> None:
    """Nodes that are ready: a new one is tainted until it is."""
    for name in names:
        made = await cluster.client.create(NODES, "", node(name))
        await cluster.client.update(NODES, {**made, "spec": {}})


async def places(cluster: Cluster) -> list[str]:
    return sorted(target_node(p) for p in await cluster.all(PODS) if not objects.is_deleting(p))


def test_every_node_gets_a_pod_and_so_does_one_that_comes_later() -> None:
    async def story(cluster: Cluster) -> None:
        await add_nodes(cluster, "a", "b")
        await cluster.client.create(SETS, "default", manifest())
        await cluster.run_pods()
        assert await places(cluster) == ["a", "b"]
        await add_nodes(cluster, "c")
        await cluster.run_pods()
        assert await places(cluster) == ["a", "b", "c"]
        status = (await cluster.client.get(SETS, "default", "agent"))["status"]
        assert (status["desiredNumberScheduled"], status["numberAvailable"], status["numberMisscheduled"]) == (3, 3, 0)
        assert sorted({t.partition(":")[0] for t in await cluster.told()}) == ["SuccessfulCreate"]

    play(controllers, story)


def test_a_taint_takes_the_pod_away_and_its_end_brings_it_back() -> None:
    async def story(cluster: Cluster) -> None:
        await add_nodes(cluster, "a", "b")
        await cluster.client.create(SETS, "default", manifest())
        await cluster.run_pods()
        found = await cluster.client.get(NODES, "", "a")
        await cluster.client.update(NODES, {**found, "spec": {"taints": [{"key": "broken", "effect": "NoExecute"}]}})
        await cluster.run_pods()
        assert await places(cluster) == ["b"]
        found = await cluster.client.get(NODES, "", "a")
        await cluster.client.update(NODES, {**found, "spec": {}})
        await cluster.run_pods()
        assert await places(cluster) == ["a", "b"]

    play(controllers, story)


def test_an_update_rolls_and_its_revisions_are_kept() -> None:
    async def story(cluster: Cluster) -> None:
        await add_nodes(cluster, "a", "b", "c")
        await cluster.client.create(SETS, "default", manifest(updateStrategy=rolling(0, 1)))
        await cluster.run_pods()
        for image in ("agent:2", "agent:1"):
            await cluster.edit(SETS, "agent", template=template(image, "agent"))
            await cluster.run_pods()
            assert await cluster.images() == [image] * 3
        kept = {r["data"]["spec"]["template"]["spec"]["containers"][0]["image"]: r["revision"] for r in await cluster.all(REVISIONS)}
        assert kept == {"agent:2": 2, "agent:1": 3}
        assert {p["metadata"]["labels"]["pod-template-generation"] for p in await cluster.all(PODS)} == {"3"}

    play(controllers, story)


def test_a_revision_that_somebody_makes_is_left_until_something_else_happens() -> None:
    async def story(cluster: Cluster) -> None:
        await add_nodes(cluster, "a")
        await cluster.client.create(SETS, "default", manifest())
        await cluster.run_pods()
        (first,) = await cluster.all(REVISIONS)
        equal = {"metadata": {**{k: first["metadata"][k] for k in ("namespace", "labels", "ownerReferences")}, "name": "agent-equal"},
                 "data": first["data"], "revision": 2}
        await cluster.client.create(REVISIONS, "default", equal)
        await cluster.run_pods()
        assert len(await cluster.all(REVISIONS)) == 2
        await cluster.client.delete(REVISIONS, "default", objects.name(first))
        await cluster.run_pods()
        assert [objects.name(r) for r in await cluster.all(REVISIONS)] == ["agent-equal"]

    play(controllers, story)


def test_on_delete_waits_for_a_hand() -> None:
    async def story(cluster: Cluster) -> None:
        await add_nodes(cluster, "a", "b")
        await cluster.client.create(SETS, "default", manifest(updateStrategy=ON_DELETE))
        await cluster.run_pods()
        await cluster.edit(SETS, "agent", template=template("agent:2", "agent"))
        await cluster.run_pods()
        assert await cluster.images() == ["agent:1"] * 2
        name = (await cluster.pods())[0]
        await cluster.client.delete(PODS, "default", name, DeleteOptions(grace_period_seconds=0))
        await cluster.run_pods()
        assert sorted(await cluster.images()) == ["agent:1", "agent:2"]
        await cluster.edit(SETS, "agent", updateStrategy=rolling())
        await cluster.run_pods()
        assert await cluster.images() == ["agent:2"] * 2

    play(controllers, story)
