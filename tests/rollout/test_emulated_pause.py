"""StatefulSets and DaemonSets paused by their update strategy: what is written, what is remembered, and what the pods do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.rollout.workloads import DEPLOYMENTS, STATEFUL_SETS, deployment, template
from wherry import Cluster
from wherry.api.objects import Obj
from wherry.api.options import STRATEGIC_PATCH
from wherry.api.resources import Resource, resource
from wherry.kit.virtual import run_virtual
from wherry.rollout import Rollout, emulation
from wherry.rollout.errors import Paused, RolloutError, Unsupported

PODS, DAEMON_SETS = resource("pods"), resource("daemonsets", "apps")
NEW = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "nginx:2"}]}}}}


def stateful_set(**spec: Any) -> Obj:
    own = {"serviceName": "db", "replicas": 3, "selector": {"matchLabels": {"app": "web"}}, "template": template(), **spec}
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db", "namespace": "default"}, "spec": own}


def daemon_set(**spec: Any) -> Obj:
    own = {"selector": {"matchLabels": {"app": "web"}}, "template": template(), **spec}
    return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "agent", "namespace": "default"}, "spec": own}


def on_cluster(work: Callable[[Cluster], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with Cluster(nodes=3, serve=False, seed=1, test_mode=True) as cluster:
            await work(cluster)

    run_virtual(whole())


async def images(cluster: Cluster) -> set[str]:
    return {pod["spec"]["containers"][0]["image"] for pod in (await cluster.aclient.list(PODS, "default")).items}


@pytest.mark.parametrize(
    ("row", "manifest", "paused"),
    [
        (
            STATEFUL_SETS,
            stateful_set(updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}),
            {"type": "RollingUpdate", "rollingUpdate": {"partition": 2**31 - 1}},
        ),
        (
            DAEMON_SETS,
            daemon_set(updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}),
            {"type": "OnDelete"},
        ),
    ],
)
def test_changes_wait_until_it_is_resumed(row: Resource, manifest: Obj, paused: Obj) -> None:
    async def work(cluster: Cluster) -> None:
        client, name = cluster.aclient, manifest["metadata"]["name"]
        made = await client.create(row, "default", manifest)
        rollout = Rollout(client, f"{row.singular}/{name}")
        await rollout.wait(60)
        held = await rollout.pause(emulate=True)
        assert held["spec"]["updateStrategy"] == paused
        await client.patch(row, "default", name, NEW, STRATEGIC_PATCH)
        await cluster.clock.sleep(60)
        assert await images(cluster) == {"nginx:1"}
        with pytest.raises(Paused, match="is already paused"):
            await rollout.pause(emulate=True)
        with pytest.raises(Paused, match="can't restart paused"):
            await rollout.restart()
        freed = await rollout.resume(emulate=True)
        assert freed["spec"]["updateStrategy"] == made["spec"]["updateStrategy"]
        assert emulation.REMEMBERED not in freed["metadata"].get("annotations", {})
        await cluster.clock.sleep(60)
        assert "nginx:2" in await images(cluster)
        with pytest.raises(Paused, match="is not paused"):
            await rollout.resume(emulate=True)

    on_cluster(work)


def test_without_being_asked_the_refusal_stays() -> None:
    async def work(cluster: Cluster) -> None:
        await cluster.aclient.create(STATEFUL_SETS, "default", stateful_set())
        rollout = Rollout(cluster.aclient, "statefulset/db")
        for refused in (rollout.pause, rollout.resume):
            with pytest.raises(Unsupported):
                await refused()

    on_cluster(work)


def test_a_deployment_is_paused_as_ever() -> None:
    async def work(cluster: Cluster) -> None:
        await cluster.aclient.create(DEPLOYMENTS, "default", deployment())
        rollout = Rollout(cluster.aclient, "deployment/web")
        assert (await rollout.pause(emulate=True))["spec"]["paused"] is True
        assert "paused" not in (await rollout.resume(emulate=True))["spec"]

    on_cluster(work)


def test_a_strategy_that_somebody_changed_meanwhile_stays() -> None:
    marked = daemon_set(updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 3}})
    marked["metadata"]["annotations"] = {emulation.REMEMBERED: '{"type":"RollingUpdate"}'}
    spec: Any = emulation.resume(marked).patch["spec"]
    assert spec == {"updateStrategy": {"$patch": "replace", "type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 3}}}


def test_what_cannot_be_paused_or_resumed_is_refused() -> None:
    with pytest.raises(Unsupported, match="there is nothing to pause"):
        emulation.pause(daemon_set(updateStrategy={"type": "OnDelete"}))
    broken = stateful_set()
    broken["metadata"]["annotations"] = {emulation.REMEMBERED: "[]"}
    with pytest.raises(RolloutError, match="is no update strategy"):
        emulation.resume(broken)
    with pytest.raises(Unsupported):
        emulation.pause({"kind": "Job", "metadata": {}, "spec": {}})


def test_a_pause_is_written_against_the_version_that_was_seen() -> None:
    async def work(cluster: Cluster) -> None:
        client = cluster.aclient
        old = await client.create(DAEMON_SETS, "default", daemon_set())
        await Rollout(client, f"daemonset/{old['metadata']['name']}").wait(60)
        # `old` is not the newest version any more: looked at again instead of overwritten
        held = await Rollout(client, f"daemonset/{old['metadata']['name']}", known=old).pause(emulate=True)
        assert held["spec"]["updateStrategy"] == {"type": "OnDelete"}

    on_cluster(work)
