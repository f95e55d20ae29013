"""A cluster whose pods run programs, for the tests of real nodes: the same stories are played with every engine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from wherry import Cluster
from wherry.api.resources import resource
from wherry.node.runtime import LogOptions

PODS, EVENTS = resource("pods"), resource("events")
_LOOK = 0.05


class World:
    def __init__(self, cluster: Cluster, engine: str) -> None:
        self.cluster = cluster
        #: the name of the engine
        self.engine = engine
        self.client = cluster.client
        assert cluster.real_nodes is not None
        self.runtime: Any = cluster.real_nodes.runtime

    async def create(self, plural: str, name: str, **fields: Any) -> None:
        await self.client.create(resource(plural), "default", {"metadata": {"name": name, "namespace": "default"}, **fields})

    async def pod(self, name: str, command: str, *, container: Any = None, **spec: Any) -> None:
        main = {"name": "c", "image": "busybox:1", "command": ["sh", "-c", command], **(container or {})}
        await self.create("pods", name, spec={"terminationGracePeriodSeconds": 2, "containers": [main], **spec})

    async def get(self, name: str) -> Any:
        return await self.client.get(PODS, "default", name)

    async def eventually(self, ask: Callable[[], Awaitable[Any]], limit: float = 30.0) -> Any:
        """What it gives once that is something."""
        for _ in range(int(limit / _LOOK)):
            if found := await ask():
                return found
            await asyncio.sleep(_LOOK)
        raise AssertionError("it never happens")

    async def until(self, name: str, reached: Callable[[Any], Any]) -> Any:
        """The pod's status once it is so."""

        async def status() -> Any:
            found = (await self.get(name))["status"]
            return found if reached(found) else None

        return await self.eventually(status)

    async def phase(self, name: str, wanted: str) -> Any:
        return await self.until(name, lambda status: status.get("phase") == wanted)

    async def ready(self, name: str) -> Any:
        return await self.until(name, lambda status: all(c["ready"] for c in status.get("containerStatuses") or [{"ready": False}]))

    async def gone(self, name: str) -> None:
        await self.client.delete(PODS, "default", name)

        async def absent() -> bool:
            return all(p["metadata"]["name"] != name for p in (await self.client.list(PODS, "default")).items)

        await self.eventually(absent)

    async def log(self, name: str, container: str = "c", **options: Any) -> str:
        pieces = self.runtime.logs(await self.get(name), container, LogOptions(**options))
        return b"".join([piece async for piece in pieces]).decode()

    async def run(self, name: str, *command: str) -> str:
        session = await self.runtime.exec(await self.get(name), "c", command)
        said: bytes = await session.stdout.read()
        await session.wait()
        await session.close()
        return said.decode()

    async def told(self, name: str, reason: str) -> None:
        """Until there is such an event."""

        async def there() -> bool:
            return reason in await self.reasons(name)

        await self.eventually(there)

    async def reasons(self, name: str) -> list[str]:
        listed = [e for e in (await self.client.list(EVENTS, "default")).items if e["involvedObject"]["name"] == name]
        listed.sort(key=lambda e: str(e["metadata"]["name"]))
        return [e["reason"] for e in listed if e["reason"] not in ("Scheduled", "FailedScheduling")]


#: plays a story in a cluster of its own
Play = Callable[[Callable[[World], Awaitable[None]]], None]


def player(engine: str, **options: Any) -> Play:
    def play(story: Callable[[World], Awaitable[None]]) -> None:
        async def whole() -> None:
            async with Cluster(runtime=engine, nodes=1, serve=False, **options) as cluster:
                await asyncio.wait_for(story(World(cluster, engine)), 50)

        asyncio.run(whole())

    return play
