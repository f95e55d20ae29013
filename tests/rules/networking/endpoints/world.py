"""A small world for the housekeeping controllers: a registry over a memory store, informers and some controllers, on virtual time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence

from tests.rules.networking.endpoints.manifests import EPOCH, manifest
from wherry.api.errors import NotFound
from wherry.api.objects import Obj, name, namespace
from wherry.api.options import DeleteOptions
from wherry.api.resources import TABLE, Resource
from wherry.client.informer import Informers
from wherry.client.local import LocalClient
from wherry.kit.clock import Clock
from wherry.kit.tasks import Tasks
from wherry.kit.virtual import run_virtual
from wherry.reconcile.controller import Controller, Parts
from wherry.registry.registry import Registry
from wherry.store.memory import MemoryStore


class World:
    """`settle` lets that many seconds of virtual time pass."""

    def __init__(self) -> None:
        self.clock = Clock()
        rng = random.Random(1)
        self.client = LocalClient(Registry(MemoryStore(now=self.clock.now), self.clock.now, rng))
        self.informers = Informers(self.client)
        self.parts = Parts(self.client, self.informers, self.clock, lambda: "abcde")

    async def settle(self, seconds: float = 3.0) -> None:
        await self.clock.sleep(seconds)

    async def create(self, obj: Obj) -> Obj:
        return await self.client.create(_row(obj), namespace(obj), obj)

    async def update(self, obj: Obj, subresource: str = "") -> Obj:
        return await self.client.update(_row(obj), obj, subresource=subresource)

    async def delete(self, obj: Obj, policy: str = "") -> None:
        await self.client.delete(_row(obj), namespace(obj), name(obj), DeleteOptions(propagation_policy=policy))

    async def get(self, obj: Obj) -> Obj | None:
        """What it is now; None when it is gone or another has its name."""
        try:
            found = await self.client.get(_row(obj), namespace(obj), name(obj))
        except NotFound:
            return None
        return found if found["metadata"]["uid"] == obj["metadata"].get("uid", found["metadata"]["uid"]) else None

    async def all(self, resource: Resource, namespace: str = "") -> list[Obj]:
        return (await self.client.list(resource, namespace)).items


def _row(obj: Obj) -> Resource:
    found = TABLE.by_kind(obj["apiVersion"], obj["kind"])
    assert found is not None
    return found


def play(controllers: Callable[[Parts], Sequence[Controller]], story: Callable[[World], Awaitable[None]]) -> None:
    """Run the story in a fresh world with a namespace `default`, in which these controllers work. A crash of one fails the story."""

    async def run() -> None:
        world = World()
        await world.create(manifest("v1", "Namespace", "default"))
        working = controllers(world.parts)
        await world.informers.start()
        async with Tasks(lambda name, error: None) as tasks:
            for each in working:
                tasks.start(each.run(), each.name)
            try:
                await story(world)
            finally:
                await world.informers.stop()
        assert tasks.crashes == []
        await asyncio.sleep(0)

    run_virtual(run(), epoch=EPOCH)
