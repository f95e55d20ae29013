"""The four controllers of rollouts on a real registry, with `reconcile.apply` between, and a judge who counts for himself.

Everything the controllers create or delete passes the judge at that moment. He knows the stored pods, the workload's spec and what the
story did to pods since the controllers last came to rest; he asks no rule of wherry's. A pod that the story made unready since then counts
as available still: the controllers promise that they take no more away, not that nothing fails.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from tests.worlds.mortal import MortalCluster
from tests.worlds.registry import NODES, PODS
from wherry.api import objects, timestamps
from wherry.api.objects import Obj
from wherry.api.options import DeleteOptions
from wherry.api.resources import Resource, resource
from wherry.controllers.daemonset import DaemonSetController
from wherry.controllers.deployment import DeploymentController
from wherry.controllers.replicaset import ReplicaSetController
from wherry.controllers.statefulset import StatefulSetController
from wherry.reconcile import Controller, Parts

DEPLOYMENTS, REPLICA_SETS = resource("deployments", "apps"), resource("replicasets", "apps")
STATEFUL_SETS, DAEMON_SETS = resource("statefulsets", "apps"), resource("daemonsets", "apps")
REVISIONS = resource("controllerrevisions", "apps")
NAME = "web"
BAD = "never:0"  # no pod of this image is ever ready


def image_of(pod: Obj) -> str:
    return str(pod["spec"]["containers"][0]["image"])


def is_ready(pod: Obj) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", ()))


def runs(pod: Obj) -> bool:
    """Neither going nor ended."""
    return "deletionTimestamp" not in pod["metadata"] and pod["status"].get("phase") not in ("Failed", "Succeeded")


def share(value: Any, of: int, *, up: bool) -> int:
    """A number, or a percentage of `of`, rounded up or down."""
    if isinstance(value, int):
        return value
    exact = Fraction(int(value.removesuffix("%")) * of, 100)
    return -int(-exact // 1) if up else int(exact // 1)


class Rollouts(MortalCluster):
    """One workload called web, of the kind `top`. `of`: its selector is the label app=web."""

    top: Resource

    def __init__(self) -> None:
        super().__init__()
        self.judged = True
        #: uids of pods that the story hit since the controllers were at rest
        self.hit: set[str] = set()

    def make(self, parts: Parts) -> Sequence[Controller]:
        return [DeploymentController(parts), ReplicaSetController(parts), StatefulSetController(parts), DaemonSetController(parts)]

    # --- what there is ---
    async def workload(self) -> Obj:
        return await self.client.get(self.top, "default", NAME)

    async def running(self) -> list[Obj]:
        return sorted([pod for pod in await self.all(PODS) if runs(pod)], key=objects.name)

    async def available(self) -> list[Obj]:
        """Pods that serve, and those that would if the story had not hit them just now."""
        return [pod for pod in await self.all(PODS) if (runs(pod) and is_ready(pod)) or objects.uid(pod) in self.hit]

    # --- what nodes do ---
    async def set_ready(self, pod: Obj, ready: bool = True) -> None:
        pod = await self.bound(pod)
        at = timestamps.time(self.clock.now())
        condition = {"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": at}
        if not ready and is_ready(pod):
            self.hit.add(objects.uid(pod))
        await self._status(pod, phase="Running", conditions=[condition])

    async def fail(self, pod: Obj) -> None:
        if is_ready(pod):
            self.hit.add(objects.uid(pod))
        condition = {"type": "Ready", "status": "False", "lastTransitionTime": timestamps.time(self.clock.now())}
        await self._status(pod, phase="Failed", conditions=[condition])

    async def kill(self, pod: Obj) -> None:
        """A user deletes it."""
        if is_ready(pod):
            self.hit.add(objects.uid(pod))
        await self.client.delete(PODS, "default", objects.name(pod), DeleteOptions(grace_period_seconds=30))

    async def bury(self) -> None:
        """Kubelets are done with all that terminate."""
        for pod in await self.all(PODS):
            if "deletionTimestamp" in pod["metadata"]:
                await self.client.delete(PODS, "default", objects.name(pod), DeleteOptions(grace_period_seconds=0))

    async def bound(self, pod: Obj) -> Obj:
        name = objects.name(pod)
        if not pod["spec"].get("nodeName"):
            node = _wanted_node(pod) or "node-1"
            binding: Obj = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}, "target": {"kind": "Node", "name": node}}
            await self.client.create(PODS, "default", binding, name=name, subresource="binding")
        return await self.client.get(PODS, "default", name)

    async def _status(self, pod: Obj, **status: Any) -> None:
        fresh = await self.client.get(PODS, "default", objects.name(pod))
        await self.client.update(PODS, {**fresh, "status": {**fresh["status"], **status}}, subresource="status")

    # --- the way of time ---
    async def rest(self) -> None:
        """All that can happen without nodes happens; then what was hit is known."""
        self.news.set()
        await self.settle(4)
        await self.settle(12)  # second tries wait longer
        self.hit.clear()
        self.judged = True

    async def set_image(self, image: str) -> None:
        template = (await self.workload())["spec"]["template"]
        containers = [{**template["spec"]["containers"][0], "image": image}]
        await self.edit(self.top, NAME, template={**template, "spec": {**template["spec"], "containers": containers}})

    async def arrive(self, rounds: int = 80) -> None:
        """All faults stop, every pod becomes ready, all that terminates ends; until nothing changes any more."""
        await self.restart()
        if image_of({"spec": (await self.workload())["spec"]["template"]["spec"]}) == BAD:
            await self.set_image("nginx:1")
        for _ in range(rounds):
            await self.rest()
            pods = await self.all(PODS)
            unready = [pod for pod in pods if runs(pod) and not is_ready(pod) and image_of(pod) != BAD]
            going = [pod for pod in pods if "deletionTimestamp" in pod["metadata"]]
            if not unready and not going and await self.is_there():
                return
            for pod in unready:
                await self.set_ready(pod)
            for pod in [pod for pod in pods if runs(pod) and image_of(pod) == BAD]:
                await self.kill(await self.bound(pod))  # a user has to, where updates wait for deletions or are stuck
            await self.bury()
        told = [(objects.name(p), image_of(p), p["status"].get("phase"), is_ready(p)) for p in pods]
        raise AssertionError(f"it never arrives: {told}, {(await self.workload())['status']}")

    async def is_there(self) -> bool:
        """Whether the workload says that it is where its spec says."""
        raise NotImplementedError

    def accuse(self, what: str) -> None:
        if self.judged:
            self.faults.append(what)


def _wanted_node(pod: Obj) -> str:
    """Where a DaemonSet's pod wants to be."""
    required = ((pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}).get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    fields = [f for term in required.get("nodeSelectorTerms", ()) for f in term.get("matchFields", ())]
    return str(fields[0]["values"][0]) if fields else ""


def manifest(kind: str, **spec: Any) -> Obj:
    labels = {"app": NAME}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "nginx:1"}]}}
    return {
        "apiVersion": "apps/v1", "kind": kind, "metadata": {"name": NAME, "namespace": "default"},
        "spec": {"selector": {"matchLabels": labels}, "template": template, **spec},
    }  # fmt: skip


async def make_node(cluster: Rollouts, name: str) -> None:
    """A node that is ready to take pods: admission taints new ones."""
    made = await cluster.client.create(NODES, "", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}})
    await cluster.client.update(NODES, {**made, "spec": {**made["spec"], "taints": []}})
