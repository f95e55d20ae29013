"""The library on a cluster of ours without a server: history, undo, restart, status, waiting; and the same from blocking code over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from tests.rollout.workloads import DEPLOYMENTS, STATEFUL_SETS, deployment, template
from wherry import Cluster
from wherry.api.errors import NotFound
from wherry.api.options import STRATEGIC_PATCH
from wherry.client.http import HttpClient
from wherry.client.kubeconfig import Overrides, load
from wherry.rollout import Blocking, Rollout, RolloutError


def on_a_cluster(work: Callable[[Any], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with Cluster(nodes=2, serve=False) as cluster:
            await asyncio.wait_for(work(cluster.client), 30)

    asyncio.run(whole())


async def update(client: Any, image: str, cause: str = "") -> None:
    patch: dict[str, Any] = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": image}]}}}}
    if cause:
        patch["metadata"] = {"annotations": {"kubernetes.io/change-cause": cause}}
    await client.patch(DEPLOYMENTS, "default", "web", patch, STRATEGIC_PATCH)


def test_a_deployment_is_rolled_out_undone_and_restarted() -> None:
    async def work(client: Any) -> None:
        await client.create(DEPLOYMENTS, "default", deployment())
        rollout = Rollout(client, "deployment/web")
        await rollout.wait(10)
        await update(client, "nginx:2", "second")
        await rollout.wait(10)
        assert [(r.number, r.change_cause, r.images) for r in await rollout.history()] == [(1, "", ["nginx:1"]), (2, "second", ["nginx:2"])]
        undone = await rollout.undo()
        assert (undone.revision, undone.changed) == (1, True)
        assert (await rollout.wait(10)).message == 'deployment "web" successfully rolled out'
        assert not (await rollout.undo(3)).changed
        await rollout.restart(cause="fresh pods")
        await rollout.wait(10)
        assert [r.number for r in await rollout.history()] == [2, 3, 4]
        with pytest.raises(RolloutError, match="unable to find specified revision 9 in history"):
            await rollout.undo(9)

    on_a_cluster(work)


def test_status_ends_with_the_rollout_and_counts_on_the_way() -> None:
    async def work(client: Any) -> None:
        await client.create(DEPLOYMENTS, "default", deployment(replicas=4))
        steps = [step async for step in Rollout(client, "deploy/web").status()]
        assert steps[-1].done
        assert (steps[-1].wanted, steps[-1].updated, steps[-1].available) == (4, 4, 4)
        assert not any(step.done for step in steps[:-1])

    on_a_cluster(work)


def test_a_dry_run_and_a_pause() -> None:
    async def work(client: Any) -> None:
        await client.create(DEPLOYMENTS, "default", deployment())
        rollout = Rollout(client, "deployment/web")
        await rollout.wait(10)
        await update(client, "nginx:2")
        await rollout.wait(10)
        assert (await rollout.undo(dry_run=True)).changed
        assert (await rollout.workload())["spec"]["template"]["spec"]["containers"][0]["image"] == "nginx:2"
        await rollout.pause()
        with pytest.raises(RolloutError, match="paused"):
            await rollout.undo()
        await rollout.resume()

    on_a_cluster(work)


def test_what_is_not_there_is_not_found_and_what_goes_is_deleted() -> None:
    async def work(client: Any) -> None:
        with pytest.raises(NotFound):
            await Rollout(client, "deployment/web").history()
        await client.create(DEPLOYMENTS, "default", deployment(image="does-not-exist"))
        waiting = asyncio.create_task(Rollout(client, "deployment/web").wait())
        await asyncio.sleep(0.05)
        await client.delete(DEPLOYMENTS, "default", "web")
        with pytest.raises(RolloutError, match="object has been deleted"):
            await waiting

    on_a_cluster(work)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster(nodes=2) as running:
        yield running


def test_blocking_code_over_http_does_the_same(cluster: Cluster) -> None:
    def connect() -> HttpClient:
        return HttpClient(load(Overrides(kubeconfig=cluster.kubeconfig), {}))

    async def create() -> None:
        async with connect() as client:
            await client.create(DEPLOYMENTS, "default", deployment())

    asyncio.run(create())
    with Blocking(connect, "deployment/web") as web:
        web.wait(10)
        web.restart()
        assert list(web.status())[-1].done
        assert [r.number for r in web.history()] == [1, 2]
        assert web.undo().changed
        assert web.wait(10).done


def test_a_stateful_set_goes_back_by_its_controller_revisions(cluster: Cluster) -> None:
    body = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db", "namespace": "default"},
            "spec": {"replicas": 2, "serviceName": "db", "selector": {"matchLabels": {"app": "web"}}, "template": template("nginx:1")}}

    async def work() -> list[tuple[int, list[str]]]:
        async with HttpClient(load(Overrides(kubeconfig=cluster.kubeconfig), {})) as client:
            await client.create(STATEFUL_SETS, "default", body)
            rollout = Rollout(client, "sts/db")
            await rollout.wait(20)
            patch = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "nginx:2"}]}}}}
            await client.patch(STATEFUL_SETS, "default", "db", patch, STRATEGIC_PATCH)
            await rollout.wait(20)
            assert (await rollout.undo()).revision == 1
            await rollout.wait(20)
            return [(r.number, r.images) for r in await rollout.history()]

    assert asyncio.run(work()) == [(2, ["nginx:2"]), (3, ["nginx:1"])]
