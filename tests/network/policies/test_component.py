"""The component between the API and the kernel: when a pod may start, and what is done about rules that are not taken."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tests.worlds.policies import until
from wherry import Cluster
from wherry.api.resources import resource
from wherry.linux.fabric import RulesRefused, RulesTooLarge
from wherry.network.policies import NetworkPolicies, NotEnforced
from wherry.rules.networking.policies import nft

Obj = dict[str, Any]


class Kernel:
    """It writes down what it takes. `most`: lines in a transaction."""

    def __init__(self, most: int = 10**6) -> None:
        self.taken: list[str] = []
        self.refuses = ""
        self._most = most

    async def rules(self, text: str) -> str:
        if self.refuses:
            raise RulesRefused(self.refuses)
        if text.count("\n") > self._most:
            raise RulesTooLarge("Message too long")
        self.taken.append(text)
        return ""


def _told(story: Callable[[Cluster, NetworkPolicies, Kernel], Coroutine[Any, Any, None]], most: int = 10**6) -> Kernel:
    kernel = Kernel(most)

    async def work() -> None:
        async with Cluster(nodes=1, serve=False) as cluster:
            policies = NetworkPolicies(cluster.informers, kernel)  # type: ignore[arg-type]
            running = asyncio.create_task(policies.run())
            await until(lambda: _true(kernel.taken), 5)
            await story(cluster, policies, kernel)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    asyncio.run(asyncio.wait_for(work(), 30))
    return kernel


async def _true(value: Any) -> bool:
    return bool(value)


async def _deny(cluster: Cluster, name: str = "deny") -> None:
    """Returns when it is known."""
    kind = resource("networkpolicies", "networking.k8s.io")
    await cluster.client.create(kind, "default", {"metadata": {"name": name, "namespace": "default"}, "spec": {"podSelector": {}}})
    await until(lambda: _true(cluster.informers.of(kind).get(f"default/{name}")), 5)


def _pod(name: str = "p") -> Obj:
    return {"metadata": {"name": name, "namespace": "default", "uid": f"uid-{name}"}, "spec": {"containers": [{"name": "c"}]}}


def test_without_policies_there_is_no_table_and_nobody_waits() -> None:
    async def story(cluster: Cluster, policies: NetworkPolicies, kernel: Kernel) -> None:
        await policies.admit(_pod(), ["10.244.0.5"])

    assert [line.split()[0] for text in _told(story).taken for line in text.splitlines()] == ["add", "delete"]


def test_a_pod_may_start_once_its_rules_stand() -> None:
    async def story(cluster: Cluster, policies: NetworkPolicies, kernel: Kernel) -> None:
        await _deny(cluster)
        await policies.admit(_pod(), ["10.244.0.5"])
        assert "10.244.0.5 : goto" in "\n".join(kernel.taken)

    _told(story)


def test_a_pod_does_not_start_while_nftables_refuses_and_that_is_told_until_it_takes_them() -> None:
    async def story(cluster: Cluster, policies: NetworkPolicies, kernel: Kernel) -> None:
        kernel.refuses = "no such thing"
        await _deny(cluster)
        with pytest.raises(NotEnforced, match="no such thing"):
            await policies.admit(_pod(), ["10.244.0.5"])
        assert "no such thing" in policies.health()
        kernel.refuses = ""
        await policies.admit(_pod(), ["10.244.0.5"])
        assert policies.health() == ""
        assert "10.244.0.5 : goto" in kernel.taken[-1]

    _told(story)


def test_what_is_too_large_for_one_transaction_is_done_in_parts() -> None:
    async def story(cluster: Cluster, policies: NetworkPolicies, kernel: Kernel) -> None:
        for at in range(8):
            await _deny(cluster, f"deny{at}")
        await policies.admit(_pod(), ["10.244.0.5"])

    # no less than the table itself, which is one text
    kernel = _told(story, most=nft.begin(4)[0].count("\n") + 1)
    assert len(kernel.taken) > 3
    assert "10.244.0.5 : goto" in "\n".join(kernel.taken)
