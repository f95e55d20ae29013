"""A Job controller that can die between two writes, on a registry that lives on; the next one starts with nothing but what is written."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

from tests.worlds.registry import PODS, Cluster
from wherry.api import objects
from wherry.api.objects import Obj
from wherry.api.options import DEFAULT_DELETE, DEFAULT_WRITE, DeleteOptions, PatchType, WriteOptions
from wherry.api.resources import Resource, resource
from wherry.client.informer import Informers
from wherry.client.local import LocalClient
from wherry.controllers.job import JobController
from wherry.kit.clock import Clock
from wherry.kit.virtual import run_virtual
from wherry.reconcile import Parts
from wherry.registry.registry import Registry
from wherry.store.memory import MemoryStore

NAMESPACES, SERVICE_ACCOUNTS, EVENTS = resource("namespaces"), resource("serviceaccounts"), resource("events")


class Mortal(LocalClient):
    """Dies before its write number `deadline`: that write and all later ones never return."""

    writes = 0
    deadline: int | None = None
    watcher: Callable[[Obj], Awaitable[None]] | None = None

    @property
    def is_dead(self) -> bool:
        return self.deadline is not None and self.writes > self.deadline

    async def _live(self, resource: Resource) -> None:
        if resource is not EVENTS:
            self.writes += 1
        if self.is_dead:
            await asyncio.get_running_loop().create_future()

    async def create(
        self, resource: Resource, namespace: str, obj: Obj, *, name: str = "", subresource: str = "", options: WriteOptions = DEFAULT_WRITE
    ) -> Obj:
        await self._live(resource)
        made = await super().create(resource, namespace, obj, name=name, subresource=subresource, options=options)
        if resource is PODS and self.watcher is not None:
            await self.watcher(made)
        return made

    async def update(self, resource: Resource, obj: Obj, *, subresource: str = "", options: WriteOptions = DEFAULT_WRITE) -> Obj:
        await self._live(resource)
        return await super().update(resource, obj, subresource=subresource, options=options)

    async def patch(
        self, resource: Resource, namespace: str, name: str, patch: Any, patch_type: PatchType, *, subresource: str = "",
        options: WriteOptions = DEFAULT_WRITE,
    ) -> Obj:  # fmt: skip
        await self._live(resource)
        return await super().patch(resource, namespace, name, patch, patch_type, subresource=subresource, options=options)

    async def delete(self, resource: Resource, namespace: str, name: str, options: DeleteOptions = DEFAULT_DELETE) -> Obj:
        await self._live(resource)
        return await super().delete(resource, namespace, name, options)


class MortalCluster(Cluster):
    """`settle` replaces a controller that died. `made`: how many pods were created."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.registry = Registry(MemoryStore(now=self.clock.now), self.clock.now, random.Random(1))
        self.client = LocalClient(self.registry)
        self.numbers = iter(range(1, 100_000))
        self.writes = 0
        self.made = 0
        self.faults: list[str] = []
        self.own: Mortal | None = None

    async def start(self, deadline: int | None = None) -> None:
        self.own = Mortal(self.registry, manager="controllers", trusted=True)
        self.own.deadline, self.own.watcher = deadline, self._on_create
        self.informers = Informers(self.own)
        self.controller = JobController(Parts(self.own, self.informers, self.clock, lambda: f"{next(self.numbers):05d}"))
        await self.informers.start()
        self.task = asyncio.create_task(self.controller.run())

    async def stop(self) -> None:
        assert self.own is not None
        self.writes += self.own.writes
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.informers.stop()

    async def restart(self, deadline: int | None = None) -> None:
        await self.stop()
        await self.start(deadline)

    async def settle(self, seconds: float = 3) -> None:
        await self.clock.sleep(seconds)
        if self.own is not None and self.own.is_dead:
            await self.restart()
            await self.clock.sleep(3)
        assert not self.task.done()
        assert self.faults == []

    async def _on_create(self, pod: Obj) -> None:
        self.made += 1
        key = objects.controller_of(pod)
        assert key is not None
        job = await self.client.get(resource("jobs", "batch"), "default", key["name"])
        running = [
            p for p in await self.all(PODS)
            if not objects.is_deleting(p) and p["status"].get("phase") not in ("Succeeded", "Failed") and objects.is_controlled_by(p, job)
        ]  # fmt: skip
        if len(running) > job["spec"]["parallelism"]:
            self.faults.append(f"{len(running)} pods run where {job['spec']['parallelism']} may")


def play(story: Callable[[MortalCluster], Awaitable[None]], deadline: int | None = None) -> MortalCluster:
    async def run() -> MortalCluster:
        cluster = MortalCluster()
        await cluster.client.create(NAMESPACES, "", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}})
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": "default"}}
        await cluster.client.create(SERVICE_ACCOUNTS, "default", account)
        await cluster.start(deadline)
        try:
            await story(cluster)
        finally:
            await cluster.stop()
        return cluster

    return run_virtual(run(), epoch=1_750_000_000.0)
