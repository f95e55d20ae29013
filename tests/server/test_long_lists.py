"""Lists of many megabytes: made while they are sent, the same bytes as a short one's, for slow readers without being held whole."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp

from wherry import Cluster
from wherry.api.resources import resource
from wherry.server import resources
from wherry.server.resources import list_bytes, list_pieces

CONFIG_MAPS = resource("configmaps")
COUNT = 300


def config_map(number: int) -> Any:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"c{number:03}", "namespace": "default"},
            "data": {"text": "x" * 10_000}}  # fmt: skip


def listed(work: Any) -> Any:
    """`work` gets a session and the address of a list of three megabytes."""

    async def story() -> Any:
        async with Cluster(insecure_port=0) as cluster:
            for number in range(COUNT):
                await cluster.client.create(CONFIG_MAPS, "default", config_map(number))
            async with aiohttp.ClientSession(auto_decompress=True) as session:
                return await work(session, f"http://127.0.0.1:{cluster.insecure_port}/api/v1/namespaces/default/configmaps", cluster)

    return asyncio.run(asyncio.wait_for(story(), 50))


def test_a_long_list_comes_in_chunks_and_whole() -> None:
    async def work(session: Any, url: str, cluster: Any) -> None:
        for packed in ("identity", "gzip"):
            async with session.get(url, headers={"Accept-Encoding": packed}) as answer:
                assert answer.headers["Transfer-Encoding"] == "chunked"
                assert answer.headers.get("Content-Encoding", "identity") == packed
                found = json.loads(await answer.read())
                assert [item["metadata"]["name"] for item in found["items"]][:-1] == [f"c{number:03}" for number in range(COUNT)]
            # the connection is good for another request
            async with session.get(url + "/c001") as answer:
                assert "Content-Length" in answer.headers

    listed(work)


def test_it_is_the_list_that_a_short_one_is() -> None:
    class Page:
        """As the registry gives it."""

        def __init__(self, records: Any) -> None:
            self.records, self.revision, self.continue_token, self.remaining = records, 7, "", 0

    async def work(session: Any, url: str, cluster: Any) -> None:
        found = await cluster.store.range("configmaps/default/")
        row = resource("configmaps")
        for count in (0, 1, 2, COUNT):
            page: Any = Page(found.records[:count])
            assert b"".join(list_pieces(row, page)) == list_bytes(row, page) + b"\n"
        assert len(list(list_pieces(row, Page(found.records)))) > 3_000_000 / resources._PIECE / 2  # type: ignore[arg-type]

    listed(work)


def test_other_forms_of_it_are_as_they_were() -> None:
    async def work(session: Any, url: str, cluster: Any) -> None:
        table = "application/json;as=Table;v=v1;g=meta.k8s.io"
        for query, accept in (("?pretty=true", "application/json"), ("", "application/yaml"), ("", table)):
            async with session.get(url + query, headers={"Accept": accept, "Accept-Encoding": "identity"}) as answer:
                assert "Content-Length" in answer.headers
                await answer.read()

    listed(work)
