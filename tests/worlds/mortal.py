"""Controllers that can die between two writes, on a registry that lives on; the next ones start with nothing but what is written."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any, TypeVar

from tests.worlds.registry import PODS, Cluster
from wherry.api.objects import Obj
from wherry.api.options import DEFAULT_DELETE, DEFAULT_WRITE, DeleteOptions, PatchType, WriteOptions
from wherry.api.resources import Resource, resource
from wherry.client.informer import Informers
from wherry.client.local import LocalClient
from wherry.client.protocol import Event
from wherry.kit.clock import Clock
from wherry.kit.virtual import run_virtual
from wherry.reconcile import Controller, Parts
from wherry.registry.registry import Registry
from wherry.store.memory import MemoryStore

NAMESPACES, SERVICE_ACCOUNTS, EVENTS = resource("namespaces"), resource("serviceaccounts"), resource("events")
Watcher = Callable[[Resource, Obj], Awaitable[None]]


class Mortal(LocalClient):
    """Dies before its write number `deadline`: that write and all later ones never return. `watcher` is told of what was made, `reaper`
    of what is about to be deleted. While `news` is not set, its watches hold back what they have to tell.
    """

    writes = 0
    deadline: int | None = None
    watcher: Watcher | None = None
    reaper: Watcher | None = None
    news: asyncio.Event | None = None

    async def watch(
        self, resource: Resource, namespace: str = "", *, resource_version: str = "", label_selector: str = "", field_selector: str = ""
    ) -> AsyncIterator[Sequence[Event]]:
        told = super().watch(
            resource, namespace, resource_version=resource_version, label_selector=label_selector, field_selector=field_selector
        )
        async with aclosing(told) as batches:  # type: ignore[type-var]
            async for batch in batches:
                if self.news is not None:
                    await self.news.wait()
                yield batch

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
        if self.watcher is not None and not subresource:
            await self.watcher(resource, made)
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
        if self.reaper is not None:
            await self.reaper(resource, await super().get(resource, namespace, name))
        return await super().delete(resource, namespace, name, options)


class MortalCluster(Cluster):
    """`settle` replaces controllers that died; all of them die at once. `made`: how many pods they created."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.registry = Registry(MemoryStore(now=self.clock.now), self.clock.now, random.Random(1))
        self.client = LocalClient(self.registry)
        self.numbers = iter(range(1, 100_000))
        self.writes = 0
        self.made = 0
        self.faults: list[str] = []
        self.news = asyncio.Event()
        self.news.set()
        self.own: Mortal | None = None

    def make(self, parts: Parts) -> Sequence[Controller]:
        """The controllers that run here."""
        raise NotImplementedError

    async def start(self, deadline: int | None = None) -> None:
        self.own = Mortal(self.registry, manager="controllers", trusted=True)
        self.own.deadline, self.own.watcher, self.own.reaper = deadline, self.on_create, self.on_delete
        self.own.news = self.news
        self.informers = Informers(self.own)
        made = self.make(Parts(self.own, self.informers, self.clock, lambda: f"{next(self.numbers):05d}"))
        await self.informers.start()
        self.tasks = [asyncio.create_task(each.run()) for each in made]

    async def stop(self) -> None:
        assert self.own is not None
        self.writes += self.own.writes
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.informers.stop()

    async def restart(self, deadline: int | None = None) -> None:
        await self.stop()
        await self.start(deadline)

    async def settle(self, seconds: float = 3) -> None:
        await self.clock.sleep(seconds)
        if self.own is not None and self.own.is_dead:
            await self.restart()
            await self.clock.sleep(3)
        for task in self.tasks:
            if task.done():
                task.result()
                raise AssertionError("a controller ended")
        assert self.faults == [], self.faults

    async def on_create(self, resource: Resource, made: Obj) -> None:
        """Whatever the controllers make passes here; what must not be is added to `faults`."""
        self.made += resource is PODS

    async def on_delete(self, resource: Resource, going: Obj) -> None:
        """What the controllers are about to delete passes here."""


C = TypeVar("C", bound=MortalCluster)


def play(new: Callable[[], C], story: Callable[[C], Awaitable[None]], deadline: int | None = None) -> C:
    """Run the story in a cluster with a namespace `default`, whose controllers die before their write number `deadline`."""

    async def run() -> C:
        cluster = new()
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
