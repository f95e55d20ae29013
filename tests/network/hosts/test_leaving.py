"""A pod that ends is led to from no machine any more before it is told; who may say so, and machines that do not answer."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from wherry import Cluster
from wherry.api.objects import Obj, is_deleting, uid
from wherry.api.resources import resource
from wherry.network import leaving_hosts
from wherry.network.leaving_hosts import PORT, LeavingHosts
from wherry.rules.networking.hosts.routes import Plan

pytestmark = pytest.mark.asyncio
PODS = resource("pods")
#: of this process: others test at the same time
ONE, OTHER, STRANGER = (f"127.{64 + (os.getpid() >> 8) % 128}.{os.getpid() % 256}.{last}" for last in (71, 72, 73))


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine is."""
    monkeypatch.setattr(leaving_hosts, "PATIENCE", 20.0)


class Loopback:
    """A fabric whose sockets are the machine's own."""

    async def sockets(self, place: str = "", *, udp: bool = False, ipv6: bool = False, count: int = 1) -> Sequence[socket.socket]:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.setblocking(False)
        return [made]


class Machine:
    def __init__(self, cluster: Cluster, own: str, *others: str) -> None:
        self.taken_out: list[str] = []
        fabric: Any = Loopback()
        self.hosts = LeavingHosts(cluster.informers, fabric, lambda: Plan(own=own, others=frozenset(others)), self._here)

    async def _here(self, pod: Obj) -> None:
        self.taken_out.append(uid(pod))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.ensure_future(self.hosts.run())
        await self.hosts.listening.wait()
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def until(reached: Callable[[], object]) -> None:
    for _ in range(5000):
        if reached():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it never happens")


async def _pod(cluster: Cluster, *, deleted: bool) -> Obj:
    """A finalizer keeps it."""
    spec = {"containers": [{"name": "c", "image": "x"}]}
    made = await cluster.aclient.create(PODS, "default", {"metadata": {"name": "web", "finalizers": ["example.com/held"]}, "spec": spec})
    if deleted:
        made = await cluster.aclient.delete(PODS, "default", "web")
    return made


@asynccontextmanager
async def _two() -> AsyncIterator[tuple[Cluster, Machine, Machine]]:
    async with Cluster(nodes=0, serve=False) as cluster:
        one, other = Machine(cluster, ONE, OTHER), Machine(cluster, OTHER, ONE)
        yield cluster, one, other


async def _known(cluster: Cluster, *, deleted: bool) -> Obj:
    pod = await _pod(cluster, deleted=deleted)
    pods = cluster.informers.of(PODS)
    await until(lambda: [is_deleting(each) for each in pods.by_index("uid", uid(pod))] == [deleted])
    return pod


async def test_the_other_machine_takes_it_out_before_it_is_told() -> None:
    async with _two() as (cluster, one, other), one.running(), other.running():
        pod = await _known(cluster, deleted=True)
        await one.hosts.without(pod)
        assert other.taken_out == [uid(pod)]


async def test_news_of_the_deletion_are_waited_for() -> None:
    async with _two() as (cluster, one, other), one.running(), other.running():
        pod = await _known(cluster, deleted=False)
        asking = asyncio.ensure_future(one.hosts.without(pod))
        await until(lambda: other.hosts._deleted)
        assert other.taken_out == []
        await cluster.aclient.delete(PODS, "default", "web")
        await asking
        assert other.taken_out == [uid(pod)]


async def test_a_pod_that_is_not_deleted_stays_whoever_asks(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaving_hosts, "PATIENCE", 0.3)
    async with _two() as (cluster, one, other), one.running(), other.running():
        pod = await _known(cluster, deleted=False)
        await one.hosts.without(pod)
        assert other.taken_out == []
        assert "traffic may still be led to it by the machine at " + OTHER + ", which does not answer" in caplog.text
        monkeypatch.setattr(leaving_hosts, "PATIENCE", 1000.0)
        await one.hosts.without(pod)  # it is left alone for a while


async def test_a_machine_that_starts_late_is_asked_again() -> None:
    async with _two() as (cluster, one, other), one.running():
        pod = await _known(cluster, deleted=True)
        asking = asyncio.ensure_future(one.hosts.without(pod))
        await until(lambda: one.hosts._asked)
        async with other.running():
            await asking
        assert other.taken_out == [uid(pod)]


async def test_nobody_else_is_heard() -> None:
    async with _two() as (cluster, one, other), one.running(), other.running():
        pod = await _known(cluster, deleted=True)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind((STRANGER, 0))
            stranger.sendto(b"leaving " + uid(pod).encode(), (OTHER, PORT))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nonsense:
            nonsense.bind((ONE, 0))
            for each in (b"", b"leaving", b"left \xff", b"x" * 600):
                nonsense.sendto(each, (OTHER, PORT))
        await one.hosts.without(pod)  # it is read after them
        assert other.taken_out == ["", uid(pod)], "an unknown pod is in nobody's rules"
