"""A registry in memory with policies and webhooks, and short names for what tests do with it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from wherry.api.errors import StatusError
from wherry.api.options import ADMIN, MERGE_PATCH, DeleteOptions, Target, User, WriteOptions
from wherry.registry.registry import Registry
from wherry.registry.results import Written
from wherry.store.memory import MemoryStore

SPACE = "a"
GROUP = "admissionregistration.k8s.io"
Body = dict[str, Any]
CONFIG_MAPS: Body = {"operations": ["CREATE", "UPDATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}


class World:
    def __init__(self) -> None:
        self.registry = Registry(MemoryStore(), lambda: 1_700_000_000.0, random.Random(1))

    def target(self, plural: str, name: str = "", namespace: str = SPACE) -> Target:
        plural, _, rest = plural.partition(".")
        group, _, version = rest.partition("/")
        row = self.registry.table.by_path(group, version or "v1", plural)
        assert row is not None
        return Target(row, namespace if row.namespaced else "", name)

    async def written(self, plural: str, body: Body, *, dry_run: bool = False, user: User = ADMIN, namespace: str = SPACE) -> Written:
        options = WriteOptions(dry_run=dry_run, field_manager="tester")
        return await self.registry.create(self.target(plural, namespace=namespace), body, options, user)

    async def create(self, plural: str, body: Body, **how: Any) -> Body:
        made: Body = (await self.written(plural, body, **how)).record.object()
        return made

    async def get(self, plural: str, name: str) -> Body:
        found: Body = (await self.registry.get(self.target(plural, name))).object()
        return found

    async def patch(self, plural: str, name: str, body: Body) -> Written:
        return await self.registry.patch(self.target(plural, name), MERGE_PATCH, body, WriteOptions(), ADMIN)

    async def delete(self, plural: str, name: str) -> None:
        await self.registry.delete(self.target(plural, name), DeleteOptions(), ADMIN)

    async def refused(self, plural: str, body: Body, **how: Any) -> Body:
        """The Status of a create that must be refused."""
        with pytest.raises(StatusError) as error:
            await self.written(plural, body, **how)
        return error.value.to_status()

    async def policy(
        self, validations: list[Body], *, actions: tuple[str, ...] = ("Deny",), binding: Body | None = None, **spec: Any
    ) -> None:
        """A policy `p` about ConfigMaps and its binding `b`."""
        spec = {"matchConstraints": {"resourceRules": [CONFIG_MAPS]}, "validations": validations, **spec}
        await self.create(f"validatingadmissionpolicies.{GROUP}", {"metadata": {"name": "p"}, "spec": spec})
        bound = {"policyName": "p", "validationActions": list(actions), **(binding or {})}
        await self.create(f"validatingadmissionpolicybindings.{GROUP}", {"metadata": {"name": "b"}, "spec": bound})

    async def mutations(self, mutations: list[Body], *, name: str = "m", rule: Body | None = None, **spec: Any) -> None:
        spec = {"matchConstraints": {"resourceRules": [rule or CONFIG_MAPS]}, "mutations": mutations, "reinvocationPolicy": "Never", **spec}
        await self.create(f"mutatingadmissionpolicies.{GROUP}", {"metadata": {"name": name}, "spec": spec})
        await self.create(f"mutatingadmissionpolicybindings.{GROUP}", {"metadata": {"name": name}, "spec": {"policyName": name}})


def config_map(name: str = "c", **data: str) -> Body:
    return {"metadata": {"name": name}, "data": data}


def apply_configuration(expression: str) -> Body:
    return {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}


def json_patch(expression: str) -> Body:
    return {"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}


def run(test: Callable[[World], Awaitable[None]]) -> None:
    async def whole() -> None:
        world = World()
        await world.create("namespaces", {"metadata": {"name": SPACE, "labels": {"env": "test"}}})
        await world.create("serviceaccounts", {"metadata": {"name": "default"}})
        await test(world)

    asyncio.run(whole())
