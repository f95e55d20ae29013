"""A ReplicationController on a real registry: the ReplicaSet's rules, behind the older kind."""

from __future__ import annotations

from tests.worlds.memory import template
from tests.worlds.registry import PODS, Cluster, play
from tests.worlds.standings import standing
from wherry.api import objects
from wherry.api.objects import Obj
from wherry.api.resources import resource
from wherry.controllers.replicationcontroller import ReplicationControllerController
from wherry.reconcile import Controller, Parts
from wherry.rules.workloads.replicaset.replicationcontroller import as_replica_set, plan_status

CONTROLLERS = resource("replicationcontrollers")


def controllers(parts: Parts) -> list[Controller]:
    return [ReplicationControllerController(parts)]


def manifest(**spec: object) -> Obj:
    given = {"replicas": 2, "selector": {"app": "web"}, "template": template("nginx:1"), **spec}
    return {"apiVersion": "v1", "kind": "ReplicationController", "metadata": {"name": "web", "namespace": "default"}, "spec": given}


def test_pods_are_made_counted_and_scaled() -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.client.create(CONTROLLERS, "default", manifest())
        await cluster.run_pods()
        assert len(await cluster.pods()) == 2
        found = await cluster.client.get(CONTROLLERS, "default", "web")
        counts = {"replicas": 2, "fullyLabeledReplicas": 2, "readyReplicas": 2, "availableReplicas": 2, "observedGeneration": 1}
        assert found["status"] == counts
        assert found["spec"]["selector"] == {"app": "web"}
        scale = await cluster.client.get(CONTROLLERS, "default", "web", subresource="scale")
        await cluster.client.update(CONTROLLERS, {**scale, "spec": {"replicas": 1}}, subresource="scale")
        await cluster.run_pods()
        assert len(await cluster.pods()) == 1
        assert sorted({t.partition(":")[0] for t in await cluster.told()}) == ["SuccessfulCreate", "SuccessfulDelete"]

    play(controllers, story)


def test_a_matching_pod_is_acquired_and_one_that_no_longer_matches_released() -> None:
    async def story(cluster: Cluster) -> None:
        lonely = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "lonely", "namespace": "default", "labels": {"app": "web"}}}
        await cluster.client.create(PODS, "default", {**lonely, "spec": template("nginx:1")["spec"]})
        await cluster.client.create(CONTROLLERS, "default", manifest())
        await cluster.run_pods()
        pods = await cluster.pods()
        assert len(pods) == 2
        assert "lonely" in pods
        pod = await cluster.client.get(PODS, "default", "lonely")
        assert objects.controller_of(pod)["kind"] == "ReplicationController"  # type: ignore[index]
        await cluster.client.update(PODS, objects.with_metadata(pod, labels={"app": "other"}))
        await cluster.run_pods()
        assert objects.controller_of(await cluster.client.get(PODS, "default", "lonely")) is None
        assert len(await cluster.pods()) == 3

    play(controllers, story)


def test_the_status_does_not_count_terminating_pods_and_is_written_once() -> None:
    top = objects.with_metadata(manifest(), generation=1)
    pods = standing(as_replica_set(top), [], [manifest()], 0.0)
    written = plan_status(top, pods, None, 0.0).actions[0].obj  # type: ignore[union-attr]
    assert written["status"] == {"replicas": 0, "observedGeneration": 1}
    assert plan_status(written, pods, None, 0.0).actions == ()


def test_a_selector_is_read_as_labels() -> None:
    assert as_replica_set(manifest())["spec"]["selector"] == {"matchLabels": {"app": "web"}}
