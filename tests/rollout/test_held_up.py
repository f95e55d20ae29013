"""Every cause that can hold a rollout up, told from pods, events, budgets and nodes as an API server gives them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.client.http.small_server import reply, serve
from tests.rollout.workloads import deployment, stateful_set
from wherry.api.objects import Obj
from wherry.client.access import Access
from wherry.client.http import HttpClient
from wherry.rollout.causes import Cause
from wherry.rollout.explain import with_log
from wherry.rollout.held_up import is_of, of_rollout, own_pods

RS: Obj = {"kind": "ReplicaSet", "spec": {"replicas": 2},
           "metadata": {"name": "web-5d", "uid": "rs", "labels": {"pod-template-hash": "5d"}}}


def pod(name: str = "web-5d-a", *, state: Obj | None = None, last: Obj | None = None, restarts: int = 0, phase: str = "Pending",
        conditions: dict[str, str] | None = None, reason: str = "", message: str = "", **meta: Any) -> Obj:
    status: Obj = {"phase": phase, "conditions": [{"type": k, "status": v, "reason": reason, "message": message}
                                                  for k, v in (conditions or {}).items()]}
    if state is not None:
        status["containerStatuses"] = [{"name": "c", "state": state, "lastState": last or {}, "restartCount": restarts}]
    return {"metadata": {"name": name, "labels": {"app": "web", "pod-template-hash": "5d"},
                         "ownerReferences": [{"uid": "rs", "controller": True}], **meta},
            "spec": {"nodeName": "n1", "containers": [{"name": "c", "image": "shop/web:2"}]}, "status": status}


def event(about: str, reason: str, message: str, kind: str = "Pod") -> Obj:
    return {"type": "Warning", "reason": reason, "message": message, "involvedObject": {"kind": kind, "name": about}}


def waiting(reason: str, message: str = "") -> Obj:
    return {"waiting": {"reason": reason, "message": message}}


def told(pods: list[Obj], events: list[Obj] | None = None, newest: Obj = RS, **more: Any) -> list[str]:
    return [str(cause) for cause in of_rollout(deployment(), newest, pods, events or [], **more)]


def test_an_image_that_cannot_be_pulled_is_named() -> None:
    assert told([pod(state=waiting("ImagePullBackOff"))]) == ['pod web-5d-a, container c: ImagePullBackOff: image "shop/web:2"']


def test_a_crash_tells_exit_code_restarts_and_last_words() -> None:
    found = pod(state=waiting("CrashLoopBackOff"), last={"terminated": {"exitCode": 2, "reason": "Error", "message": "no database\n"}},
                restarts=4, phase="Running")
    cause, = of_rollout(deployment(), RS, [found], [])
    assert str(cause) == "pod web-5d-a, container c: CrashLoopBackOff: exit code 2, 4 restarts"
    assert (cause.final, cause.log) == (True, ("no database",))


def test_a_crash_without_last_words_shows_the_end_of_its_log() -> None:
    lines: list[str] = []

    def answer(line: str, headers: dict[str, str], body: bytes) -> bytes:
        lines.append(line)
        return reply("\n".join(map(str, range(9)))) if "previous=false" in line else reply("{}", "400 Bad Request")

    async def work(address: str) -> None:
        crash = Cause("crash", "web-5d-a", "c", "CrashLoopBackOff", "exit code 1, 1 restart", True)
        async with HttpClient(Access(f"http://{address}")) as client:
            assert (await with_log(client, "default", crash)).log == ("4", "5", "6", "7", "8")

    asyncio.run(serve(answer, work))
    assert ["previous=true" in line for line in lines] == [True, False]


def test_a_failing_probe_is_told_by_its_last_event() -> None:
    running = pod(state={"running": {}}, phase="Running")
    events = [event("web-5d-a", "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503"),
              event("other", "Unhealthy", "not ours")]
    assert told([running], events) == ["pod web-5d-a: Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 503"]


def test_a_pod_without_room_says_why() -> None:
    message = "0/3 nodes are available: 3 Insufficient cpu."
    assert told([pod(conditions={"PodScheduled": "False"}, reason="Unschedulable", message=message)]) == [
        f"pod web-5d-a: Unschedulable: {message}"]


def test_a_full_quota_is_told_of_the_replica_set_and_by_events_of_others() -> None:
    message = 'pods "web-5d-x" is forbidden: exceeded quota: small, requested: pods=1, used: pods=2, limited: pods=2'
    full = {**RS, "status": {"conditions": [{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}]}}
    cause, = of_rollout(deployment(), full, [], [])
    assert (cause.kind, str(cause)) == ("quota", f"no pods can be created: FailedCreate: {message}")
    events = [event("db", "FailedCreate", message, "StatefulSet")]
    assert [c.kind for c in of_rollout(stateful_set(), None, [], events)] == ["quota"]
    assert of_rollout(stateful_set(), None, [pod(conditions={"Ready": "True"})] * 4, events) == []


@pytest.mark.parametrize(("found", "events", "text"), [
    (pod(state=waiting("CreateContainerConfigError", 'configmap "app" not found')), [],
     'container c: CreateContainerConfigError: configmap "app" not found'),
    (pod(state=waiting("CreateContainerConfigError", 'secret "key" not found')), [],
     'container c: CreateContainerConfigError: secret "key" not found'),
    (pod(state=waiting("ContainerCreating")),
     [event("web-5d-a", "FailedMount", 'MountVolume.SetUp failed for volume "conf" : configmap "app" not found')],
     'FailedMount: MountVolume.SetUp failed for volume "conf" : configmap "app" not found'),
])
def test_a_missing_config_map_or_secret_is_final(found: Obj, events: list[Obj], text: str) -> None:
    cause, = of_rollout(deployment(), RS, [found], events)
    assert (cause.kind, cause.final) == ("config", True)
    assert str(cause).endswith(text)


def test_a_volume_that_only_takes_its_time_is_not_final() -> None:
    slow = [event("web-5d-a", "FailedAttachVolume", "Multi-Attach error for volume")]
    cause, = of_rollout(deployment(), RS, [pod(state=waiting("ContainerCreating"))], slow)
    assert (cause.kind, cause.final) == ("start", False)


def budget(**more: Any) -> Obj:
    return {"metadata": {"name": "keep"}, "spec": {"selector": {"matchLabels": {"app": "web"}}, **more},
            "status": {"disruptionsAllowed": 0, "currentHealthy": 2, "desiredHealthy": 2}}


def test_a_budget_that_keeps_pods_on_a_cordoned_node_is_a_cause() -> None:
    ready, broken = pod(conditions={"Ready": "True"}), pod("web-5d-b", phase="Running")
    cordoned = [{"metadata": {"name": "n1"}, "spec": {"unschedulable": True}}]
    text = 'DisruptionBudget: node n1 is cordoned, and budget "keep" lets no pod go: 2 healthy, 2 needed'
    assert told([ready], budgets=[budget()], nodes=cordoned) == [f"pod web-5d-a: {text}"]
    assert told([ready], budgets=[budget()], nodes=[{"metadata": {"name": "n1"}, "spec": {}}]) == []
    assert told([broken], budgets=[budget(unhealthyPodEvictionPolicy="AlwaysAllow")], nodes=cordoned) == []
    assert told([ready], budgets=[{**budget(), "spec": {}}], nodes=cordoned) == []


def test_a_pod_that_should_be_gone_says_what_keeps_it() -> None:
    kept = pod(deletionTimestamp="2026-01-01T00:00:00Z", finalizers=["example.com/hold"])
    at = 1767225600.0
    assert told([kept], now=at + 5) == []
    assert told([kept], now=at + 42) == [
        "pod web-5d-a: Terminating: still there 42s after its grace period: finalizers example.com/hold"]


def test_a_pod_that_runs_for_a_while_and_is_not_ready_is_told_even_when_nobody_says_why() -> None:
    silent = pod(state={"running": {}}, phase="Running", conditions={"ContainersReady": "False"}, reason="ContainersNotReady",
                 message="containers with unready status: [c]")
    silent["status"]["conditions"][0]["lastTransitionTime"] = "2026-01-01T00:00:00Z"
    assert told([silent], now=1767225600.0 + 5) == []
    assert told([silent], now=1767225600.0 + 15) == ["pod web-5d-a: ContainersNotReady: containers with unready status: [c]"]


def test_a_closed_readiness_gate_is_named() -> None:
    gated = pod(state={"running": {}}, phase="Running", conditions={"ContainersReady": "True"})
    gated["spec"]["readinessGates"] = [{"conditionType": "lb.example.com/attached"}]
    assert told([gated]) == ["pod web-5d-a: ReadinessGatesNotReady: condition lb.example.com/attached is not true"]


def test_pods_of_other_revisions_and_of_others_do_not_count() -> None:
    old = pod("web-4c-a", state=waiting("ImagePullBackOff"), ownerReferences=[{"uid": "old", "controller": True}])
    assert told([old]) == []
    assert own_pods({"metadata": {"uid": "d"}}, [old, pod()], [RS]) == [pod()]
    hashed = {"metadata": {"name": "agent-x", "labels": {"controller-revision-hash": "77f"}}}
    assert is_of(hashed, {"kind": "ControllerRevision", "metadata": {"name": "agent-77f"}})
    assert not is_of(hashed, {"kind": "ControllerRevision", "metadata": {"name": "agent-78f"}})
