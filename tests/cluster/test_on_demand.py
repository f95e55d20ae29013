"""A controller starts with the first object it is for, and acts on what was there before it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from wherry.api.resources import TABLE, resource
from wherry.cluster.cluster import Cluster
from wherry.cluster.controllers import ROWS
from wherry.kit.virtual import run_virtual

SETS, PODS = resource("statefulsets", "apps"), resource("pods")


def running(cluster: Cluster) -> set[str]:
    assert cluster.on_demand is not None
    return set(cluster.on_demand.running)


def stateful_set() -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [{"name": "c", "image": "db:1"}]}}
    spec = {"serviceName": "db", "replicas": 2, "selector": {"matchLabels": {"app": "db"}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db", "namespace": "default"}, "spec": spec}


def test_every_row_names_a_controller_and_tables_that_there_are() -> None:
    tables = {row.group_resource for row in TABLE}
    for row in ROWS:
        assert set(row.tables) <= tables, row.name
    assert len({row.name for row in ROWS}) == len(ROWS)


def test_who_has_nothing_to_do_does_not_run() -> None:
    async def story() -> None:
        async with Cluster(serve=False, nodes=1, seed=1) as cluster:
            await cluster.clock.sleep(5)
            assert "statefulset-controller" not in running(cluster)
            assert cluster.scheduler is None
            assert {"namespace-controller", "garbage-collector-controller", "node-lifecycle-controller"} <= running(cluster)
            await cluster.aclient.create(SETS, "default", stateful_set())
            await cluster.clock.sleep(5)
            assert "statefulset-controller" in running(cluster)
            assert "daemonset-controller" not in running(cluster)
            assert cluster.scheduler is not None
            pods = (await cluster.aclient.list(PODS, "default")).items
            assert sorted(p["metadata"]["name"] for p in pods) == ["db-0", "db-1"]

    run_virtual(story(), epoch=1_750_000_000.0)


def test_what_was_stored_before_the_start_has_its_controller_from_the_start(tmp_path: Path) -> None:
    async def first() -> None:
        async with Cluster(serve=False, data_dir=tmp_path, run_controllers=False, run_nodes=False) as cluster:
            await cluster.aclient.create(SETS, "default", stateful_set())

    async def second() -> None:
        async with Cluster(serve=False, data_dir=tmp_path, nodes=1) as cluster:
            assert "statefulset-controller" in running(cluster)

    from wherry.cluster.thread import new_loop

    for story in (first, second):
        loop = new_loop()
        loop.run_until_complete(story())
        loop.close()
