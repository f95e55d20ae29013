"""Routes follow Nodes, what cannot be done is told and tried again, and rules that somebody took away come back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from tests.rules.networking.hosts.test_routes import FAR, HERE, NEAR
from wherry import Cluster
from wherry.api.resources import resource
from wherry.linux.fabric import RulesRefused
from wherry.linux.host_link import Wanted
from wherry.network import hosts
from wherry.network.hosts import HostNetwork

pytestmark = pytest.mark.asyncio
NODES = resource("nodes")


class Link:
    def __init__(self) -> None:
        self.wanted: list[Wanted] = []
        self.troubles: list[str] = []
        self.ended = False

    async def begin(self) -> None: ...

    async def apply(self, wanted: Wanted) -> list[str]:
        self.wanted.append(wanted)
        return self.troubles

    def end(self) -> None:
        self.ended = True


class Fabric:
    gateway = "10.244.0.1"

    def __init__(self) -> None:
        self.table = ""

    async def rules(self, text: str) -> str:
        if text.startswith("list"):
            if not self.table:
                raise RulesRefused("No such file or directory")
            return self.table
        self.table = text
        return ""


class Machine:
    def __init__(self, cluster: Cluster) -> None:
        self.cluster, self.link, self.fabric = cluster, Link(), Fabric()
        fabric: Any = self.fabric
        self.network = HostNetwork(cluster.informers, fabric, self.link, lambda: ["here"])

    async def until(self, reached: Callable[[], object]) -> None:
        for _ in range(5000):
            if reached():
                return
            await asyncio.sleep(0.001)
        raise AssertionError(f"it never happens: {self.link.wanted[-1:]}")


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts, "_LOOK", 0.02)


@asynccontextmanager
async def machine(*nodes: Any) -> AsyncIterator[Machine]:
    async with Cluster(nodes=0, serve=False) as cluster:
        for each in nodes:
            await cluster.aclient.create(NODES, "", each)
        made = Machine(cluster)
        running = asyncio.ensure_future(made.network.run())
        try:
            yield made
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running


async def test_nodes_come_and_go() -> None:
    async with machine(HERE) as made:
        await made.until(lambda: made.link.wanted and made.link.wanted[-1].own)
        assert (made.link.wanted[-1].direct, made.network.has_address("10.130.7.9")) == ({}, False)
        await made.cluster.aclient.create(NODES, "", NEAR)
        await made.cluster.aclient.create(NODES, "", FAR)
        await made.until(lambda: made.link.wanted[-1].direct == {"10.130.7.0/24": "192.0.2.2"} and made.link.wanted[-1].peers)
        assert made.link.wanted[-1].tunnelled == {"10.140.1.0/24": "10.140.1.0"}
        reached = [made.network.has_address(each) for each in ("10.130.7.9", "10.140.1.2", "10.244.0.7", "10.141.0.1", "fd00::1")]
        assert reached == [True, True, False, False, False]
        await made.cluster.aclient.delete(NODES, "", "near")
        await made.until(lambda: not made.link.wanted[-1].direct)
        assert "snat to 10.244.0.0" in made.fabric.table


async def test_what_cannot_be_done_is_told_until_it_can(caplog: pytest.LogCaptureFixture) -> None:
    async with machine(HERE, NEAR) as made:
        made.link.troubles = ["this machine has a way to 10.130.7.0/24 that is not wherry's"]
        await made.until(made.network.health)
        assert "pods of other machines are not all reached: this machine has a way to 10.130.7.0/24" in caplog.text
        looks = len(made.link.wanted)
        await made.until(lambda: len(made.link.wanted) > looks + 2)
        assert caplog.text.count("this machine has a way to") == 1, "once"
        made.link.troubles = []
        await made.until(lambda: not made.network.health())


async def test_rules_that_somebody_took_away_are_written_anew(caplog: pytest.LogCaptureFixture) -> None:
    async with machine(HERE) as made:
        await made.until(lambda: "snat" in made.fabric.table)
        made.fabric.table = ""
        await made.until(lambda: "snat" in made.fabric.table)
        assert "somebody else changed the rules of what leaves for other machines" in caplog.text


async def test_it_ends_with_its_link() -> None:
    async with machine(HERE) as made:
        made.network.close()
        assert made.link.ended
