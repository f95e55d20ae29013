from __future__ import annotations

import time

import pytest
from procedure import release

from wherry import SyncCluster, resource

pytestmark = pytest.mark.wherry(time="virtual", seed=1, manifests="app.yaml")
PODS = resource("pods")


@pytest.fixture(autouse=True)
def up(cluster: SyncCluster) -> None:
    cluster.rollout("deployment/web").finished()


def test_a_good_release(cluster: SyncCluster) -> None:
    outcome = release(cluster, "web", "web:v2")
    assert outcome.released
    assert outcome.seconds < 60


def test_a_release_without_an_image_goes_back_after_the_deadline(cluster: SyncCluster) -> None:
    """Ten minutes of progress deadline, in a moment."""
    begun = time.perf_counter()
    with cluster.faults.image_missing("web:v2"):
        outcome = release(cluster, "web", "web:v2")
    assert not outcome.released
    assert 600 <= outcome.seconds <= 620
    assert 'ImagePullBackOff: image "web:v2"' in outcome.cause
    assert time.perf_counter() - begun < 30
    assert {pod["spec"]["containers"][0]["image"] for pod in cluster.client.list(PODS, "default").items} == {"web:v1"}


def test_a_node_that_dies_in_the_middle_only_delays_it(cluster: SyncCluster) -> None:
    with cluster.faults.slow_ready("app=web", "40s"):
        cluster.faults.node_lost("sim-0")
        assert release(cluster, "web", "web:v2").released


def test_enough_pods_serve_all_the_time(cluster: SyncCluster) -> None:
    fewest = 4

    def watch(old: object, new: object) -> None:
        nonlocal fewest
        conditions = [pod["status"].get("conditions", ()) for pod in pods.items()]
        fewest = min(fewest, sum(any(c["type"] == "Ready" and c["status"] == "True" for c in each) for each in conditions))

    cluster.clock.advance("1m")
    pods = cluster.informers.of(PODS)
    cluster.tell(lambda: pods.add_handler(watch))
    with cluster.faults.slow_ready("app=web", "30s"):
        assert release(cluster, "web", "web:v2").seconds >= 60
    assert fewest == 3
