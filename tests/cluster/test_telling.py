"""What a cluster tells of itself: metrics under the reference's names, and views for administrators."""

from __future__ import annotations

import json
import ssl
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from wherry import Cluster
from wherry.api.resources import resource
from wherry.cluster.telling import tasks

DEPLOYMENTS = resource("deployments", "apps")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster(nodes=2) as running:
        labels = {"app": "web"}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
        body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "default"},
                "spec": {"replicas": 3, "selector": {"matchLabels": labels}, "template": template}}  # fmt: skip
        running.client.create(DEPLOYMENTS, "default", body)
        running.client.create(DEPLOYMENTS, "default", _too_large(body))
        running.rollout("deployment/web").finished()
        yield running


def _too_large(body: dict[str, Any]) -> dict[str, Any]:
    large = json.loads(json.dumps(body))
    large["metadata"]["name"] = "large"
    large["spec"]["replicas"] = 1
    large["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "1000"}}
    return large  # type: ignore[no-any-return]


def get(cluster: Cluster, path: str, accept: str = "", token: str | None = None) -> tuple[str, str]:
    assert cluster.pki is not None
    context = ssl.create_default_context(cadata=cluster.pki.ca_pem)
    headers = {"Authorization": f"Bearer {token or cluster.pki.token}", **({"Accept": accept} if accept else {})}
    with urllib.request.urlopen(urllib.request.Request(cluster.url + path, headers=headers), context=context) as answer:
        return answer.read().decode(), answer.headers["Content-Type"]


def metrics(cluster: Cluster) -> dict[str, list[tuple[dict[str, str], float]]]:
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(get(cluster, "/metrics")[0]):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def test_requests_are_counted_by_what_they_are_about(cluster: Cluster) -> None:
    for _ in range(2):
        get(cluster, "/apis/apps/v1/namespaces/default/deployments/web")
    found = metrics(cluster)
    labels = {"verb": "GET", "group": "apps", "version": "v1", "resource": "deployments", "subresource": "", "scope": "resource",
              "dry_run": "", "component": "apiserver"}  # fmt: skip
    assert ({**labels, "code": "200"}, 2.0) in found["apiserver_request_total"]
    assert (labels, 2.0) in found["apiserver_request_duration_seconds_count"]
    buckets = [value for of, value in found["apiserver_request_duration_seconds_bucket"] if {**of, "le": ""} == {**labels, "le": ""}]
    assert buckets == sorted(buckets)
    assert buckets[-1] == 2.0
    assert found["apiserver_current_inflight_requests"] == [({"request_kind": ""}, 1.0)]  # the one that asks


def test_work_queues_informers_store_and_scheduler_are_counted(cluster: Cluster) -> None:
    found = metrics(cluster)

    def value(metric: str, /, **labels: str) -> float:
        (only,) = [value for of, value in found[metric] if of == labels]
        return only

    assert value("workqueue_adds_total", name="deployment") >= 2
    worked = value("workqueue_work_duration_seconds_count", name="deployment")
    assert worked == value("workqueue_queue_duration_seconds_count", name="deployment") >= 2
    assert value("workqueue_depth", name="deployment") == 0
    assert value("running_managed_controllers", manager="kube-controller-manager", name="replicaset-controller") == 1
    assert value("reflector_lists_total", name="pods") >= 1
    assert value("wherry_informer_objects", name="pods") == 4
    assert value("apiserver_resource_objects", group="", resource="pods") == 4
    assert value("apiserver_resource_objects", group="apps", resource="replicasets") == 2
    assert value("scheduler_schedule_attempts_total", result="scheduled", profile="default-scheduler") == 3
    assert value("scheduler_schedule_attempts_total", result="unschedulable", profile="default-scheduler") >= 1
    assert value("scheduler_pending_pods", queue="unschedulable") == 1
    assert value("wherry_store_failed") == 0
    assert value("process_open_fds") > 3


def test_openmetrics_is_given_to_who_accepts_it(cluster: Cluster) -> None:
    text, content_type = get(cluster, "/metrics", accept="application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text; version=1.0.0")
    assert "apiserver_request" in {family.name for family in read_openmetrics(text)}
    assert get(cluster, "/metrics")[1].startswith("text/plain; version=0.0.4")


def test_administrators_see_tasks_queues_informers_and_components(cluster: Cluster) -> None:
    assert json.loads(get(cluster, "/debug")[0]) == {"paths": [f"/debug/{name}" for name in ("components", "informers", "queues", "tasks")]}
    shown = {name: json.loads(get(cluster, f"/debug/{name}")[0]) for name in ("components", "informers", "queues", "tasks")}
    assert shown["queues"]["deployment"] == {"ready": [], "inWork": {}, "later": shown["queues"]["deployment"]["later"], "failures": {}}
    (pods,) = [each for each in shown["informers"] if each["name"] == "pods"]
    assert pods["objects"] == 4
    (scheduler,) = [each for each in shown["components"] if each["name"] == "scheduler"]
    assert scheduler == {"name": "scheduler", "user": "system:kube-scheduler", "health": "ok", "failures": 0}
    waits = {each["name"]: each["waitsIn"] for each in shown["tasks"]}
    assert waits["scheduler loop"].startswith("Event.wait (asyncio/locks.py:")


def test_who_has_no_role_for_it_sees_nothing(cluster: Cluster) -> None:
    token = cluster.client.create(
        resource("serviceaccounts"), "default", {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}},
        name="default", subresource="token",
    )["status"]["token"]  # fmt: skip
    for path in ("/debug/tasks", "/debug", "/metrics"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            get(cluster, path, token=token)
        assert refused.value.code == 403
        refused.value.close()
    with pytest.raises(urllib.error.HTTPError) as missing:
        get(cluster, "/debug/nothing")
    assert missing.value.code == 404
    missing.value.close()


def test_a_task_is_shown_where_it_waits() -> None:
    import asyncio

    async def innermost() -> None:
        await asyncio.Event().wait()

    async def outer() -> None:
        await innermost()

    async def run() -> list[dict[str, str]]:
        task = asyncio.create_task(outer(), name="mine")
        await asyncio.sleep(0)
        found = tasks()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return found

    (mine,) = [each for each in asyncio.run(run()) if each["name"] == "mine"]
    assert mine["waitsIn"].startswith("Event.wait (")
