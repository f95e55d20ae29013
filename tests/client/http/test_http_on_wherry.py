"""The HTTP client on a whole cluster of ours: TLS, the same results and errors as in process, watches, client certificates."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import replace

import pytest

from wherry import Cluster
from wherry.api.errors import Conflict, Invalid, NotFound, Unauthorized
from wherry.api.resources import resource
from wherry.client.access import Access
from wherry.client.follow import follow, until_gone
from wherry.client.http import HttpClient
from wherry.client.kubeconfig import Overrides, load
from wherry.client.transport import ConnectionFailed
from wherry.cluster import pki

CONFIG_MAPS = resource("configmaps")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster(nodes=1, test_mode=True) as running:
        yield running


@pytest.fixture
def access(cluster: Cluster) -> Access:
    return load(Overrides(kubeconfig=cluster.kubeconfig), {})


def made(name: str, **data: str) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}, "data": data}


def test_objects_are_written_and_read(access: Access) -> None:
    async def work() -> None:
        async with HttpClient(access) as client:
            created = await client.create(CONFIG_MAPS, "default", made("one", a="1"))
            patched = await client.patch(CONFIG_MAPS, "default", "one", {"data": {"b": "2"}}, "application/merge-patch+json")
            assert patched["data"] == {"a": "1", "b": "2"}
            with pytest.raises(Conflict):
                await client.update(CONFIG_MAPS, created)
            listed = await client.list(CONFIG_MAPS, "default", field_selector="metadata.name=one")
            assert [o["metadata"]["name"] for o in listed.items] == ["one"]
            await client.delete(CONFIG_MAPS, "default", "one")
            with pytest.raises(NotFound):
                await client.get(CONFIG_MAPS, "default", "one")
            with pytest.raises(Invalid):
                await client.create(CONFIG_MAPS, "default", made("Bad_Name"))

    asyncio.run(work())


def test_a_watch_gives_changes_in_order(access: Access) -> None:
    async def work() -> None:
        async with HttpClient(access) as client:
            start = (await client.list(CONFIG_MAPS, "default")).resource_version
            await client.create(CONFIG_MAPS, "default", made("two"))
            await client.delete(CONFIG_MAPS, "default", "two")
            seen: list[str] = []
            async with aclosing(client.watch(CONFIG_MAPS, "default", resource_version=start)) as batches:  # type: ignore[type-var]
                async for batch in batches:
                    seen += [event.type for event in batch if event.object["metadata"]["name"] == "two"]
                    if "DELETED" in seen:
                        break
            assert seen == ["ADDED", "DELETED"]

    asyncio.run(asyncio.wait_for(work(), 20))


def test_one_object_is_followed_until_it_is_gone(access: Access) -> None:
    async def work() -> None:
        async with HttpClient(access) as client:
            await client.create(CONFIG_MAPS, "default", made("three", n="1"))
            seen = []
            async with aclosing(follow(client, CONFIG_MAPS, "default", "three")) as versions:  # type: ignore[type-var]
                async for version in versions:
                    seen.append(version and version["data"]["n"])
                    if seen == ["1"]:
                        await client.patch(CONFIG_MAPS, "default", "three", {"data": {"n": "2"}}, "application/merge-patch+json")
                    elif version is not None:
                        await client.delete(CONFIG_MAPS, "default", "three")
                    else:
                        break
            assert seen == ["1", "2", None]
            await until_gone(client, CONFIG_MAPS, "default", "three")

    asyncio.run(asyncio.wait_for(work(), 20))


def test_a_wrong_token_a_foreign_authority_and_a_wrong_name_are_refused(access: Access) -> None:
    async def get(found: Access) -> None:
        async with HttpClient(found) as client:
            await client.list(CONFIG_MAPS, "default")

    with pytest.raises(Unauthorized):
        asyncio.run(get(replace(access, token="wrong")))
    with pytest.raises(ConnectionFailed, match="failed to verify certificate"):
        asyncio.run(get(replace(access, ca_data=b"")))
    with pytest.raises(ConnectionFailed, match="failed to verify certificate"):
        asyncio.run(get(replace(access, tls_server_name="other.example")))
    asyncio.run(get(replace(access, ca_data=b"", insecure=True)))


def test_a_client_certificate_is_enough(cluster: Cluster, access: Access) -> None:
    assert cluster.pki is not None
    certificate, key = pki.issue(cluster.pki.directory, "somebody", organizations=("system:masters",))

    async def work() -> None:
        async with HttpClient(replace(access, token="", certificate_data=certificate, key_data=key)) as client:
            await client.list(CONFIG_MAPS, "default")

    asyncio.run(work())
