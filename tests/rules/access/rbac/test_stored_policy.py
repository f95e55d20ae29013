"""The policy that follows the store: it sees every acknowledged write, also after it fell behind."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from wherry.api.options import ADMIN, DEFAULT_DELETE, DEFAULT_WRITE, Target, User
from wherry.api.resources import resource
from wherry.registry.rbac.stored import StoredPolicy
from wherry.registry.registry import Registry
from wherry.rules.access.rbac.request import Attributes
from wherry.store.memory import MemoryStore

GROUP = "rbac.authorization.k8s.io"
ROLES, BINDINGS = resource("clusterroles", GROUP), resource("clusterrolebindings", GROUP)
BOB, ASKED = User("bob"), Attributes("get", resource="pods")


async def grant(registry: Registry, name: str, user: str) -> None:
    rule = {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}
    await registry.create(Target(ROLES), {"metadata": {"name": name}, "rules": [rule]}, DEFAULT_WRITE, ADMIN)
    ref: dict[str, Any] = {"apiGroup": GROUP, "kind": "ClusterRole", "name": name}
    subject = {"kind": "User", "name": user, "apiGroup": GROUP}
    await registry.create(Target(BINDINGS), {"metadata": {"name": name}, "roleRef": ref, "subjects": [subject]}, DEFAULT_WRITE, ADMIN)


def test_every_acknowledged_write_is_seen_by_the_next_question() -> None:
    async def play() -> None:
        registry = Registry(MemoryStore(), lambda: 1e9, random.Random(1))
        policy = StoredPolicy(registry.store)
        for i in range(20):
            assert not (await policy.current()).decide(BOB, ASKED).allowed
            await grant(registry, f"r{i}", "bob")
            assert (await policy.current()).decide(BOB, ASKED).allowed
            await registry.delete(Target(BINDINGS, "", f"r{i}"), DEFAULT_DELETE, ADMIN)
        policy.close()

    asyncio.run(play())


def test_writes_of_another_server_of_the_same_store_are_seen() -> None:
    async def play() -> None:
        store = MemoryStore()
        registry, other = (Registry(store, lambda: 1e9, random.Random(n)) for n in (1, 2))
        assert not (await registry.policy.current()).decide(BOB, ASKED).allowed
        before = registry.policy.version
        await grant(other, "r", "bob")
        assert (await registry.policy.current()).decide(BOB, ASKED).allowed
        assert registry.policy.version > before

    asyncio.run(play())


def test_what_is_written_while_the_policy_is_read_is_in_it() -> None:
    class Slow(MemoryStore):
        async def range(self, prefix: str, **options: Any) -> Any:
            found = await super().range(prefix, **options)
            await grant_once()
            return found

    async def play() -> None:
        nonlocal left
        registry = Registry(Slow(), lambda: 1e9, random.Random(1))
        left = [registry]
        assert (await registry.policy.current()).decide(BOB, ASKED).allowed

    left: list[Registry] = []

    async def grant_once() -> None:
        if left:
            await grant(left.pop(), "r", "bob")

    asyncio.run(play())


def test_many_questions_at_once_read_once() -> None:
    async def play() -> None:
        registry = Registry(MemoryStore(), lambda: 1e9, random.Random(1))
        await grant(registry, "r", "bob")
        policy = StoredPolicy(registry.store)
        found = await asyncio.gather(*(policy.current() for _ in range(10)))
        assert len({id(p) for p in found}) == 1
        policy.close()

    asyncio.run(play())
