"""What happens when a part fails: every one of them, in turn, and the cluster goes on; and what is said of one that cannot."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from wherry import Cluster
from wherry.api.errors import StatusError
from wherry.api.objects import Obj, name
from wherry.api.options import MERGE_PATCH
from wherry.api.resources import resource
from wherry.cluster.component import Component
from wherry.cluster.users import API_SERVER
from wherry.kit.tasks import MOST_FAILURES, STEADY, GivenUp

DEPLOYMENTS, SETS, PODS = resource("deployments", "apps"), resource("statefulsets", "apps"), resource("pods")
#: one of each kind of thing that a controller of its own is for
WORKLOADS = {"web": DEPLOYMENTS, "db": SETS, "agent": resource("daemonsets", "apps")}


@pytest.fixture
def c() -> Iterator[Cluster]:
    with Cluster(time="virtual", seed=1, nodes=2, serve=False) as cluster:
        yield cluster


def workload(named: str, image: str) -> Obj:
    of = WORKLOADS[named]
    labels = {"app": named}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": image}]}}
    spec = {"selector": {"matchLabels": labels}, "template": template} | ({} if of.plural == "daemonsets" else {"replicas": 2})
    return {"apiVersion": of.api_version, "kind": of.kind, "metadata": {"name": named}, "spec": spec}


def roll(c: Cluster, image: str) -> None:
    """Every workload to that image, and wait until all is as wanted."""
    for named, of in WORKLOADS.items():
        spec = workload(named, image)["spec"]["template"]["spec"]
        c.client.patch(of, "default", named, {"spec": {"template": {"spec": spec}}}, MERGE_PATCH)
    assert_settles(c, image)


def assert_settles(c: Cluster, image: str) -> None:
    for _ in range(120):
        c.clock.advance(1)
        pods = c.client.list(PODS, "default").items
        good = [p for p in pods if p["spec"]["containers"][0]["image"] == image and p.get("status", {}).get("phase") == "Running"]
        if len(pods) == len(good) == 6:
            return
    raise AssertionError({name(p): (p["spec"]["containers"][0]["image"], p.get("status", {}).get("phase")) for p in pods})


def strike(c: Cluster, part: str, times: int = 1) -> None:
    for _ in range(times):
        c.tell(lambda: c._tasks.strike(part, RuntimeError("drill")))
        c.clock.advance(0.001)


def begin(c: Cluster) -> None:
    for named, of in WORKLOADS.items():
        c.client.create(of, "default", workload(named, "nginx:1"))
    assert_settles(c, "nginx:1")


def test_each_part_in_turn_may_fail_and_the_next_rollout_is_as_before(c: Cluster) -> None:
    begin(c)
    parts = [each.name for each in c.components]
    assert {"scheduler", "nodes", "deployment-controller", "replicaset-controller", "garbage-collector-controller"} <= set(parts)
    assert len(parts) == len(set(parts)) > 15
    for number, part in enumerate(parts):
        strike(c, part)
        assert not c.health.ill
        c.clock.advance(STEADY + 1)
        if part in ("scheduler", "nodes") or "set" in part or "deployment" in part:
            roll(c, f"nginx:{number + 2}")
    roll(c, "nginx:last")
    assert c._readiness() == {"ping": True, "store": True, "controllers": True}


def test_all_parts_may_fail_in_the_middle_of_a_rollout(c: Cluster) -> None:
    begin(c)
    for named, of in WORKLOADS.items():
        spec = workload(named, "nginx:2")["spec"]["template"]["spec"]
        c.client.patch(of, "default", named, {"spec": {"template": {"spec": spec}}}, MERGE_PATCH)
    for part in [each.name for each in c.components]:
        strike(c, part)
    assert_settles(c, "nginx:2")


def test_a_part_that_fails_twice_is_named_until_it_has_worked_for_a_while(c: Cluster) -> None:
    strike(c, "namespace-controller", 2)
    assert c.health.ill == {"namespace-controller": "RuntimeError: drill"}
    assert c._readiness()["namespace-controller"] is False
    c.clock.advance(STEADY + 1)
    assert c._readiness() == {"ping": True, "store": True, "controllers": True}


def test_a_part_that_fails_too_often_is_given_up_and_whoever_waits_is_told(c: Cluster) -> None:
    async def hopeless() -> None:
        raise LookupError("nothing is where it should be")

    c.tell(lambda: c.run(Component("hopeless", API_SERVER, hopeless)))
    for _ in range(200):
        c.clock.advance(1)
    assert c._readiness()["hopeless"] is False
    said = rf"hopeless failed {MOST_FAILURES} times in a row and is given up: LookupError\('nothing is where it should be'\)"
    with pytest.raises(GivenUp, match=said):
        c.call(c.until_given_up())
    c._tasks.crashes.clear()


def test_a_component_may_say_itself_that_it_is_ill(c: Cluster) -> None:
    why = "it has no network"

    async def run() -> None:
        await asyncio.Event().wait()

    c.tell(lambda: c.run(Component("proxy", API_SERVER, run, lambda: why)))
    assert c._readiness()["proxy"] is False
    why = ""
    assert "proxy" not in c._readiness()


def test_a_disk_that_is_full_shows_in_readiness_and_ends_by_itself(tmp_path: Path) -> None:
    maps = resource("configmaps")
    new = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": {"k": "v" * 9000}}
    with Cluster(nodes=0, serve=False, data_dir=tmp_path) as c:
        c.tell(lambda: c.store._db.execute("PRAGMA max_page_count = 1"))  # type: ignore[attr-defined]
        with pytest.raises(StatusError, match="writing to the store failed: database or disk is full") as refused:
            c.client.create(maps, "default", new)
        assert refused.value.code == 500
        assert c._readiness()["store"] is False
        assert c.client.list(maps, "default") is not None
        c.tell(lambda: c.store._db.execute("PRAGMA max_page_count = 1000000"))  # type: ignore[attr-defined]
        c.client.create(maps, "default", new)
        assert c._readiness()["store"] is True
    with Cluster(nodes=0, serve=False, data_dir=tmp_path) as c:
        assert c.client.get(maps, "default", "m")["data"] == new["data"]
