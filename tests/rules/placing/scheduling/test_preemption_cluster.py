"""Preemption in a whole cluster on virtual time: a claim that one pod may use, a budget, and a pod that waits for its victims."""

from __future__ import annotations

from typing import Any

from tests.cluster.virtual_time.virtual_cluster import on_cluster
from tests.rules.storage.test_storage_cluster import CLAIMS, PODS, claim, phase, pod, running
from wherry import Cluster
from wherry.api.objects import Obj, name
from wherry.api.resources import resource

CLASSES, BUDGETS = resource("priorityclasses", "scheduling.k8s.io"), resource("poddisruptionbudgets", "policy")


async def important(cluster: Cluster) -> None:
    head = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "high"}, "value": 1000}
    await cluster.client.create(CLASSES, "", head)


def asking(called: str, cpu: str, labels: dict[str, str] | None = None, **spec: Any) -> Obj:
    made = pod(called, **spec)
    made["metadata"]["labels"] = labels or {}
    made["spec"]["containers"][0]["resources"] = {"requests": {"cpu": cpu}}
    return made


def test_the_holder_of_a_claim_for_one_pod_makes_way() -> None:
    async def story(cluster: Cluster) -> None:
        await important(cluster)
        await cluster.client.create(CLAIMS, "default", claim("mine", accessModes=["ReadWriteOncePod"]))
        await phase(cluster, "mine")
        await cluster.client.create(PODS, "default", pod("low", "mine"))
        await running(cluster, "low")
        await cluster.client.create(PODS, "default", pod("bystander"))
        await running(cluster, "bystander")
        await cluster.client.create(PODS, "default", pod("high", "mine", priorityClassName="high"))
        await running(cluster, "high")
        assert sorted(name(p) for p in (await cluster.client.list(PODS, "default")).items) == ["bystander", "high"]

    on_cluster(story, nodes=2)


def test_a_pod_without_a_budget_makes_way_before_one_with() -> None:
    async def story(cluster: Cluster) -> None:
        await important(cluster)
        spec = {"minAvailable": 1, "selector": {"matchLabels": {"app": "db"}}}
        budget = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "db"}, "spec": spec}
        await cluster.client.create(BUDGETS, "default", budget)
        node = (await cluster.client.list(resource("nodes"))).items[0]
        most = int(node["status"]["allocatable"]["cpu"])
        half = str(most // 2)
        for called, labels in (("guarded", {"app": "db"}), ("free", {"app": "web"})):
            await cluster.client.create(PODS, "default", asking(called, half, labels))
            await running(cluster, called)
        await cluster.client.create(PODS, "default", asking("high", half, priorityClassName="high"))
        await running(cluster, "high")
        assert sorted(name(p) for p in (await cluster.client.list(PODS, "default")).items) == ["guarded", "high"]

    on_cluster(story, nodes=1)
