"""Cells of rows, kind by kind, where a rule decides what is shown."""

from __future__ import annotations

from typing import Any

import pytest

from wherry.api import timestamps
from wherry.api.resources import TABLE, resource
from wherry.rules.showing import tables

NOW = timestamps.parse("2026-01-02T00:00:00Z")
CREATED = "2026-01-01T23:58:55Z"


def pod(status: dict[str, Any], spec: dict[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    containers = {"containers": [{"name": "a", "image": "i"}, {"name": "b", "image": "j"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "creationTimestamp": CREATED, **metadata},
            "spec": {**containers, **(spec or {})}, "status": status}


def container(name: str, state: dict[str, Any], ready: bool = False, restarts: int = 0, **rest: Any) -> dict[str, Any]:
    return {"name": name, "state": state, "ready": ready, "restartCount": restarts, **rest}


RUNNING: dict[str, Any] = {"running": {}}
READY = {"type": "Ready", "status": "True"}


def waiting(reason: str) -> dict[str, Any]:
    return {"waiting": {"reason": reason}}


def ended(code: int, **rest: Any) -> dict[str, Any]:
    return {"terminated": {"exitCode": code, **rest}}


SIDECAR = {"initContainers": [{"name": "s", "restartPolicy": "Always"}]}
INIT = {"initContainers": [{"name": "s"}]}


@pytest.mark.parametrize(
    ("obj", "ready", "word", "restarts"),
    [
        (pod({"phase": "Pending"}), "0/2", "Pending", "0"),
        (pod({"phase": "Running", "containerStatuses": [container("a", RUNNING, True), container("b", RUNNING, True)]}),
         "2/2", "Running", "0"),
        (pod({"phase": "Running",
              "containerStatuses": [container("a", waiting("CrashLoopBackOff"), restarts=3), container("b", RUNNING, True)]}),
         "1/2", "CrashLoopBackOff", "3"),
        (pod({"phase": "Failed", "reason": "Evicted"}), "0/2", "Evicted", "0"),
        (pod({"phase": "Running", "containerStatuses": [container("a", ended(1, reason="Error"))]}), "0/2", "Error", "0"),
        (pod({"phase": "Running", "containerStatuses": [container("a", ended(137))]}), "0/2", "ExitCode:137", "0"),
        (pod({"phase": "Running", "containerStatuses": [container("a", ended(1, signal=9))]}), "0/2", "Signal:9", "0"),
        (pod({"phase": "Running", "conditions": [READY],
              "containerStatuses": [container("a", ended(0, reason="Completed")), container("b", RUNNING, True)]}), "1/2", "Running", "0"),
        (pod({"phase": "Running",
              "containerStatuses": [container("a", ended(0, reason="Completed")), container("b", RUNNING, True)]}), "1/2", "NotReady", "0"),
        (pod({"phase": "Pending", "initContainerStatuses": [container("s", RUNNING)]}, INIT), "0/2", "Init:0/1", "0"),
        (pod({"phase": "Pending", "initContainerStatuses": [container("s", waiting("ErrImagePull"))]}, INIT),
         "0/2", "Init:ErrImagePull", "0"),
        (pod({"phase": "Pending", "initContainerStatuses": [container("s", ended(2))]}, INIT), "0/2", "Init:ExitCode:2", "0"),
        (pod({"phase": "Running", "initContainerStatuses": [container("s", RUNNING, True, 1, started=True)],
              "containerStatuses": [container("a", RUNNING, True), container("b", RUNNING, True)]}, SIDECAR), "3/3", "Running", "1"),
        (pod({"phase": "Running"}, deletionTimestamp=CREATED), "0/2", "Terminating", "0"),
        (pod({"phase": "Succeeded"}, deletionTimestamp=CREATED), "0/2", "Succeeded", "0"),
        (pod({"phase": "Running", "reason": "NodeLost"}, deletionTimestamp=CREATED), "0/2", "Unknown", "0"),
        (pod({"phase": "Running", "containerStatuses": [
            container("a", RUNNING, True, 2, lastState=ended(1, finishedAt="2026-01-01T23:59:30Z"))]}), "1/2", "Running", "2 (30s ago)"),
    ],
)  # fmt: skip
def test_the_state_of_a_pod_in_one_word(obj: dict[str, Any], ready: str, word: str, restarts: str) -> None:
    assert tables.row(resource("pods"), obj, NOW)[1:5] == [ready, word, restarts, "65s"]


def test_pods_that_ended_are_marked() -> None:
    table = tables.table(resource("pods"), [pod({"phase": "Succeeded"}), pod({"phase": "Running"})], NOW)
    assert table["rows"][0]["conditions"] == [
        {"type": "Completed", "status": "True", "reason": "Succeeded", "message": "The pod has completed successfully."}]
    assert "conditions" not in table["rows"][1]


def cells(plural: str, group: str = "", version: str = "v1", **obj: Any) -> list[Any]:
    row = TABLE.by_path(group, version, plural)
    assert row is not None
    meta = {"name": "x", "creationTimestamp": CREATED, **obj.pop("metadata", {})}
    return tables.row(row, {"apiVersion": row.api_version, "kind": row.kind, "metadata": meta, **obj}, NOW)


def test_endpoints_show_three_and_count_the_rest() -> None:
    addresses = [{"ip": f"10.0.0.{i}"} for i in range(5)]
    assert cells("endpoints", subsets=[{"addresses": addresses, "ports": [{"port": 80}]}])[1] == (
        "10.0.0.0:80,10.0.0.1:80,10.0.0.2:80 + 2 more...")
    assert cells("endpoints", subsets=[])[1] == "<none>"
    assert cells("endpointslices", "discovery.k8s.io", endpoints=[], ports=[])[2:4] == ["<unset>", "<unset>"]


def test_a_load_balancer_shows_its_addresses_or_that_it_waits() -> None:
    spec = {"type": "LoadBalancer", "clusterIPs": ["10.96.0.9"], "ports": [{"port": 80, "protocol": "TCP", "nodePort": 30080}]}
    assert cells("services", spec=spec)[3:5] == ["<pending>", "80:30080/TCP"]
    status = {"loadBalancer": {"ingress": [{"hostname": "b.example"}, {"ip": "1.2.3.4"}]}}
    assert cells("services", spec=spec, status=status)[3] == "1.2.3.4,b.example"


def test_a_job_says_how_far_it_is_and_how_long_it_took() -> None:
    done = {"succeeded": 2, "startTime": "2026-01-01T20:00:00Z", "completionTime": "2026-01-01T20:01:05Z",
            "conditions": [{"type": "Complete", "status": "True"}]}
    assert cells("jobs", "batch", spec={"completions": 2}, status=done)[1:4] == ["Complete", "2/2", "65s"]
    assert cells("jobs", "batch", spec={"parallelism": 3}, status={})[1:4] == ["Running", "0/1 of 3", ""]


def test_a_node_is_ready_cordoned_and_has_roles() -> None:
    status = {"conditions": [{"type": "Ready", "status": "True"}],
              "nodeInfo": {"kubeletVersion": "v1", "kernelVersion": "6", "architecture": "amd64"}}
    labels = {"node-role.kubernetes.io/worker": "", "node-role.kubernetes.io/control-plane": ""}
    got = cells("nodes", metadata={"labels": labels}, spec={"unschedulable": True}, status=status)
    assert got[1:3] == ["Ready,SchedulingDisabled", "control-plane,worker"]
    assert got[8] == "6 (amd64)"


def test_an_autoscaler_shows_two_metrics_and_counts_the_rest() -> None:
    cpu = {"type": "Resource", "resource": {"name": "cpu", "target": {"averageUtilization": 80}}}
    memory = {"type": "Resource", "resource": {"name": "memory", "target": {"averageValue": "1Gi"}}}
    current = [{"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 20}}}]
    spec = {"scaleTargetRef": {"kind": "Deployment", "name": "d"}, "maxReplicas": 5, "metrics": [cpu, memory, cpu]}
    got = cells("horizontalpodautoscalers", "autoscaling", "v2", spec=spec, status={"currentMetrics": current})
    assert got[1:5] == ["Deployment/d", "cpu: 20%/80%, memory: <unknown>/1Gi + 1 more...", "<unset>", 5]


def test_events_of_both_groups_show_the_same() -> None:
    old = cells("events", involvedObject={"kind": "Pod", "name": "p"}, source={"component": "c", "host": "h"}, reason="R", type="Normal",
                message=" hello ", firstTimestamp=CREATED, lastTimestamp="2026-01-01T23:59:50Z", count=3)
    new = cells("events", "events.k8s.io", regarding={"kind": "Pod", "name": "p"}, deprecatedSource={"component": "c", "host": "h"},
                reason="R", type="Normal", note=" hello ", deprecatedFirstTimestamp=CREATED, deprecatedLastTimestamp="2026-01-01T23:59:50Z",
                deprecatedCount=3)
    assert old == new == ["10s", "Normal", "R", "pod/p", "", "c, h", "hello", "65s", 3, "x"]


def test_controller_revisions_name_their_controller_with_its_group() -> None:
    owner = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "s", "controller": True}
    assert cells("controllerrevisions", "apps", metadata={"ownerReferences": [owner]}, revision=4)[1:3] == ["statefulset.apps/s", 4]


def test_kinds_without_a_printer_show_when_they_were_created() -> None:
    assert cells("clusterroles", "rbac.authorization.k8s.io") == ["x", CREATED]


def test_objects_are_included_as_asked() -> None:
    obj = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "x"}, "data": {}}
    included = [tables.table(resource("configmaps"), [obj], NOW, i)["rows"][0]["object"] for i in ("Metadata", "Object", "None")]
    assert included == [{"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": {"name": "x"}}, obj, None]
