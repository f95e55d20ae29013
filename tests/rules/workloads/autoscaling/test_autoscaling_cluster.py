"""Autoscaling in a whole cluster on virtual time: what simulated pods use makes workloads grow and shrink, and metrics.k8s.io shows it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cluster.virtual_time.virtual_cluster import DEPLOYMENTS, EVENTS, PODS, deployment, on_cluster, until
from wherry import Cluster
from wherry.api.errors import NotFound
from wherry.api.objects import Obj, name
from wherry.api.options import MERGE_PATCH
from wherry.api.resources import resource
from wherry.rules.pods.metrics.objects import NODES as NODE_METRICS
from wherry.rules.pods.metrics.objects import PODS as POD_METRICS

AUTOSCALERS = resource("horizontalpodautoscalers", "autoscaling", "v2")


def workload(cpu: str, replicas: int = 2, request: str = "100m") -> Obj:
    made = deployment("web", replicas=replicas)
    template = made["spec"]["template"]
    template["metadata"]["annotations"] = {"wherry.dev/cpu": cpu, "wherry.dev/memory": "64Mi"}
    template["spec"]["containers"][0]["resources"] = {"requests": {"cpu": request, "memory": "128Mi"}} if request else {}
    return made


def autoscaler(most: int = 10, least: int = 1, percent: int = 50, **spec: Any) -> Obj:
    ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    metric = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": percent}}}
    body = {"scaleTargetRef": ref, "minReplicas": least, "maxReplicas": most, "metrics": [metric], **spec}
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"}, "spec": body}


async def replicas(cluster: Cluster) -> int:
    return int((await cluster.client.get(DEPLOYMENTS, "default", "web"))["spec"]["replicas"])


async def reaches(cluster: Cluster, wanted: int) -> float:
    async def there() -> bool:
        return await replicas(cluster) == wanted

    return (await until(cluster, there))[1]


async def conditions(cluster: Cluster) -> dict[str, tuple[str, str]]:
    status = (await cluster.client.get(AUTOSCALERS, "default", "web")).get("status") or {}
    return {c["type"]: (c["status"], c["reason"]) for c in status.get("conditions") or ()}


async def told(cluster: Cluster) -> list[str]:
    await cluster.clock.sleep(1)
    events = (await cluster.client.list(EVENTS)).items
    return [f"{e['reason']}: {e['message']}" for e in events if e["involvedObject"]["kind"] == "HorizontalPodAutoscaler"]


def test_a_busy_workload_grows_as_its_usage_says() -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.client.create(DEPLOYMENTS, "default", workload("80m"))
        await cluster.client.create(AUTOSCALERS, "default", autoscaler())
        await reaches(cluster, 4)  # 80 % of what is asked for, 50 % wanted: 2 * 1.6
        assert "SuccessfulRescale: New size: 4; reason: cpu resource utilization (percentage of request) above target" in await told(
            cluster
        )
        await cluster.clock.sleep(60)
        status = (await cluster.client.get(AUTOSCALERS, "default", "web"))["status"]
        current = {"averageUtilization": 80, "averageValue": "80m"}
        assert status["currentMetrics"] == [{"type": "Resource", "resource": {"name": "cpu", "current": current}}]
        assert (await conditions(cluster))["ScalingActive"] == ("True", "ValidMetricFound")
        await reaches(cluster, 10)  # each pod uses the same whatever their number
        assert (await conditions(cluster))["AbleToScale"][0] == "True"
        await cluster.clock.sleep(60)
        assert (await conditions(cluster))["ScalingLimited"] == ("True", "TooManyReplicas")

    on_cluster(story, nodes=2)


def test_a_workload_that_rests_shrinks_after_five_minutes() -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.client.create(DEPLOYMENTS, "default", workload("10m", replicas=8))
        await cluster.client.create(AUTOSCALERS, "default", autoscaler(least=2))
        seconds = await reaches(cluster, 2)
        assert 300 <= seconds <= 340
        assert "SuccessfulRescale: New size: 2; reason: All metrics below target" in await told(cluster)

    on_cluster(story, nodes=2)


def test_usage_within_the_tolerance_changes_nothing() -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.client.create(DEPLOYMENTS, "default", workload("54m", replicas=3))
        await cluster.client.create(AUTOSCALERS, "default", autoscaler())
        await cluster.clock.sleep(900)
        assert await replicas(cluster) == 3
        status = (await cluster.client.get(AUTOSCALERS, "default", "web"))["status"]
        assert (status["currentReplicas"], status["desiredReplicas"]) == (3, 3)

    on_cluster(story, nodes=2)


def test_policies_slow_it_down() -> None:
    up = {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}], "stabilizationWindowSeconds": 0, "selectPolicy": "Max"}

    async def story(cluster: Cluster) -> None:
        await cluster.client.create(DEPLOYMENTS, "default", workload("500m", replicas=1))
        await cluster.client.create(AUTOSCALERS, "default", autoscaler(most=5, behavior={"scaleUp": up}))
        assert await reaches(cluster, 2) < 70
        assert (await conditions(cluster))["ScalingLimited"] == ("True", "ScaleUpLimit")
        for wanted in (3, 4):
            assert 55 <= await reaches(cluster, wanted) <= 80

    on_cluster(story, nodes=2)


def test_a_scale_out_of_bounds_is_put_right_without_metrics() -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.client.create(DEPLOYMENTS, "default", workload("50m", replicas=9, request=""))
        await cluster.client.create(AUTOSCALERS, "default", autoscaler(most=4))
        await reaches(cluster, 4)
        assert "SuccessfulRescale: New size: 4; reason: Current number of replicas above Spec.MaxReplicas" in await told(cluster)

    on_cluster(story, nodes=2)


def test_what_hinders_it_is_told() -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.client.create(AUTOSCALERS, "default", autoscaler())
        await cluster.clock.sleep(20)
        assert (await conditions(cluster)) == {"AbleToScale": ("False", "FailedGetScale")}
        assert 'FailedGetScale: deployments.apps "web" not found' in await told(cluster)
        await cluster.client.create(DEPLOYMENTS, "default", workload("50m", request=""))
        await cluster.clock.sleep(60)
        assert (await conditions(cluster))["ScalingActive"] == ("False", "FailedGetResourceMetric")
        text = " ".join(await told(cluster))
        assert "failed to get cpu utilization: missing request for cpu in container c of Pod web-" in text
        await cluster.client.patch(DEPLOYMENTS, "default", "web", {"spec": {"replicas": 0}}, MERGE_PATCH)
        await cluster.clock.sleep(60)
        assert (await conditions(cluster))["ScalingActive"] == ("False", "ScalingDisabled")
        assert await replicas(cluster) == 0

    on_cluster(story, nodes=2)


def test_pods_and_nodes_have_metrics() -> None:
    async def story(cluster: Cluster) -> None:
        with pytest.raises(NotFound) as missing:
            await cluster.client.get(POD_METRICS, "default", "web-0")
        assert missing.value.message == 'podmetrics.metrics.k8s.io "default/web-0" not found'
        await cluster.client.create(DEPLOYMENTS, "default", workload("80m"))
        await cluster.clock.sleep(5)
        found = (await cluster.client.list(POD_METRICS, "default", label_selector="app=web")).items
        assert [m["containers"] for m in found] == [[{"name": "c", "usage": {"cpu": "80m", "memory": "65536Ki"}}]] * 2
        assert (await cluster.client.list(POD_METRICS, "default", label_selector="app=other")).items == []
        pod = (await cluster.client.list(PODS, "default")).items[0]
        one = await cluster.client.get(POD_METRICS, "default", name(pod))
        assert one["window"] == "15s"
        nodes = (await cluster.client.list(NODE_METRICS)).items
        assert sorted(n["usage"]["cpu"] for n in nodes) in (["80m", "80m"], ["0", "160m"])
        assert (await cluster.client.get(NODE_METRICS, "", "sim-0"))["metadata"]["labels"]["kubernetes.io/hostname"] == "sim-0"

    on_cluster(story, nodes=2)


def test_pods_that_two_autoscalers_claim_are_scaled_by_neither() -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.client.create(DEPLOYMENTS, "default", workload("80m"))
        twin = autoscaler()
        await cluster.client.create(AUTOSCALERS, "default", autoscaler())
        await cluster.client.create(AUTOSCALERS, "default", {**twin, "metadata": {"name": "twin"}})
        await cluster.clock.sleep(31)
        status = (await cluster.client.get(AUTOSCALERS, "default", "web"))["status"]
        active = next(c for c in status["conditions"] if c["type"] == "ScalingActive")
        said = "pods by selector app=web are controlled by multiple HPAs: [default/twin default/web]"
        assert (active["status"], active["reason"], active["message"]) == ("False", "AmbiguousSelector", said)
        assert f"AmbiguousSelector: {said}" in await told(cluster)
        await cluster.client.delete(AUTOSCALERS, "default", "twin")
        await reaches(cluster, 4)

    on_cluster(story, nodes=2)
