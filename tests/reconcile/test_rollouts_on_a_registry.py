"""Random walks of the four rollout kinds over the real registry and `reconcile.apply`: what the rules plan is really written.

The story makes pods ready, unready, fail and go; users change image, size and strategy; news lag; all controllers die before any write and
start again with nothing but what is written. The judge (`tests.worlds.rollouts`) checks each pod that is created or deleted at that moment,
by arithmetic of his own. At the end all faults stop, and the workload must arrive where its spec says.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.worlds.mortal import play
from tests.worlds.registry import PODS
from tests.worlds.rollouts import (
    BAD,
    DAEMON_SETS,
    DEPLOYMENTS,
    NAME,
    REPLICA_SETS,
    REVISIONS,
    STATEFUL_SETS,
    Rollouts,
    image_of,
    is_ready,
    make_node,
    manifest,
    runs,
    share,
)
from wherry.api import objects
from wherry.api.objects import Obj
from wherry.api.resources import Resource

WALKS = int(os.environ.get("WHERRY_WALKS", "25"))
HISTORY = 2
REVISION = "deployment.kubernetes.io/revision"


class Replicated(Rollouts):
    """What a Deployment and a ReplicaSet have in common: a size. `most` is the largest that anybody may still be working towards."""

    most = 0

    async def resize(self, replicas: int) -> None:
        self.most = max(self.most, self.allowed({**(await self.workload())["spec"], "replicas": replicas}))
        self.judged = False  # who scales down takes pods away
        await self.edit(self.top, NAME, replicas=replicas)

    def allowed(self, spec: Obj) -> int:
        return int(spec["replicas"])

    async def rest(self) -> None:
        await super().rest()
        sizes = sum(rs["spec"]["replicas"] for rs in await self.all(REPLICA_SETS))
        self.most = max(self.allowed((await self.workload())["spec"]), sizes)

    async def on_create(self, resource: Resource, made: Obj) -> None:
        """The sizes of all ReplicaSets stay within the bound, and the pods of each within its size. (One grows while another shrinks.)"""
        await super().on_create(resource, made)
        sizes = {objects.uid(rs): rs["spec"]["replicas"] for rs in await self.all(REPLICA_SETS)}
        if sum(sizes.values()) > self.most:
            self.faults.append(f"ReplicaSets of {sum(sizes.values())} pods where {self.most} may be")
        if resource is PODS:
            owner = made["metadata"]["ownerReferences"][0]["uid"]
            siblings = [pod for pod in await self.running() if pod["metadata"]["ownerReferences"][0]["uid"] == owner]
            if len(siblings) > sizes[owner]:
                self.faults.append(f"{len(siblings)} pods of a ReplicaSet of {sizes[owner]}")


class OneReplicaSet(Replicated):
    top = REPLICA_SETS

    async def on_delete(self, resource: Resource, going: Obj) -> None:
        if resource is not PODS or not is_ready(going):
            return
        unready = [p for p in await self.running() if not is_ready(p) and objects.uid(p) not in self.hit]
        if unready and self.news.is_set():
            self.faults.append(f"{objects.name(going)} went, and {objects.name(unready[0])} was not even ready")
        if len(await self.available()) <= (await self.workload())["spec"]["replicas"]:
            self.accuse("a pod that is wanted was deleted")

    async def is_there(self) -> bool:
        owner, pods = await self.workload(), await self.running()
        size = owner["spec"]["replicas"]
        told = [owner["status"].get(name, 0) for name in ("replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas")]
        return len(pods) == size and told == [size] * 4 and owner["status"]["observedGeneration"] == owner["metadata"]["generation"]


class OneDeployment(Replicated):
    top = DEPLOYMENTS

    def bounds(self, spec: Obj) -> tuple[int, int]:
        """How many pods there may be at most, and how many must be available at least."""
        size, rolling = spec["replicas"], spec["strategy"].get("rollingUpdate")
        if rolling is None:
            return size, 0
        surge, missing = share(rolling["maxSurge"], size, up=True), share(rolling["maxUnavailable"], size, up=False)
        return size + surge, size - (missing or (0 if surge else 1))

    def allowed(self, spec: Obj) -> int:
        return self.bounds(spec)[0]

    async def on_delete(self, resource: Resource, going: Obj) -> None:
        if resource is not PODS or not is_ready(going) or objects.uid(going) in self.hit:
            return
        spec = (await self.workload())["spec"]
        if spec.get("paused") or spec["strategy"]["type"] == "Recreate":
            return
        left, least = len(await self.available()) - 1, self.bounds(spec)[1]
        if left < least:
            self.accuse(f"{objects.name(going)} was deleted, {left} are left where {least} must be")

    async def is_there(self) -> bool:
        top, sets = await self.workload(), await self.all(REPLICA_SETS)
        size, image = top["spec"]["replicas"], image_of({"spec": top["spec"]["template"]["spec"]})
        pods = await self.running()
        told = [top["status"].get(name, 0) for name in ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")]
        new = [rs for rs in sets if image_of({"spec": rs["spec"]["template"]["spec"]}) == image]
        if len(new) != 1 or told != [size] * 4 or len(sets) > HISTORY + 1:
            return False
        revisions = {objects.uid(rs): int(rs["metadata"]["annotations"][REVISION]) for rs in sets}
        assert max(revisions.values()) == revisions[objects.uid(new[0])] == int(top["metadata"]["annotations"][REVISION])
        assert len(set(revisions.values())) == len(revisions)
        assert [rs["spec"]["replicas"] for rs in sets if rs not in new] == [0] * (len(sets) - 1)
        conditions = {c["type"]: c["status"] for c in top["status"]["conditions"]}
        return [image_of(pod) for pod in pods] == [image] * size and conditions == {"Available": "True", "Progressing": "True"}


class OneStatefulSet(Rollouts):
    top = STATEFUL_SETS

    @staticmethod
    def ordinal(pod: Obj) -> int:
        return int(objects.name(pod).rpartition("-")[2])

    async def resize(self, replicas: int) -> None:
        self.judged = False
        await self.edit(self.top, NAME, replicas=replicas)

    async def on_create(self, resource: Resource, made: Obj) -> None:
        await super().on_create(resource, made)
        spec = (await self.workload())["spec"]
        if resource is not PODS or spec["podManagementPolicy"] == "Parallel" or not self.news.is_set():
            return
        before = {self.ordinal(pod) for pod in await self.available()}
        if missing := sorted(set(range(self.ordinal(made))) - before):
            self.accuse(f"{objects.name(made)} was created before {missing} were there")

    async def on_delete(self, resource: Resource, going: Obj) -> None:
        spec = (await self.workload())["spec"]
        if resource is not PODS or not is_ready(going) or objects.uid(going) in self.hit or not self.news.is_set():
            return
        wanted, mine = image_of({"spec": spec["template"]["spec"]}), self.ordinal(going)
        if mine >= spec["replicas"]:
            return
        strategy = spec["updateStrategy"]
        partition = (strategy.get("rollingUpdate") or {}).get("partition", 0)
        if image_of(going) == wanted or strategy["type"] == "OnDelete" or mine < partition:
            self.accuse(f"{objects.name(going)} was deleted for nothing")
        there = {self.ordinal(pod): image_of(pod) for pod in await self.available()}
        if late := [n for n in range(mine + 1, spec["replicas"]) if n not in there]:
            self.accuse(f"{objects.name(going)} was deleted before {late} were there again")

    async def is_there(self) -> bool:
        top = await self.workload()
        spec, status = top["spec"], top["status"]
        size, image = spec["replicas"], image_of({"spec": spec["template"]["spec"]})
        pods = sorted(await self.running(), key=self.ordinal)
        partition = (spec["updateStrategy"].get("rollingUpdate") or {}).get("partition", 0)
        if [self.ordinal(pod) for pod in pods] != list(range(size)):
            return False
        if spec["updateStrategy"]["type"] == "RollingUpdate" and any(image_of(pod) != image for pod in pods[partition:]):
            return False
        told = [status.get(name, 0) for name in ("replicas", "readyReplicas", "availableReplicas", "observedGeneration")]
        used = {pod["metadata"]["labels"]["controller-revision-hash"] for pod in pods}
        return told == [size] * 3 + [top["metadata"]["generation"]] and len(await self.all(REVISIONS)) <= HISTORY + len(used) + 1


class OneDaemonSet(Rollouts):
    top = DAEMON_SETS
    nodes = ("node-1", "node-2", "node-3", "node-4")

    def missing(self, spec: Obj) -> tuple[int, int]:
        """How many nodes may be without an available pod, and with two pods."""
        rolling = spec["updateStrategy"].get("rollingUpdate") or {"maxUnavailable": 0, "maxSurge": 0}
        surge, lost = (share(rolling.get(name, 0), len(self.nodes), up=True) for name in ("maxSurge", "maxUnavailable"))
        return lost or (0 if surge else 1), surge

    @staticmethod
    def node(pod: Obj) -> str:
        terms = pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
        return str(terms[0]["matchFields"][0]["values"][0])

    async def on_create(self, resource: Resource, made: Obj) -> None:
        await super().on_create(resource, made)
        if resource is not PODS:
            return
        on: dict[str, list[bool]] = {}
        for pod in await self.running():
            on.setdefault(self.node(pod), []).append(is_ready(pod) and objects.uid(pod) not in self.hit)
        # a pod that does not serve may get its successor at once, whatever the surge
        doubled = [node for node, pods in on.items() if len(pods) > 1 and any(pods)]
        surge = self.missing((await self.workload())["spec"])[1]
        if len(doubled) > surge or max(map(len, on.values())) > 2:
            self.accuse(f"two pods on {doubled} where {surge} nodes may have two")

    async def on_delete(self, resource: Resource, going: Obj) -> None:
        if resource is not PODS or not is_ready(going) or objects.uid(going) in self.hit or not self.news.is_set():
            return
        spec = (await self.workload())["spec"]
        left = {self.node(pod) for pod in await self.available() if objects.uid(pod) != objects.uid(going)}
        lost = len(self.nodes) - len(left)
        if self.node(going) not in left and lost > self.missing(spec)[0]:
            self.accuse(f"{objects.name(going)} was deleted, {lost} nodes are without")

    async def is_there(self) -> bool:
        top, pods = await self.workload(), await self.running()
        image = image_of({"spec": top["spec"]["template"]["spec"]})
        if sorted(self.node(pod) for pod in pods) != sorted(self.nodes):
            return False
        rolling = top["spec"]["updateStrategy"]["type"] == "RollingUpdate"
        names = ("desiredNumberScheduled", "currentNumberScheduled", "numberReady", "numberAvailable")
        told = [top["status"].get(name, 0) for name in names]
        current = not rolling or [image_of(pod) for pod in pods] == [image] * len(pods)
        return current and told == [len(self.nodes)] * 4 and top["status"]["observedGeneration"] == top["metadata"]["generation"]


class Walk:
    """The moves; each leaves the controllers at rest, unless news lag or they died."""

    def __init__(self, cluster: Rollouts) -> None:
        self.cluster = cluster

    async def move(self, what: str, number: int) -> None:
        await getattr(self, "do_" + what.replace(" ", "_"))(number)
        await self.cluster.settle(1 + number % 4)
        if what != "lag":
            await self.cluster.rest()

    async def _one(self, number: int, chosen: Callable[[Obj], bool]) -> Obj | None:
        pods = [pod for pod in await self.cluster.running() if chosen(pod)]
        return pods[number % len(pods)] if pods else None

    async def do_nodes_work(self, number: int) -> None:
        for pod in await self.cluster.running():
            if not is_ready(pod) and image_of(pod) != BAD:
                await self.cluster.set_ready(pod)
        await self.cluster.bury()

    async def do_ready(self, number: int) -> None:
        if pod := await self._one(number, lambda p: not is_ready(p) and image_of(p) != BAD):
            await self.cluster.set_ready(pod)

    async def do_unready(self, number: int) -> None:
        if pod := await self._one(number, is_ready):
            await self.cluster.set_ready(pod, ready=False)

    async def do_fail(self, number: int) -> None:
        if pod := await self._one(number, runs):
            await self.cluster.fail(await self.cluster.bound(pod))

    async def do_kill(self, number: int) -> None:
        if pod := await self._one(number, runs):
            await self.cluster.kill(await self.cluster.bound(pod))

    async def do_bury(self, number: int) -> None:
        await self.cluster.bury()

    async def do_image(self, number: int) -> None:
        if not isinstance(self.cluster, OneReplicaSet):
            await self.cluster.set_image(BAD if number % 6 == 5 else f"nginx:{number % 6}")

    async def do_scale(self, number: int) -> None:
        if isinstance(self.cluster, (Replicated, OneStatefulSet)):
            await self.cluster.resize(number % 7)

    async def do_pause(self, number: int) -> None:
        if isinstance(self.cluster, OneDeployment):
            await self.cluster.edit(DEPLOYMENTS, NAME, paused=bool(number % 2))

    async def do_lag(self, number: int) -> None:
        self.cluster.news.clear()

    async def do_die(self, number: int) -> None:
        await self.cluster.restart(deadline=number % 6)

    async def do_time(self, number: int) -> None:
        await self.cluster.settle(700 if number % 2 else 60)


MOVES = (
    *["nodes work"] * 4, *["ready"] * 4, *["unready"] * 2, "fail", "kill", "bury", *["image"] * 3, "scale", "pause", "time",
    *["lag"] * 2, *["die"] * 2,
)  # fmt: skip
_UPDATES = [
    {"type": "RollingUpdate", "rollingUpdate": rolling}
    for rolling in (
        {"maxSurge": 1, "maxUnavailable": 1}, {"maxSurge": "25%", "maxUnavailable": "25%"}, {"maxSurge": 0, "maxUnavailable": "40%"},
        {"maxSurge": 3, "maxUnavailable": 0}, {"maxSurge": "1%", "maxUnavailable": "1%"},
    )
]  # fmt: skip
KINDS: dict[str, tuple[type[Rollouts], list[dict[str, Any]]]] = {
    "ReplicaSet": (OneReplicaSet, [{"replicas": 4}]),
    "Deployment": (OneDeployment, [
        {"replicas": 4, "revisionHistoryLimit": HISTORY, "strategy": strategy} for strategy in [*_UPDATES, {"type": "Recreate"}]
    ]),
    "StatefulSet": (OneStatefulSet, [
        {"replicas": 3, "serviceName": NAME, "revisionHistoryLimit": HISTORY, "podManagementPolicy": policy, "updateStrategy": strategy}
        for policy in ("OrderedReady", "Parallel")
        for strategy in ({"type": "RollingUpdate"}, {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}, {"type": "OnDelete"})
    ]),
    "DaemonSet": (OneDaemonSet, [
        {"revisionHistoryLimit": HISTORY, "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": rolling}}
        for rolling in ({"maxUnavailable": 1}, {"maxUnavailable": "50%"}, {"maxSurge": 1, "maxUnavailable": 0})
    ] + [{"revisionHistoryLimit": HISTORY, "updateStrategy": {"type": "OnDelete"}}]),
}  # fmt: skip
moves = st.lists(st.tuples(st.sampled_from(MOVES), st.integers(0, 1000)), min_size=5, max_size=25)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=WALKS, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), walked=moves)
def test_the_promises_hold_on_every_walk(kind: str, data: st.DataObject, walked: list[tuple[str, int]]) -> None:
    new, specs = KINDS[kind]
    spec = data.draw(st.sampled_from(specs))

    async def story(cluster: Rollouts) -> None:
        for node in OneDaemonSet.nodes:
            await make_node(cluster, node)
        if isinstance(cluster, Replicated):
            cluster.most = cluster.allowed(spec)
        await cluster.client.create(cluster.top, "default", manifest(kind, **spec))
        await cluster.rest()
        walk = Walk(cluster)
        for what, number in walked:
            await walk.move(what, number)
        if isinstance(cluster, OneDeployment):
            await cluster.edit(DEPLOYMENTS, NAME, paused=False)
        await cluster.arrive()

    play(new, story)
