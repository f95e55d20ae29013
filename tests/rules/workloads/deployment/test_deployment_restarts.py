"""The controllers of Deployments and ReplicaSets die before every single write in turn: no pod is made in vain, nothing lost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from tests.rules.workloads.deployment.workload_world import deployment, template
from tests.worlds.mortal import MortalCluster, play
from wherry.api import objects
from wherry.api.objects import Obj
from wherry.api.resources import Resource, resource
from wherry.controllers.deployment import DeploymentController
from wherry.controllers.replicaset import ReplicaSetController
from wherry.reconcile import Controller, Parts

DEPLOYMENTS, REPLICA_SETS = resource("deployments", "apps"), resource("replicasets", "apps")
ROLLING = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}}
SURGE = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 2, "maxUnavailable": 0}}
Story = Callable[["Rollouts"], Awaitable[None]]


class Rollouts(MortalCluster):
    """`most`: so many pods its ReplicaSets may want together."""

    most = 99

    def make(self, parts: Parts) -> Sequence[Controller]:
        return [DeploymentController(parts), ReplicaSetController(parts)]

    async def on_create(self, resource: Resource, made: Obj) -> None:
        await super().on_create(resource, made)
        wanted = sum(rs["spec"]["replicas"] for rs in await self.all(REPLICA_SETS))
        if wanted > self.most:
            self.faults.append(f"{wanted} pods are wanted where {self.most} may be")

    async def said(self) -> list[Obj]:
        """What the Deployment and its ReplicaSets are in the end, without what only counts writes or tells the time."""
        return [_said(obj) for of in (DEPLOYMENTS, REPLICA_SETS) for obj in sorted(await self.all(of), key=objects.name)]


def _said(obj: Obj) -> Obj:
    # which ReplicaSet a message names depends on whether anybody looked in the middle of a rollout, in the reference as here
    times = ("lastUpdateTime", "lastTransitionTime", "message")
    status = {k: v for k, v in obj["status"].items() if k != "observedGeneration"}
    if "conditions" in status:
        said = [{k: v for k, v in c.items() if k not in times} for c in status["conditions"]]
        status["conditions"] = sorted(said, key=lambda c: str(c["type"]))
    kept = ("name", "labels", "annotations")
    return {"metadata": {k: obj["metadata"].get(k) for k in kept}, "spec": obj["spec"], "status": status}


async def _create(cluster: Rollouts, strategy: Obj, **spec: Any) -> None:
    await cluster.client.create(DEPLOYMENTS, "default", objects.with_metadata(deployment(strategy=strategy, **spec), namespace="default"))
    await cluster.run_pods()


async def _roll(cluster: Rollouts, image: str, **spec: Any) -> None:
    await cluster.edit(DEPLOYMENTS, "web", template=template(image), **spec)
    await cluster.run_pods()


def rolls(strategy: Obj, most: int, *images: str) -> Story:
    """Made, then rolled to each image in turn; an old revision is dropped, and one comes back."""

    async def story(cluster: Rollouts) -> None:
        cluster.most = most
        await _create(cluster, strategy, revisionHistoryLimit=1)
        for image in images:
            await _roll(cluster, image)

    return story


async def scaled_in_between(cluster: Rollouts) -> None:
    """A rollout that is held up by its pods, and the Deployment scaled meanwhile; then it goes on."""
    cluster.most = 7
    await _create(cluster, ROLLING, replicas=4)
    await cluster.edit(DEPLOYMENTS, "web", template=template("nginx:2"))
    await cluster.settle()
    await cluster.edit(DEPLOYMENTS, "web", replicas=6)
    await cluster.settle()
    await cluster.run_pods()


async def paused(cluster: Rollouts) -> None:
    """Changed while it is paused, scaled, and resumed."""
    await _create(cluster, ROLLING)
    await cluster.edit(DEPLOYMENTS, "web", paused=True)
    await _roll(cluster, "nginx:2", replicas=2)
    await cluster.edit(DEPLOYMENTS, "web", paused=False)
    await cluster.run_pods()


BACK = ("nginx:2", "nginx:3", "nginx:2")
STORIES = {
    "rolling": rolls(ROLLING, 4, "nginx:2"), "recreate": rolls({"type": "Recreate"}, 3, "nginx:2"), "paused": paused,
    "rolling and back": rolls(ROLLING, 4, *BACK), "surge and back": rolls(SURGE, 5, *BACK), "scaled": scaled_in_between,
}  # fmt: skip
QUICK = ("rolling", "recreate", "paused")


@pytest.mark.parametrize("name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in STORIES])
def test_a_crash_before_any_write_changes_nothing_in_the_end(name: str) -> None:
    ends: list[list[Obj]] = []

    async def told(cluster: Rollouts) -> None:
        await STORIES[name](cluster)
        ends.append(await cluster.said())

    without = play(Rollouts, told)
    assert without.writes > 15
    for at in range(without.writes):
        crashed = play(Rollouts, told, deadline=at)
        assert crashed.made == without.made, f"after a crash before write {at}"
        assert ends[-1] == ends[0], f"after a crash before write {at}"
