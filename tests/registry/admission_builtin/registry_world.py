"""A registry in memory with a namespace that pods can be made in, and short names for what tests do with it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

from wherry.api.options import ADMIN, DEFAULT_WRITE, MERGE_PATCH, Target
from wherry.api.resources import ResourceTable
from wherry.registry.registry import Registry
from wherry.registry.results import Written
from wherry.store.memory import MemoryStore

SPACE = "a"
Body = dict[str, Any]


class World:
    def __init__(self, table: ResourceTable | None = None) -> None:
        self.now = 1_700_000_000.0
        self.registry = Registry(MemoryStore(), lambda: self.now, random.Random(1), table)

    def target(self, plural: str, name: str = "", sub: str = "", namespace: str = SPACE) -> Target:
        """`plural` as in `deployments.apps`, with the version v1, or `deployments.extensions/v1beta1`."""
        plural, _, rest = plural.partition(".")
        group, _, version = rest.partition("/")
        row = self.registry.table.by_path(group, version or "v1", plural)
        assert row is not None
        return Target(row, namespace if row.namespaced else "", name, sub)

    async def written(self, plural: str, body: Body, name: str = "", sub: str = "", namespace: str = SPACE) -> Written:
        return await self.registry.create(self.target(plural, name, sub, namespace), body, DEFAULT_WRITE, ADMIN)

    async def create(self, plural: str, body: Body, name: str = "", sub: str = "", namespace: str = SPACE) -> Body:
        made: Body = (await self.written(plural, body, name, sub, namespace)).record.object()
        return made

    async def get(self, plural: str, name: str, sub: str = "") -> Body:
        found: Body = (await self.registry.get(self.target(plural, name, sub))).object()
        return found

    async def patch(self, plural: str, name: str, body: Body, sub: str = "") -> Body:
        target = self.target(plural, name, sub)
        patched: Body = (await self.registry.patch(target, MERGE_PATCH, body, DEFAULT_WRITE, ADMIN)).record.object()
        return patched


def pod(name: str = "p", resources: Body | None = None, **spec: Any) -> Body:
    container: Body = {"name": "c", "image": "i"} | ({"resources": resources} if resources else {})
    return {"metadata": {"name": name}, "spec": {"containers": [container], **spec}}


def run(test: Callable[[World], Awaitable[None]], table: ResourceTable | None = None) -> None:
    async def whole() -> None:
        world = World(table)
        await world.create("namespaces", {"metadata": {"name": SPACE}})
        await world.create("serviceaccounts", {"metadata": {"name": "default"}})
        await test(world)

    asyncio.run(whole())
