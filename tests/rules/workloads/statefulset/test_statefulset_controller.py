"""The StatefulSet controller on a real registry: what it writes is accepted, and every change that matters wakes it."""

from __future__ import annotations

from tests.rules.workloads.statefulset.stateful_world import claim_template, stateful_set
from tests.worlds.memory import template
from tests.worlds.registry import CLAIMS, PODS, REVISIONS, Cluster, play
from wherry.api import objects
from wherry.api.objects import Obj
from wherry.api.options import DeleteOptions
from wherry.api.resources import resource
from wherry.controllers.statefulset import StatefulSetController
from wherry.reconcile import Controller, Parts

SETS = resource("statefulsets", "apps")


def controllers(parts: Parts) -> list[Controller]:
    return [StatefulSetController(parts)]


def manifest(**spec: object) -> Obj:
    return objects.with_metadata(stateful_set(**spec), namespace="default")  # type: ignore[arg-type]


def test_pods_and_claims_come_in_order_and_the_status_says_so() -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.client.create(SETS, "default", manifest(volumeClaimTemplates=[claim_template()]))
        await cluster.settle()
        assert await cluster.pods() == ["web-0"]
        await cluster.run_pods()
        assert await cluster.pods() == ["web-0", "web-1", "web-2"]
        assert [objects.name(c) for c in await cluster.all(CLAIMS)] == ["data-web-0", "data-web-1", "data-web-2"]
        pod = await cluster.client.get(PODS, "default", "web-1")
        assert (pod["spec"]["hostname"], pod["spec"]["subdomain"]) == ("web-1", "web")
        assert pod["metadata"]["labels"]["apps.kubernetes.io/pod-index"] == "1"
        status = (await cluster.client.get(SETS, "default", "web"))["status"]
        assert (status["replicas"], status["availableReplicas"], status["updatedReplicas"], status["collisionCount"]) == (3, 3, 3, 0)
        told = await cluster.told()
        assert "SuccessfulCreate: Create Claim data-web-0 Pod web-0 in StatefulSet web success" in told
        assert "SuccessfulCreate: Create Pod web-0 in StatefulSet web successful" in told

    play(controllers, story)


def test_an_update_and_its_undoing_are_revisions() -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.client.create(SETS, "default", manifest())
        await cluster.run_pods()
        for image in ("nginx:2", "nginx:1"):
            await cluster.edit(SETS, "web", template=template(image))
            await cluster.run_pods()
            assert await cluster.images() == [image] * 3
        kept = {r["data"]["spec"]["template"]["spec"]["containers"][0]["image"]: r["revision"] for r in await cluster.all(REVISIONS)}
        assert kept == {"nginx:2": 2, "nginx:1": 3}
        status = (await cluster.client.get(SETS, "default", "web"))["status"]
        assert status["currentRevision"] == status["updateRevision"]

    play(controllers, story)


def test_a_pod_waits_for_the_end_of_its_old_claim() -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.client.create(SETS, "default", manifest(replicas=1, volumeClaimTemplates=[claim_template()]))
        await cluster.run_pods()
        claim = await cluster.client.get(CLAIMS, "default", "data-web-0")
        await cluster.client.update(CLAIMS, objects.with_metadata(claim, finalizers=["example.com/hold"]))
        await cluster.client.delete(CLAIMS, "default", "data-web-0")
        await cluster.client.delete(PODS, "default", "web-0", DeleteOptions(grace_period_seconds=0))
        await cluster.settle()
        assert await cluster.pods() == []
        assert "FailedCreate: Create Pod web-0 in StatefulSet web failed error: pvc data-web-0 is being deleted" in await cluster.told()
        claim = await cluster.client.get(CLAIMS, "default", "data-web-0")
        await cluster.client.update(CLAIMS, objects.with_metadata(claim, finalizers=None))
        await cluster.settle(0.5)
        assert await cluster.pods() == ["web-0"]

    play(controllers, story)


def test_claims_of_pods_scaled_away_are_owned_by_them() -> None:
    async def story(cluster: Cluster) -> None:
        policy = {"whenDeleted": "Delete", "whenScaled": "Delete"}
        made = manifest(replicas=2, volumeClaimTemplates=[claim_template()], persistentVolumeClaimRetentionPolicy=policy)
        await cluster.client.create(SETS, "default", made)
        await cluster.run_pods()
        owners = [c["metadata"]["ownerReferences"][0]["kind"] for c in await cluster.all(CLAIMS)]
        assert owners == ["StatefulSet", "StatefulSet"]
        await cluster.edit(SETS, "web", replicas=1)
        await cluster.settle()
        owners = [c["metadata"]["ownerReferences"][0]["kind"] for c in await cluster.all(CLAIMS)]
        assert owners == ["StatefulSet", "Pod"]

    play(controllers, story)


def test_a_pod_becomes_available_without_any_change() -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.client.create(SETS, "default", manifest(replicas=2, minReadySeconds=20))
        await cluster.run_pods()
        assert await cluster.pods() == ["web-0"]
        await cluster.settle(25)
        assert await cluster.pods() == ["web-0", "web-1"]

    play(controllers, story)


def test_an_orphan_with_a_members_name_is_adopted_and_others_are_let_go() -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.client.create(SETS, "default", manifest(replicas=1))
        await cluster.run_pods()
        pod = await cluster.client.get(PODS, "default", "web-0")
        await cluster.client.update(PODS, objects.with_metadata(pod, ownerReferences=None))
        await cluster.settle()
        pod = await cluster.client.get(PODS, "default", "web-0")
        assert objects.controller_of(pod)["name"] == "web"  # type: ignore[index]
        await cluster.client.update(PODS, objects.with_metadata(pod, labels={"app": "other"}))
        await cluster.settle()
        assert objects.controller_of(await cluster.client.get(PODS, "default", "web-0")) is None

    play(controllers, story)
