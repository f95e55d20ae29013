"""No request is lost in a rollout."""

from __future__ import annotations

import asyncio
from collections import Counter

import aiohttp
import pytest

from tests.worlds.ingress import DEPLOYMENTS, INGRESSES, World, ingress, template, world
from wherry.api.options import MERGE_PATCH
from wherry.api.resources import resource

PODS = resource("pods")
pytestmark = pytest.mark.real_nodes


async def _ask(url: str, found: Counter[str], stop: asyncio.Event, *, keep: bool, body: bytes | None) -> None:
    """One request after the other; counts what they came to, by version or error. `body`: it is POSTed, which nobody sends twice."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=not keep)) as session:
        while not stop.is_set():
            try:
                method = "GET" if body is None else "POST"
                async with session.request(method, url, headers={"Host": "web.example"}, data=body) as answer:
                    said = await answer.json(content_type=None) if answer.status == 200 else {}
                    found[said.get("version") or f"failed: {answer.status}"] += 1
            except aiohttp.ClientError as error:
                found[f"failed: {error!r}"] += 1


def test_a_request_under_way_is_answered_before_its_pod_is_told_to_end() -> None:
    """By a server that drops all that it has at the first signal."""

    async def story() -> None:
        async with world() as at:
            await at.deployment("web", "1", 1, abrupt=True)
            await at.service("web", "web")
            await at.cluster.client.create(INGRESSES, "default", ingress("web", ("web.example", "/", "web")))
            await at.until_status("web.example", 200)
            asked = asyncio.create_task(at.get("web.example", "/slow"))
            await at.until(lambda: _begun(at))
            [pod] = (await at.cluster.client.list(PODS, "default")).items
            await at.cluster.client.delete(PODS, "default", pod["metadata"]["name"])
            assert await asked == (200, "0\n1\n2\n3\n4\n")

    asyncio.run(asyncio.wait_for(story(), 50))


async def _begun(at: World) -> bool:
    """The slow request is with the pod."""
    code, text = await at.get("web.example", "/count")
    return code == 200 and int(text) > 0


def test_no_request_is_lost_while_a_deployment_is_rolled_out_under_load() -> None:
    async def story() -> None:
        async with world() as at:
            await at.deployment("web", "1", 4)
            await at.service("web", "web")
            await at.cluster.client.create(INGRESSES, "default", ingress("web", ("web.example", "/", "web")))
            await at.rolled_out("web")
            await at.until_status("web.example", 200)
            found: Counter[str] = Counter()
            stop = asyncio.Event()
            url = f"http://127.0.0.1:{await at.served()}/"
            ways = [(keep, body) for keep in (True, False) for body in (None, None, b"x" * 1000, b"")]
            clients = [asyncio.create_task(_ask(url, found, stop, keep=keep, body=body)) for keep, body in ways]
            for version in ("2", "3"):
                await at.cluster.client.patch(DEPLOYMENTS, "default", "web", {"spec": {"template": template(version)}}, MERGE_PATCH)
                await at.rolled_out("web")
                seen = found[version]
                await at.until(lambda version=version, seen=seen: found[version] > seen)
            stop.set()
            await asyncio.gather(*clients)
            assert {version: count for version, count in found.items() if version.startswith("failed")} == {}
            assert all(found[version] > 20 for version in ("1", "2", "3"))

    asyncio.run(asyncio.wait_for(story(), 55))
