"""Several servers on one etcd: one cluster, whichever of them is asked."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import Up
from tests.cluster.etcd.test_cluster_on_etcd import DEPLOYMENTS, MAPS, PODS, ask, config_map, deployment, on, ready
from tests.worlds.etcd import EtcdServer
from wherry import Cluster
from wherry.api.errors import Forbidden
from wherry.api.resources import resource

pytestmark = pytest.mark.etcd

LEASES, SERVICES, QUOTAS = resource("leases", "coordination.k8s.io"), resource("services"), resource("resourcequotas")
ELECTED = ("kube-controller-manager", "kube-scheduler", "wherry-nodes")


@asynccontextmanager
async def two(server: EtcdServer, prefix: str, home: Path, **more: Any) -> AsyncIterator[tuple[Cluster, Cluster]]:
    """Started at once, so that they meet everything that is made at a first start."""
    clusters = on(server, prefix, home / "one", **more), on(server, prefix, home / "other", **more)
    await asyncio.gather(*(each.start() for each in clusters))
    try:
        yield clusters
    finally:
        await asyncio.gather(*(each.stop() for each in clusters))


def on_two(story: Callable[[Cluster, Cluster], Awaitable[None]], **more: Any) -> Callable[..., None]:
    def test(etcd_server: EtcdServer, prefix: str, tmp_path: Path) -> None:
        async def run() -> None:
            async with two(etcd_server, prefix, tmp_path, **more) as (one, other):
                await story(one, other)

        asyncio.run(run())

    test.__doc__ = story.__doc__
    return test


async def _they_are_one_cluster(one: Cluster, other: Cluster) -> None:
    assert one.pki is not None
    assert other.pki is not None
    assert (one.pki.ca_pem, one.pki.token) == (other.pki.ca_pem, other.pki.token)
    token = one.registry.issuer.sign({"iss": one.registry.issuer.url, "sub": "x"})
    assert other.registry.issuer.check(token)["sub"] == "x"
    for turn in range(20):
        writer, reader = (one, other) if turn % 2 else (other, one)
        made = await writer.aclient.create(MAPS, "default", config_map(f"m{turn}"))
        assert await reader.aclient.get(MAPS, "default", f"m{turn}") == made
        assert len((await reader.aclient.list(MAPS, "default", label_selector="")).items) >= turn + 1


test_what_one_server_acknowledged_the_other_shows_at_once = on_two(_they_are_one_cluster, run_nodes=False)


async def _watched(one: Cluster, other: Cluster) -> None:
    start = (await other.aclient.list(MAPS, "default")).resource_version
    events = other.aclient.watch(MAPS, "default", resource_version=start)
    seen: list[tuple[str, str]] = []

    async def read() -> None:
        async for batch in events:
            seen.extend((event.type, event.object["metadata"]["name"]) for event in batch)
            if ("DELETED", "last") in seen:
                return

    reading = asyncio.create_task(read())
    for n in range(10):
        await one.aclient.create(MAPS, "default", config_map(f"m{n}"))
    await one.aclient.create(MAPS, "default", config_map("last"))
    await one.aclient.delete(MAPS, "default", "last")
    await asyncio.wait_for(reading, 10)
    assert seen == [*(("ADDED", f"m{n}") for n in range(10)), ("ADDED", "last"), ("DELETED", "last")]


test_writes_of_one_server_are_seen_by_watches_of_the_other = on_two(_watched, run_nodes=False)


async def _addresses(one: Cluster, other: Cluster) -> None:
    def service(name: str) -> Any:
        return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
                "spec": {"type": "NodePort", "ports": [{"port": 80}], "selector": {"a": "b"}}}

    made = await asyncio.gather(*((one, other)[n % 2].aclient.create(SERVICES, "default", service(f"s{n}")) for n in range(40)))
    assert len({each["spec"]["clusterIP"] for each in made}) == 40
    assert len({each["spec"]["ports"][0]["nodePort"] for each in made}) == 40


test_addresses_and_ports_are_never_given_twice = on_two(_addresses, run_nodes=False)


async def _quota(one: Cluster, other: Cluster) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": {"count/configmaps": "7"}}}
    await one.aclient.create(QUOTAS, "default", quota)
    async with asyncio.timeout(10):
        while "hard" not in (await other.aclient.get(QUOTAS, "default", "q")).get("status", {}):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    there = len((await one.aclient.list(MAPS, "default")).items)

    async def create(n: int) -> bool:
        while True:
            try:
                await (one, other)[n % 2].aclient.create(MAPS, "default", config_map(f"q{n}"))
            except Forbidden:
                return False
            except Exception as error:
                if getattr(error, "code", 0) != 409:
                    raise
            else:
                return True

    made = await asyncio.gather(*(create(n) for n in range(20)))
    assert sum(made) == 7 - there
    assert len((await other.aclient.list(MAPS, "default")).items) == 7


test_a_quota_holds_across_servers = on_two(_quota, run_nodes=False)


async def _logs(one: Cluster, other: Cluster) -> None:
    """The server that runs the simulated nodes has their logs; the other says where they are."""
    await one.aclient.create(DEPLOYMENTS, "default", deployment("web", 1))
    await ready(one, "web", 1)
    pod = (await one.aclient.list(PODS)).items[0]
    runs, asks = (one, other) if one.nodes is not None else (other, one)
    path = f"/api/v1/namespaces/default/pods/{pod['metadata']['name']}/log"
    assert (await asyncio.to_thread(ask, runs.kubeconfig, path))[0] == 200
    status, said = await asyncio.to_thread(ask, asks.kubeconfig, path)
    assert status == 503
    assert "the cluster's own nodes run on another server (" in said


test_logs_of_simulated_pods_are_where_their_nodes_run = on_two(_logs)


async def _one_of_each(one: Cluster, other: Cluster) -> None:
    async def holders() -> dict[str, str]:
        leases = [await one.aclient.get(LEASES, "kube-system", name) for name in ELECTED]
        return {lease["metadata"]["name"]: lease["spec"]["holderIdentity"] for lease in leases}

    await one.aclient.create(DEPLOYMENTS, "default", deployment("web", 4))
    await ready(other, "web", 4)
    assert all((await holders()).values())
    for name in ("on_demand", "scheduler", "nodes"):
        assert [getattr(each, name) is None for each in (one, other)].count(True) == 1, name
    identities = await other.aclient.list(LEASES, "kube-system", label_selector="apiserver.kubernetes.io/identity=kube-apiserver")
    assert len(identities.items) == 2
    leader, stays = (one, other) if one.on_demand is not None else (other, one)
    await leader.stop()
    there = await stays.aclient.get(DEPLOYMENTS, "default", "web")
    await stays.aclient.update(DEPLOYMENTS, {**there, "spec": deployment("web", 7)["spec"]})
    await ready(stays, "web", 7)
    assert len((await stays.aclient.list(PODS)).items) == 7


test_controllers_scheduler_and_nodes_run_once_and_move_when_their_server_stops = on_two(_one_of_each)


@pytest.mark.timeout(90)
def test_of_a_leading_server_that_is_killed_another_takes_over_within_three_seconds(
    etcd_server: EtcdServer, prefix: str, tmp_path: Path
) -> None:
    flags = ("--etcd-servers", etcd_server.url, "--etcd-prefix", prefix, "--fast")
    leader = Up(tmp_path / "one", *flags)
    other = Up(tmp_path / "other", *flags)
    try:
        before = _leases(etcd_server, prefix)
        assert all(before.values())
        leader.process.kill()
        killed = time.monotonic()
        while any(_leases(etcd_server, prefix)[name] == before[name] for name in ELECTED):
            assert time.monotonic() - killed < 20
            time.sleep(0.02)
        took = time.monotonic() - killed
        assert took < 4, took  # 3 s, and a moment for a machine that is busy
    finally:
        for each in (leader, other):
            each.process.kill()
            each.process.wait()
            for pipe in (each.process.stdout, each.process.stderr):
                if pipe is not None:
                    pipe.close()


def _leases(server: EtcdServer, prefix: str) -> dict[str, str]:
    found = {}
    for name in ELECTED:
        lease = json.loads(server.ctl("get", "--print-value-only", f"{prefix}/leases/kube-system/{name}"))
        found[name] = lease["spec"]["holderIdentity"]
    return found
