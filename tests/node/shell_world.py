"""A world for tests of the scheduler's and the node agent's shells: a fake API, informers, and both of them, on virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

from tests.node.fake_api import FakeApi
from wherry.api.objects import Obj
from wherry.api.options import DeleteOptions
from wherry.api.resources import resource
from wherry.client.informer import Informers
from wherry.kit.clock import Clock
from wherry.kit.virtual import run_virtual
from wherry.node.simulated_nodes import SimulatedNodes
from wherry.rules.placing.scheduling.setup import Setup
from wherry.scheduler.scheduler import Scheduler

PODS = resource("pods")


class World:
    def __init__(self, api: FakeApi, setup: Setup | None = None, **nodes: Any) -> None:
        self.api = api
        self.clock = Clock()
        self.informers = Informers(api)
        self.nodes = SimulatedNodes(api, self.informers, self.clock, **nodes)
        self.scheduler = Scheduler(api, self.informers, self.clock, Random(1), setup)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, *, scheduler: bool = True) -> None:
        await self.informers.start()
        self._tasks.append(asyncio.create_task(self.nodes.run()))
        if scheduler:
            self._tasks.append(asyncio.create_task(self.scheduler.run()))
        await self.rest()

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        outcomes = await asyncio.gather(*self._tasks, return_exceptions=True)
        assert all(isinstance(o, asyncio.CancelledError) for o in outcomes), outcomes
        await self.informers.stop()

    async def rest(self, seconds: float = 0.001) -> None:
        """Let everything happen that does not take longer."""
        await asyncio.sleep(seconds)

    async def pod(self, name: str, *containers: Obj, annotations: dict[str, str] | None = None, **spec: Any) -> None:
        listed = list(containers) or [{"name": "main", "image": "nginx:1.21"}]
        said = {f"wherry.dev/simulated-{k}": v for k, v in (annotations or {}).items()}
        meta = {"name": name, "namespace": "d", "annotations": said}
        await self.api.create(PODS, "d", {"metadata": meta, "spec": {"containers": listed, **spec}, "status": {"phase": "Pending"}})
        await self.rest()

    def get(self, name: str) -> Obj:
        return self.api.objects["pods", f"d/{name}"]

    def main(self, name: str) -> Obj:
        return self.get(name)["status"]["containerStatuses"][0]  # type: ignore[no-any-return]

    def phase(self, name: str) -> str:
        return self.get(name)["status"]["phase"]  # type: ignore[no-any-return]

    async def delete(self, name: str, grace: int | None = None) -> None:
        await self.api.delete(PODS, "d", name, DeleteOptions(grace_period_seconds=grace))
        await self.rest()

    def events(self, name: str) -> list[tuple[str, str]]:
        return [(e["reason"], e["message"]) for e in self.api.of("events") if e["involvedObject"]["name"] == name]

    def pod_writes(self, name: str) -> list[tuple[str, str]]:
        return [(verb, sub) for verb, plural, at, sub in self.api.writes if plural == "pods" and at == name]


def play(scenario: Callable[[World], Awaitable[None]], **nodes: Any) -> None:
    """Run the scenario in a world of its own."""

    async def whole() -> None:
        world = World(FakeApi(), **nodes)
        await world.start()
        await scenario(world)
        await world.stop()

    run_virtual(whole(), epoch=1_767_225_600.0)
