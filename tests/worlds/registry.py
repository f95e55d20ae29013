"""Controllers at work on a registry, on virtual time: what the rules plan is really written, and brings the keys back."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from wherry.api import objects, timestamps
from wherry.api.objects import Obj
from wherry.api.options import DeleteOptions
from wherry.api.resources import Resource, resource
from wherry.client.informer import Informers
from wherry.client.local import LocalClient
from wherry.kit.clock import Clock
from wherry.kit.tasks import Tasks
from wherry.kit.virtual import run_virtual
from wherry.reconcile import Controller, Parts
from wherry.registry.registry import Registry
from wherry.rules.workloads.daemonset.pod import target_node
from wherry.store.memory import MemoryStore

PODS, NODES, EVENTS, CLAIMS = resource("pods"), resource("nodes"), resource("events"), resource("persistentvolumeclaims")
REVISIONS = resource("controllerrevisions", "apps")
NAMESPACES, SERVICE_ACCOUNTS = resource("namespaces"), resource("serviceaccounts")


class Cluster:
    """A registry with controllers; `client` is the user's. Pods do what the story says."""

    def __init__(self, controllers: Callable[[Parts], Sequence[Controller]]) -> None:
        self.clock = Clock()
        registry = Registry(MemoryStore(now=self.clock.now), self.clock.now, random.Random(1))
        self.client = LocalClient(registry)
        own = LocalClient(registry, manager="controllers", trusted=True)
        numbers = itertools.count(1)
        self.informers = Informers(own)
        self.controllers = controllers(Parts(own, self.informers, self.clock, lambda: f"{next(numbers):05d}"))

    async def settle(self, seconds: float = 3) -> None:
        await self.clock.sleep(seconds)

    async def all(self, resource: Resource) -> list[Obj]:
        return (await self.client.list(resource, "" if resource is NODES else "default")).items

    async def pods(self) -> list[str]:
        return sorted(objects.name(p) for p in await self.all(PODS) if not objects.is_deleting(p))

    async def images(self) -> list[str]:
        return [p["spec"]["containers"][0]["image"] for p in await self.all(PODS) if not objects.is_deleting(p)]

    async def edit(self, of: Resource, name: str, **spec: Any) -> Obj:
        old = await self.client.get(of, "default", name)
        return await self.client.update(of, {**old, "spec": {**old["spec"], **spec}})

    async def run_pods(self) -> None:
        """Nodes do their work until no pod waits for anything."""
        for _ in range(60):
            await self.settle()
            waiting = [p for p in await self.all(PODS) if objects.is_deleting(p) or not objects.condition(p, "Ready")]
            if not waiting:
                return
            for pod in waiting:
                await self._run_pod(pod)
        raise AssertionError("it never comes to rest")

    async def _run_pod(self, pod: Obj) -> None:
        if objects.is_deleting(pod):
            await self.client.delete(PODS, "default", objects.name(pod), DeleteOptions(grace_period_seconds=0))
            return
        if not pod["spec"].get("nodeName"):
            binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": objects.name(pod)}, "target": {"kind": "Node"}}
            binding["target"]["name"] = target_node(pod) or "node-1"  # type: ignore[index]
            await self.client.create(PODS, "default", binding, name=objects.name(pod), subresource="binding")
            pod = await self.client.get(PODS, "default", objects.name(pod))
        condition = {"type": "Ready", "status": "True", "lastTransitionTime": timestamps.time(self.clock.now())}
        status = {**pod["status"], "phase": "Running", "conditions": [condition]}
        await self.client.update(PODS, {**pod, "status": status}, subresource="status")

    async def told(self) -> list[str]:
        return [f"{e['reason']}: {e['message']}" for e in await self.all(EVENTS)]


def play(controllers: Callable[[Parts], Sequence[Controller]], story: Callable[[Cluster], Awaitable[None]]) -> None:
    """Run the story in a fresh cluster with a namespace `default`. A crash of a controller fails it."""

    async def run() -> None:
        cluster = Cluster(controllers)
        await cluster.client.create(NAMESPACES, "", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}})
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": "default"}}
        await cluster.client.create(SERVICE_ACCOUNTS, "default", account)
        await cluster.informers.start()
        async with Tasks(lambda name, error: None) as tasks:
            for each in cluster.controllers:
                tasks.start(each.run(), each.name)
            try:
                await story(cluster)
            finally:
                await cluster.informers.stop()
        assert tasks.crashes == []
        await asyncio.sleep(0)

    run_virtual(run(), epoch=1_750_000_000.0)
