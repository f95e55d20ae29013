"""A whole cluster on virtual time: hours pass at once, and with a seed every run is the same."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from wherry import Cluster
from wherry.api.objects import Obj
from wherry.api.resources import resource
from wherry.kit.virtual import run_virtual

T = TypeVar("T")
#: 2026-01-01T00:00:00Z
EPOCH = 1_767_225_600.0
DEPLOYMENTS = resource("deployments", "apps")
PODS = resource("pods")
EVENTS = resource("events")


def on_cluster(test: Callable[[Cluster], Awaitable[T]], **options: Any) -> T:
    async def main() -> T:
        async with Cluster(serve=False, test_mode=True, **{"seed": 1, **options}) as cluster:
            return await test(cluster)

    return run_virtual(main(), epoch=EPOCH)


def deployment(name: str, image: str = "nginx:1.21", replicas: int = 2, **spec: Any) -> Obj:
    labels = {"app": name}
    template: Obj = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": image}]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template, **spec},
    }


async def until(cluster: Cluster, get: Callable[[], Awaitable[Any]], limit: float = 4000.0) -> tuple[Any, float]:
    """What `get` gives once it gives something true, and how many seconds it took."""
    begun = cluster.clock.now()
    while not (found := await get()):
        assert cluster.clock.now() - begun < limit, "it never happens"
        await cluster.clock.sleep(0.25)
    return found, cluster.clock.now() - begun


async def condition(cluster: Cluster, name: str, kind: str) -> Obj:
    status = (await cluster.client.get(DEPLOYMENTS, "default", name)).get("status", {})
    found: Obj = next((c for c in status.get("conditions", ()) if c["type"] == kind), {})
    return found
