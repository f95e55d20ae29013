"""What takes minutes or hours on a real cluster, on virtual time: deadlines, minimum times, back-off, leases."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.cluster.virtual_time.virtual_cluster import DEPLOYMENTS, EPOCH, EVENTS, PODS, condition, deployment, on_cluster, until
from wherry import Cluster
from wherry.api import timestamps
from wherry.api.resources import resource


def test_the_progress_deadline_strikes_after_600_seconds() -> None:
    async def story(cluster: Cluster) -> tuple[Any, float]:
        await cluster.client.create(DEPLOYMENTS, "default", deployment("web", "nginx:999.999"))

        async def exceeded() -> Any:
            found = await condition(cluster, "web", "Progressing")
            return found if found.get("reason") == "ProgressDeadlineExceeded" else None

        return await until(cluster, exceeded)

    found, seconds = on_cluster(story)
    assert found["status"] == "False"
    assert "has timed out progressing" in found["message"]
    assert 600 <= seconds < 603


def test_a_pod_is_available_after_min_ready_seconds() -> None:
    async def story(cluster: Cluster) -> float:
        await cluster.client.create(DEPLOYMENTS, "default", deployment("web", minReadySeconds=30))

        async def ready() -> Any:
            return (await cluster.client.get(DEPLOYMENTS, "default", "web")).get("status", {}).get("readyReplicas") == 2

        async def available() -> Any:
            return (await cluster.client.get(DEPLOYMENTS, "default", "web")).get("status", {}).get("availableReplicas") == 2

        await until(cluster, ready)
        return (await until(cluster, available))[1]

    assert 28.5 <= on_cluster(story) <= 31


def test_min_ready_seconds_hold_back_an_update() -> None:
    async def story(cluster: Cluster) -> float:
        await cluster.client.create(DEPLOYMENTS, "default", deployment("web", replicas=4, minReadySeconds=10))
        await cluster.clock.sleep(60)
        change = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "nginx:2"}]}}}}
        await cluster.client.patch(DEPLOYMENTS, "default", "web", change, "application/strategic-merge-patch+json")

        async def done() -> Any:
            status = (await cluster.client.get(DEPLOYMENTS, "default", "web"))["status"]
            counts = {status.get(name) for name in ("updatedReplicas", "availableReplicas", "replicas")}
            return status["observedGeneration"] == 2 and counts == {4}

        return (await until(cluster, done))[1]

    # one more and one less at a time: two waves of pods, each available ten seconds after it is ready
    assert 19 <= on_cluster(story) <= 24


def test_image_pull_back_off_doubles() -> None:
    async def story(cluster: Cluster) -> list[float]:
        begun = cluster.clock.now()
        pulls: list[float] = []

        def seen(old: Any, new: Any) -> None:
            if new is not None and new["reason"] == "Failed" and "Failed to pull" in new["message"]:
                pulls.append(cluster.clock.now() - begun)

        await cluster.client.create(DEPLOYMENTS, "default", deployment("web", "nginx:999.999", replicas=1))
        cluster.informers.of(EVENTS).add_handler(seen)
        await cluster.clock.sleep(2000)
        return pulls

    pulls = on_cluster(story)
    gaps = [later - earlier for earlier, later in itertools.pairwise(pulls)]
    # a recorder lets 25 events about one object through, then one every five minutes: later pulls go unrecorded
    assert gaps[:4] == pytest.approx([10, 20, 40, 80], abs=1)


def test_a_crashing_container_is_restarted_later_and_later() -> None:
    async def story(cluster: Cluster) -> tuple[list[float], str]:
        crashing = deployment("web", replicas=1)
        crashing["spec"]["template"]["metadata"]["annotations"] = {"wherry.dev/simulated-exit-code": "1"}
        begun = cluster.clock.now()
        restarts: dict[int, float] = {}
        waiting = ""

        def seen(old: Any, new: Any) -> None:
            nonlocal waiting
            for status in ((new or {}).get("status") or {}).get("containerStatuses") or ():
                restarts.setdefault(status["restartCount"], cluster.clock.now() - begun)
                waiting = status["state"].get("waiting", {}).get("reason", waiting)

        await cluster.client.create(DEPLOYMENTS, "default", crashing)
        cluster.informers.of(PODS).add_handler(seen)
        await cluster.clock.sleep(1500)
        # the first restart comes at once: count 0 and 1 are one sight
        assert 1 in restarts
        return [restarts[n] for n in sorted(restarts) if n], waiting

    restarts, waiting = on_cluster(story)
    gaps = [later - earlier for earlier, later in itertools.pairwise(restarts)]
    assert waiting == "CrashLoopBackOff"
    assert gaps[:7] == pytest.approx([10, 20, 40, 80, 160, 300, 300], abs=1)


def test_node_leases_are_renewed_for_an_hour() -> None:
    leases = resource("leases", "coordination.k8s.io")

    async def story(cluster: Cluster) -> tuple[list[float], list[str]]:
        times: list[float] = []

        def seen(old: Any, new: Any) -> None:
            if new is not None and new["metadata"]["name"] == "sim-0":
                times.append(cluster.clock.now())

        cluster.informers.of(leases).add_handler(seen)
        await cluster.clock.sleep(3600)
        nodes = (await cluster.client.list(resource("nodes"))).items
        ready = [c["status"] for node in nodes for c in node["status"]["conditions"] if c["type"] == "Ready"]
        lease = await cluster.client.get(leases, "kube-node-lease", "sim-0")
        assert timestamps.parse(lease["spec"]["renewTime"]) > EPOCH + 3580
        return times, ready

    times, ready = on_cluster(story)
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert max(gaps) < 20, "a lease of 40 seconds is renewed every ten"
    assert len(gaps) > 300
    assert ready == ["True"] * 3


@pytest.mark.parametrize("nodes", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_a_day_passes_in_no_time(nodes: int) -> None:
    async def story(cluster: Cluster) -> float:
        begun = cluster.clock.now()
        await cluster.clock.sleep(6 * 3600)
        return cluster.clock.now() - begun

    assert on_cluster(story, nodes=nodes) >= 6 * 3600
