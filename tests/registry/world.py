"""A registry on a memory store with a clock that only moves when told, for the tests of its semantics."""

from __future__ import annotations

import random
from collections.abc import Coroutine
from typing import Any, TypeVar

from wherry.api.objects import Obj
from wherry.api.options import ADMIN, ListOptions, Target, WatchOptions, WriteOptions
from wherry.api.resources import Resource, resource
from wherry.client.local import LocalClient
from wherry.kit.virtual import run_virtual
from wherry.registry.registry import Registry
from wherry.registry.results import WatchEvent
from wherry.store.memory import MemoryStore

T = TypeVar("T")
CONFIG_MAPS = resource("configmaps")
NAMESPACES = resource("namespaces")
PODS = resource("pods")


class World:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0
        self.store = MemoryStore(now=lambda: self.now)
        self.registry = Registry(self.store, lambda: self.now, random.Random(1))
        self.client = LocalClient(self.registry, manager="tests")
        self.trusted = LocalClient(self.registry, manager="controller", trusted=True)

    async def begin(self) -> World:
        await self.client.create(NAMESPACES, "", {"metadata": {"name": "default"}})
        await self.account()
        return self

    async def account(self, **fields: Any) -> Obj:
        return await self.client.create(resource("serviceaccounts"), "default", {"metadata": {"name": "default"}, **fields})

    async def config_map(self, name: str, **meta: Any) -> Obj:
        return await self.client.create(CONFIG_MAPS, "default", {"metadata": {"name": name, **meta}, "data": {"k": "v"}})

    async def names(self, **options: Any) -> list[str]:
        page = await self.registry.list(Target(CONFIG_MAPS, "default"), ListOptions(**options))
        return [r.object()["metadata"]["name"] for r in page.records]

    async def events(self, count: int, kind: Resource = CONFIG_MAPS, **options: Any) -> list[WatchEvent]:
        """The first `count` events of a watch."""
        found: list[WatchEvent] = []
        async for batch in self.registry.watch(Target(kind, "default"), WatchOptions(**options)):
            found += batch
            if len(found) >= count:
                break
        return found


def in_world(play: Any) -> None:
    """Run `play(world)` on virtual time."""

    async def main() -> None:
        await play(await World().begin())

    run_virtual(main())


def template_pod(name: str, **spec: Any) -> Obj:
    return {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {"name": name, "namespace": "default", "labels": {"app": "a"}},
        "spec": {"containers": [{"name": "c", "image": "nginx:1.21"}], **spec},
    }


DRY_RUN = WriteOptions(dry_run=True)
__all__ = ["ADMIN", "CONFIG_MAPS", "DRY_RUN", "NAMESPACES", "PODS", "Coroutine", "World", "in_world", "template_pod"]
