"""A dashboard on a cluster of ours, and a visitor of it: what the tests of the page's server stand on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec

from wherry import Cluster
from wherry.client.access import Access
from wherry.client.kubeconfig import Overrides, load
from wherry.dashboard.serving import Dashboard, Settings


class Visitor:
    """A browser without a window: it keeps its cookie and shows the session's token."""

    def __init__(self, session: aiohttp.ClientSession, dashboard: Dashboard) -> None:
        self.session, self.dashboard, self.token = session, dashboard, ""
        self.base = dashboard.url.rstrip("/")

    async def get(self, path: str, status: int = 200) -> Any:
        async with self.session.get(self.base + path) as answer:
            assert answer.status == status, await answer.text()
            return await answer.json() if "json" in answer.content_type else await answer.text()

    async def post(self, path: str, body: Any, status: int = 200, **headers: str) -> Any:
        own = {"X-CSRF-Token": self.token, **headers}
        async with self.session.post(self.base + path, json=body, headers=own) as answer:
            assert answer.status == status, await answer.text()
            return await answer.json()

    async def enter(self, **given: str) -> str:
        """Signed in by the link, or with what is given; who it is then."""
        if not given:
            given = {"key": self.dashboard.link.partition("#key=")[2]}
        await self.post("/api/login", given)
        way = await self.get("/api/way-in")
        self.token = way["token"]
        return str(way["user"])

    async def news(self, path: str) -> AsyncIterator[tuple[str, Any]]:
        """Kind and value of each piece of news."""
        async with self.session.get(self.base + path) as answer:
            kind = ""
            async for line in answer.content:
                word, _, rest = line.decode().rstrip("\n").partition(": ")
                if word == "event":
                    kind = rest
                elif word == "data":
                    yield kind, msgspec.json.decode(rest)


@asynccontextmanager
async def visiting(dashboard: Dashboard) -> AsyncIterator[Visitor]:
    # a jar that keeps cookies of addresses without a name too
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True), read_bufsize=1 << 22) as session:
        yield Visitor(session, dashboard)


def access_of(cluster: Cluster) -> Access:
    return load(Overrides(kubeconfig=cluster.kubeconfig), {})


def on_a_dashboard(work: Callable[[Any, Visitor], Awaitable[None]], *, by_token: bool = False, **options: Any) -> None:
    """`work` gets the cluster and a visitor who has not signed in."""

    async def whole() -> None:
        async with asyncio.timeout(50), Cluster(nodes=2, **options) as cluster:
            settings = Settings(port=0, by_token=by_token)
            async with Dashboard(access_of(cluster), settings) as dashboard, visiting(dashboard) as visitor:
                await work(cluster, visitor)

    asyncio.run(whole())
