"""The status of a pod: phases, conditions and container entries, compared with what the recordings' nodes wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from wherry.api.objects import Obj
from wherry.rules.pods.kubelet.container import Container, Running, Terminated, User, Waiting, of_pod
from wherry.rules.pods.kubelet.container_status import from_status
from wherry.rules.pods.kubelet.phase import phase
from wherry.rules.pods.kubelet.status import About, Place, Verdict, pod_status

TRANSCRIPTS = Path(__file__).parents[1] / "golden" / "transcripts"
PLACE = Place("10.0.0.1", "10.244.0.1", 1.0)
SCHEDULED = {"type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": "1970-01-01T00:00:01Z"}


def pod(*, init: list[Obj] | None = None, containers: int = 1, **spec: Any) -> Obj:
    listed = [{"name": f"c{i}", "image": "nginx:1.21"} for i in range(containers)]
    if init:
        spec["initContainers"] = init
    meta = {"name": "p", "namespace": "d", "uid": "u", "generation": 3}
    return {"metadata": meta, "spec": {"containers": listed, **spec}, "status": {"phase": "Pending", "qosClass": "BestEffort",
                                                                                   "conditions": [SCHEDULED]}}


def run(container: Container, *, ready: bool = True) -> Container:
    container.state, container.ready, container.started = Running(2.0), ready, True
    container.image_id, container.id, container.user = f"{container.image}@sim", "simulated://1", User(0, 0, (0,))
    return container


def end(container: Container, exit_code: int) -> Container:
    container.state = Terminated(exit_code, "Error" if exit_code else "Completed", 2.0, 3.0)
    container.ready, container.started = container.role == "init" and exit_code == 0, False
    return container


def condition(status: Obj, type_: str) -> Obj:
    return next(c for c in status["conditions"] if c["type"] == type_)


def recorded_pod() -> Obj:
    steps = json.loads((TRANSCRIPTS / "f5-outputs.json").read_text())["steps"]
    return next(yaml.safe_load(s["stdout"]) for s in steps if s["cmd"] == "kubectl get pod solo -o yaml")  # type: ignore[no-any-return]


def without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: "<TIME>" if k in ("lastTransitionTime", "startedAt", "startTime") else without_times(v) for k, v in value.items()}
    return [without_times(v) for v in value] if isinstance(value, list) else value


def test_a_running_pod_says_what_the_recorded_one_says() -> None:
    recorded = recorded_pod()
    before = {**recorded, "status": {"phase": "Pending", "qosClass": "Guaranteed", "conditions": [recorded["status"]["conditions"][-1]]}}
    containers = [run(c) for c in of_pod(before)]
    written = pod_status(before, containers, Place("10.0.0.1", "<IP>", 1.0), 5.0, About(full=False))
    assert without_times(written) == without_times(recorded["status"])


def test_in_full_it_says_what_a_kubelet_says() -> None:
    one = pod()
    one["spec"]["containers"][0].update(
        resources={"requests": {"cpu": "1"}, "limits": {"cpu": "1"}}, volumeMounts=[{"name": "v", "mountPath": "/v", "readOnly": True}]
    )
    status = pod_status(one, [run(c) for c in of_pod(one)], PLACE, 5.0, About(full=True))
    entry = status["containerStatuses"][0]
    assert status["observedGeneration"] == 3
    assert {c["observedGeneration"] for c in status["conditions"]} == {3}
    assert entry["containerID"] == "simulated://1"
    assert entry["allocatedResources"] == {"cpu": "1"}
    assert entry["resources"] == {"requests": {"cpu": "1"}, "limits": {"cpu": "1"}}
    assert entry["volumeMounts"] == [{"name": "v", "mountPath": "/v", "readOnly": True, "recursiveReadOnly": "Disabled"}]
    assert entry["user"] == {"linux": {"uid": 0, "gid": 0, "supplementalGroups": [0]}}


def test_before_anything_ran() -> None:
    one = pod()
    status = pod_status(one, of_pod(one), PLACE, 5.0, About(full=False))
    assert status["phase"] == "Pending"
    assert status["containerStatuses"][0]["state"] == {"waiting": {"reason": "ContainerCreating"}}
    assert condition(status, "Ready")["message"] == "containers with unready status: [c0]"
    assert condition(status, "Ready")["reason"] == "ContainersNotReady"
    assert condition(status, "PodReadyToStartContainers")["status"] == "True"


def test_init_containers_hold_the_pod_back() -> None:
    one = pod(init=[{"name": "i0", "image": "x"}, {"name": "i1", "image": "x"}])
    containers = of_pod(one)
    end(containers[0], 0)
    status = pod_status(one, containers, PLACE, 5.0, About(full=False))
    assert status["phase"] == "Pending"
    assert condition(status, "Initialized")["message"] == "containers with incomplete status: [i1]"
    assert [s["ready"] for s in status["initContainerStatuses"]] == [True, False]
    assert status["containerStatuses"][0]["state"] == {"waiting": {"reason": "PodInitializing"}}


def test_readiness_gates_count_after_the_containers() -> None:
    one = pod(readinessGates=[{"conditionType": "a/b"}, {"conditionType": "c"}])
    one["status"]["conditions"] = [{"type": "c", "status": "False"}, SCHEDULED]
    status = pod_status(one, [run(c) for c in of_pod(one)], PLACE, 5.0, About(full=False))
    assert condition(status, "ContainersReady")["status"] == "True"
    assert condition(status, "Ready")["reason"] == "ReadinessGatesNotReady"
    assert condition(status, "Ready")["message"] == (
        'corresponding condition of pod readiness gate "a/b" does not exist., the status of pod readiness gate "c" is not "True", but False'
    )
    order = [c["type"] for c in status["conditions"]]
    assert order == ["c", "PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"]


def test_a_condition_keeps_its_time_while_its_status_stays() -> None:
    one = pod()
    containers = of_pod(one)
    one["status"] = pod_status(one, containers, PLACE, 5.0, About(full=False))
    run(containers[0])
    later = pod_status(one, containers, PLACE, 60.0, About(full=False))
    assert condition(later, "Initialized")["lastTransitionTime"] == "1970-01-01T00:00:05Z"
    assert condition(later, "Ready")["lastTransitionTime"] == "1970-01-01T00:01:00Z"


@pytest.mark.parametrize(("policy", "codes", "expected"), [
    ("Always", [0], "Running"), ("OnFailure", [0], "Succeeded"), ("OnFailure", [1], "Running"), ("Never", [1], "Failed"),
    ("Never", [0, 0], "Succeeded"), ("Never", [0, 1], "Failed"), ("OnFailure", [0, 1], "Running"),
])
def test_the_phase_of_ended_containers(policy: str, codes: list[int], expected: str) -> None:
    one = pod(containers=len(codes), restartPolicy=policy)
    containers = [end(c, code) for c, code in zip(of_pod(one), codes, strict=True)]
    assert phase(containers, one["spec"]) == expected


def test_a_crash_looping_pod_is_running() -> None:
    one = pod(containers=2, restartPolicy="Always")
    first, second = of_pod(one)
    run(first)
    second.last = Terminated(1, "Error", 2.0, 3.0)
    second.state = Waiting("CrashLoopBackOff", "back-off 10s restarting failed container=c1 pod=p_d(u)")
    assert phase([first, second], one["spec"]) == "Running"


def test_one_container_that_waits_keeps_the_pod_pending() -> None:
    one = pod(containers=2)
    first, second = of_pod(one)
    run(first)
    second.state = Waiting("ImagePullBackOff", "x")
    assert phase([first, second], one["spec"]) == "Pending"


def test_a_pod_whose_init_container_failed_for_good_has_failed() -> None:
    one = pod(init=[{"name": "i", "image": "x"}], restartPolicy="Never")
    containers = of_pod(one)
    end(containers[0], 1)
    assert phase(containers, one["spec"]) == "Failed"


def test_a_pod_waits_for_its_sidecar_to_start_but_ends_without_it() -> None:
    one = pod(init=[{"name": "s", "image": "x", "restartPolicy": "Always"}], restartPolicy="Never")
    sidecar, main = of_pod(one)
    assert phase([sidecar, main], one["spec"]) == "Pending"
    run(sidecar)
    end(main, 0)
    assert phase([sidecar, main], one["spec"]) == "Running"
    end(sidecar, 137)
    assert phase([sidecar, main], one["spec"]) == "Succeeded"


def test_the_nodes_verdict_comes_before_what_containers_say() -> None:
    one = pod()
    about = About(full=False, verdict=Verdict("DeadlineExceeded", "too long"))
    status = pod_status(one, [end(c, 0) for c in of_pod(one)], PLACE, 5.0, about)
    assert (status["phase"], status["reason"], status["message"]) == ("Failed", "DeadlineExceeded", "too long")


def test_an_ended_pod_stays_ended() -> None:
    one = pod()
    one["status"]["phase"] = "Failed"
    assert pod_status(one, [run(c) for c in of_pod(one)], PLACE, 5.0, About(full=False))["phase"] == "Failed"


def test_what_a_status_says_is_what_an_agent_reads_back() -> None:
    one = pod(containers=3, init=[{"name": "i", "image": "x"}])
    containers = of_pod(one)
    end(containers[0], 0)
    run(containers[1])
    end(containers[2], 1)
    containers[3].state, containers[3].last, containers[3].restarts = Waiting("CrashLoopBackOff", "m"), Terminated(1, "Error", 2.0, 3.0), 4
    one["status"] = pod_status(one, containers, PLACE, 5.0, About(full=True))
    assert from_status(one) == containers
