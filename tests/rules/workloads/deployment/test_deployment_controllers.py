"""The two controllers at work on a registry, on virtual time: what the rules plan is really written, and brings the keys back."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable

from tests.rules.workloads.deployment.workload_world import deployment, template
from wherry.api import objects, timestamps
from wherry.api.objects import Obj
from wherry.api.resources import resource
from wherry.client.informer import Informers
from wherry.client.local import LocalClient
from wherry.controllers.deployment import DeploymentController
from wherry.controllers.replicaset import ReplicaSetController
from wherry.kit.clock import Clock
from wherry.kit.tasks import Tasks
from wherry.kit.virtual import run_virtual
from wherry.reconcile import Parts
from wherry.registry.registry import Registry
from wherry.store.memory import MemoryStore

DEPLOYMENTS, REPLICA_SETS = resource("deployments", "apps"), resource("replicasets", "apps")
PODS, NAMESPACES = resource("pods"), resource("namespaces")
SERVICE_ACCOUNTS = resource("serviceaccounts")


class Cluster:
    """A registry with the two controllers; pods do what the story says."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.client = LocalClient(Registry(MemoryStore(now=self.clock.now), self.clock.now, random.Random(1)))
        self.informers = Informers(self.client)
        numbers = itertools.count(1)
        self.parts = Parts(self.client, self.informers, self.clock, lambda: f"{next(numbers):05d}")

    async def settle(self, seconds: float = 5) -> None:
        await self.clock.sleep(seconds)

    async def pods(self) -> list[Obj]:
        return [p for p in (await self.client.list(PODS, "default")).items if not objects.is_deleting(p)]

    async def sets(self) -> list[Obj]:
        return (await self.client.list(REPLICA_SETS, "default")).items

    async def top(self) -> Obj:
        return await self.client.get(DEPLOYMENTS, "default", "web")

    async def edit(self, **spec: object) -> None:
        top = await self.top()
        await self.client.update(DEPLOYMENTS, {**top, "spec": {**top["spec"], **spec}})

    async def all_ready(self) -> None:
        for pod in await self.pods():
            condition = {"type": "Ready", "status": "True", "lastTransitionTime": timestamps.time(self.clock.now())}
            await self.client.update(PODS, {**pod, "status": {"phase": "Running", "conditions": [condition]}}, subresource="status")


def play(story: Callable[[Cluster], Awaitable[None]]) -> None:
    async def run() -> None:
        cluster = Cluster()
        await cluster.client.create(NAMESPACES, "", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}})
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": "default"}}
        await cluster.client.create(SERVICE_ACCOUNTS, "default", account)
        controllers = [DeploymentController(cluster.parts), ReplicaSetController(cluster.parts)]
        await cluster.informers.start()
        async with Tasks(lambda name, error: None) as tasks:
            for each in controllers:
                tasks.start(each.run(), each.name)
            try:
                await story(cluster)
            finally:
                await cluster.informers.stop()
        assert tasks.crashes == []
        await asyncio.sleep(0)

    run_virtual(run(), epoch=1_750_000_000.0)


def manifest(**spec: object) -> Obj:
    made = deployment(**spec)  # type: ignore[arg-type]
    return objects.with_metadata(made, namespace="default")


def test_an_update_is_rolled_out_and_the_status_says_so() -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.client.create(DEPLOYMENTS, "default", manifest(replicas=3))
        await cluster.settle()
        assert len(await cluster.pods()) == 3
        await cluster.all_ready()
        await cluster.settle()
        await cluster.edit(template=template("nginx:2"))
        for _ in range(8):
            await cluster.settle()
            await cluster.all_ready()
        await cluster.settle()
        assert [p["spec"]["containers"][0]["image"] for p in await cluster.pods()] == ["nginx:2"] * 3
        top = await cluster.top()
        said = objects.condition(top, "Progressing")
        assert said is not None
        assert (said["reason"], top["status"]["availableReplicas"], top["status"]["updatedReplicas"]) == ("NewReplicaSetAvailable", 3, 3)

    play(story)


def test_a_deadline_passes_without_any_change() -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.client.create(DEPLOYMENTS, "default", manifest(replicas=1, progressDeadlineSeconds=60))
        await cluster.settle(70)
        said = objects.condition(await cluster.top(), "Progressing")
        assert said is not None
        assert said["reason"] == "ProgressDeadlineExceeded"

    play(story)


def test_a_pod_becomes_available_without_any_change() -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.client.create(DEPLOYMENTS, "default", manifest(replicas=1, minReadySeconds=30))
        await cluster.settle()
        await cluster.all_ready()
        await cluster.settle(20)
        assert "availableReplicas" not in (await cluster.top())["status"]
        await cluster.settle(12)
        assert (await cluster.top())["status"]["availableReplicas"] == 1

    play(story)


def test_an_orphaned_pod_is_adopted_and_one_too_many_goes() -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.client.create(DEPLOYMENTS, "default", manifest(replicas=2))
        await cluster.settle()
        (replica_set,) = await cluster.sets()
        (first, _) = await cluster.pods()
        await cluster.client.update(PODS, objects.with_metadata(first, ownerReferences=None))
        await cluster.settle()
        assert [objects.is_controlled_by(p, replica_set) for p in await cluster.pods()] == [True, True]

    play(story)


def test_a_name_taken_by_a_stranger_is_a_collision() -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.client.create(DEPLOYMENTS, "default", manifest(replicas=0))
        await cluster.settle()
        (made,) = await cluster.sets()
        name = objects.name(made)
        labels = {"app": "other"}
        await cluster.edit(paused=True)
        await cluster.client.delete(REPLICA_SETS, "default", name)
        stranger = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": name, "namespace": "default", "labels": labels},
                    "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": template("x", "other")}}
        await cluster.client.create(REPLICA_SETS, "default", stranger)
        await cluster.edit(paused=False)
        await cluster.settle(10)
        assert (await cluster.top())["status"]["collisionCount"] == 1
        assert len(await cluster.sets()) == 2

    play(story)
