"""A quota in a whole cluster: counted, charged, exceeded by a Deployment, and given back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from wherry.api.errors import Forbidden
from wherry.api.resources import resource
from wherry.cluster.cluster import Cluster

QUOTAS, PODS, DEPLOYMENTS = resource("resourcequotas"), resource("pods"), resource("deployments", "apps")
TEMPLATE = {"metadata": {"labels": {"app": "d"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}


async def _until(check: Callable[[], Awaitable[Any]]) -> Any:
    while not (found := await check()):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    return found


def test_a_deployment_stops_at_its_quota_and_gives_it_back() -> None:
    async def test() -> None:
        async with Cluster(nodes=1, serve=False, test_mode=True) as cluster:
            client = cluster.client

            async def used() -> dict[str, str]:
                found: dict[str, str] = ((await client.get(QUOTAS, "a", "q")).get("status") or {}).get("used") or {}
                return found

            async def uses(**amounts: str) -> bool:
                return await used() == {"pods": amounts["pods"], "count/deployments.apps": amounts["deployments"]}

            await client.create(resource("namespaces"), "", {"metadata": {"name": "a"}})
            hard = {"pods": "3", "count/deployments.apps": "1"}
            await client.create(QUOTAS, "a", {"metadata": {"name": "q"}, "spec": {"hard": hard}})
            await _until(lambda: uses(pods="0", deployments="0"))
            spec = {"replicas": 5, "selector": {"matchLabels": {"app": "d"}}, "template": TEMPLATE}
            await client.create(DEPLOYMENTS, "a", {"metadata": {"name": "d"}, "spec": spec})
            await _until(lambda: uses(pods="3", deployments="1"))
            with pytest.raises(
                Forbidden, match=r'deployments.apps "e" is forbidden: exceeded quota: q, requested: count/deployments.apps=1'
            ):
                await client.create(DEPLOYMENTS, "a", {"metadata": {"name": "e"}, "spec": spec})

            async def failed() -> bool:
                conditions = (await client.get(DEPLOYMENTS, "a", "d"))["status"].get("conditions") or ()
                return any(c["type"] == "ReplicaFailure" and "exceeded quota: q" in c["message"] for c in conditions)

            await _until(failed)
            assert len((await client.list(PODS, "a")).items) == 3
            await client.delete(DEPLOYMENTS, "a", "d")
            await _until(lambda: uses(pods="0", deployments="0"))

    asyncio.run(test())


def test_many_creates_at_once_never_exceed_the_quota() -> None:
    async def test() -> None:
        async with Cluster(nodes=1, serve=False, run_nodes=False) as cluster:
            client = cluster.client
            await client.create(QUOTAS, "default", {"metadata": {"name": "q"}, "spec": {"hard": {"configmaps": "10"}}})

            async def counted() -> Any:
                return ((await client.get(QUOTAS, "default", "q")).get("status") or {}).get("used")

            before = int((await _until(counted))["configmaps"])
            maps = resource("configmaps")
            made = await asyncio.gather(
                *(client.create(maps, "default", {"metadata": {"name": f"m{i}"}}) for i in range(30)), return_exceptions=True
            )
            assert sum(isinstance(m, dict) for m in made) == 10 - before
            assert sum(isinstance(m, Forbidden) for m in made) == 20 + before

    asyncio.run(test())


def test_custom_objects_are_counted_as_their_kind_comes() -> None:
    names = {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"}
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    spec = {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [version]}
    definition = {"metadata": {"name": "widgets.example.com"}, "spec": spec}

    async def test() -> None:
        async with Cluster(nodes=0, serve=False) as cluster:
            client, table = cluster.client, cluster.registry.table
            hard = {"count/widgets.example.com": "1"}
            await client.create(QUOTAS, "default", {"metadata": {"name": "q"}, "spec": {"hard": hard}})
            await client.create(resource("customresourcedefinitions", "apiextensions.k8s.io"), "", definition)

            async def served() -> Any:
                return table.by_path("example.com", "v1", "widgets")

            widgets = await _until(served)

            async def used(amount: str) -> bool:
                found = (await client.get(QUOTAS, "default", "q")).get("status") or {}
                return bool(found.get("used") == {"count/widgets.example.com": amount})

            await _until(lambda: used("0"))
            body = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}}
            await client.create(widgets, "default", body)
            with pytest.raises(Forbidden, match="exceeded quota: q"):
                await client.create(widgets, "default", {**body, "metadata": {"name": "x"}})
            await client.delete(widgets, "default", "w")
            await _until(lambda: used("0"))

    asyncio.run(test())
