"""A VolumeAttributesClass stays while a claim names it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from wherry.api.errors import NotFound
from wherry.api.resources import resource
from wherry.cluster.cluster import Cluster

CLASSES, CLAIMS = resource("volumeattributesclasses", "storage.k8s.io"), resource("persistentvolumeclaims")


async def _until(check: Callable[[], Awaitable[Any]]) -> Any:
    while not (found := await check()):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    return found


def test_a_class_goes_when_the_last_claim_that_names_it_has() -> None:
    async def test() -> None:
        async with Cluster(nodes=0, serve=False, storage_class="") as cluster:
            client = cluster.client
            made = await client.create(CLASSES, "", {"metadata": {"name": "fast"}, "driverName": "d", "parameters": {"iops": "1"}})
            assert made["metadata"]["finalizers"] == ["kubernetes.io/vac-protection"]
            spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "volumeAttributesClassName": "fast"}
            await client.create(CLAIMS, "default", {"metadata": {"name": "c"}, "spec": spec})
            await client.delete(CLASSES, "", "fast")
            assert (await client.get(CLASSES, "", "fast"))["metadata"]["deletionTimestamp"]

            async def gone() -> bool:
                try:
                    await client.get(CLASSES, "", "fast")
                except NotFound:
                    return True
                return False

            await client.delete(CLAIMS, "default", "c")
            await _until(gone)

    asyncio.run(test())
