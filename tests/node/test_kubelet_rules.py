"""Small rules of the node agent: restarts, next actions, images, annotations, the node's own object."""

from __future__ import annotations

import pytest

from wherry.api.objects import Obj
from wherry.cluster.options import DEFAULT_IMAGE_MISSING
from wherry.rules.pods.kubelet import images
from wherry.rules.pods.kubelet.actions import next_actions
from wherry.rules.pods.kubelet.container import Container, Running, Terminated, Waiting, of_pod
from wherry.rules.pods.kubelet.node_object import NodeSpec, lease, new_node, node_annotations, node_status
from wherry.rules.pods.kubelet.restart import after_exit, go_duration, next_pull_wait, should_restart
from wherry.rules.pods.kubelet.simulation import Timings, behaviour

SPEC: Obj = {
    "initContainers": [{"name": "i", "image": "x"}, {"name": "s", "image": "x", "restartPolicy": "Always"}, {"name": "j", "image": "x"}],
    "containers": [{"name": "a", "image": "x"}, {"name": "b", "image": "x"}],
    "restartPolicy": "Never",
}


def containers() -> dict[str, Container]:
    return {c.name: c for c in of_pod({"spec": SPEC})}


def starts(known: dict[str, Container], now: float = 0.0) -> list[str]:
    return [c.name for c in next_actions(list(known.values()), SPEC, now).start]


def test_the_first_restart_is_at_once_and_then_waits_double_to_five_minutes() -> None:
    back_off, noted_at, now, waits = 0.0, 0.0, 100.0, []
    for _ in range(8):
        wait = after_exit(back_off, noted_at, now)
        waits.append(wait.seconds)
        back_off, noted_at = wait.back_off, wait.noted_at
        now += wait.seconds + 1
    assert waits == [0, 10, 20, 40, 80, 160, 300, 300]


def test_ten_quiet_minutes_forgive() -> None:
    assert after_exit(160.0, 100.0, 701.0).seconds == 0.0
    assert after_exit(160.0, 100.0, 700.0).seconds == 160.0


def test_pull_back_off() -> None:
    waits = [next_pull_wait(0.0)]
    while waits[-1] < 300:
        waits.append(next_pull_wait(waits[-1]))
    assert waits == [10, 20, 40, 80, 160, 300]


@pytest.mark.parametrize(("seconds", "text"), [(10, "10s"), (60, "1m0s"), (160, "2m40s"), (300, "5m0s")])
def test_durations_read_as_in_go(seconds: float, text: str) -> None:
    assert go_duration(seconds) == text


def test_a_containers_own_rules_come_first() -> None:
    rules = [{"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}]
    container = {"name": "c", "restartPolicy": "Never", "restartPolicyRules": rules}
    assert should_restart(container, {"restartPolicy": "Never"}, 42)
    assert not should_restart(container, {"restartPolicy": "Always"}, 1)
    assert should_restart({"name": "c"}, {"restartPolicy": "OnFailure"}, 1)
    assert not should_restart({"name": "c"}, {"restartPolicy": "OnFailure"}, 0)


def test_containers_start_in_their_order() -> None:
    known = containers()
    assert starts(known) == ["i"]
    known["i"].busy = True
    assert starts(known) == []
    known["i"].busy, known["i"].state = False, Terminated(0, "Completed", 0, 0)
    assert starts(known) == ["s"]
    known["s"].state = Running(0)
    assert starts(known) == []
    known["s"].started = True
    assert starts(known) == ["j"]
    known["j"].state = Terminated(0, "Completed", 0, 0)
    assert starts(known) == ["a", "b"]


def test_when_all_have_ended_the_sidecars_are_stopped() -> None:
    known = containers()
    known["i"].state = known["j"].state = known["a"].state = Terminated(0, "Completed", 0, 0)
    known["s"].state, known["s"].started = Running(0), True
    known["b"].state = Running(0)
    assert next_actions(list(known.values()), SPEC, 0.0).stop == ()
    known["b"].state = Terminated(1, "Error", 0, 0)
    assert next_actions(list(known.values()), SPEC, 0.0).stop == (known["s"],)
    assert starts(known) == []


def test_a_failed_init_container_ends_it_all() -> None:
    known = containers()
    known["i"].state = Terminated(1, "Error", 0, 0)
    assert starts(known) == []


def test_back_off_says_when_to_look_again() -> None:
    only = of_pod({"spec": {"containers": [{"name": "a", "image": "x"}]}})
    only[0].state, only[0].retry_at = Waiting("ImagePullBackOff"), 10.0
    actions = next_actions(only, {"restartPolicy": "Always"}, 3.0)
    assert (actions.start, actions.look_again_at) == ((), 10.0)
    assert next_actions(only, {"restartPolicy": "Always"}, 10.0).start == (only[0],)


@pytest.mark.parametrize("image", [
    "nginx:999.1", "reg.io/a/nginx:999.999", "does-not-exist", "x/doesnotexist:1", "r:5000/does-not-exist", "web:404", "foo:non-existent",
    "nginx:1.161",
])
def test_images_that_do_not_exist(image: str) -> None:
    assert images.is_missing(image)


@pytest.mark.parametrize("image", ["nginx:1.21", "nginx", "nginx:1.999", "nginx:9990", "nginx@sha256:999"])
def test_images_that_do(image: str) -> None:
    assert not images.is_missing(image)


def test_pull_texts() -> None:
    assert images.with_tag("reg:5000/nginx") == "reg:5000/nginx:latest"
    assert images.pulled("nginx", 1.25, 7) == 'Successfully pulled image "nginx" in 1.25s (1.25s including waiting). Image size: 7 bytes.'
    assert images.pulled("nginx", 0.12, 7).startswith('Successfully pulled image "nginx" in 120ms (120ms including')
    assert images.back_off_state("x:1", "gone") == 'Back-off pulling image "x:1": ErrImagePull: gone'


def test_annotations_change_how_a_container_behaves() -> None:
    said = {"wherry.dev/simulated-exit-code": "3", "wherry.dev/simulated-ready-seconds": "2.5", "other": "x"}
    how, errors = behaviour({"metadata": {"annotations": said}, "spec": {}}, Timings(pull=1.0))
    assert errors == []
    assert (how.exit_code, how.run, how.ready, how.pull) == (3, 0.0, 2.5, 1.0)


def test_wrong_annotations_are_named_and_change_nothing() -> None:
    said = {"wherry.dev/simulated-exit-code": "256", "wherry.dev/simulated-run-seconds": "-1", "wherry.dev/simulated-never-ready": "yes",
            "wherry.dev/simulated-nonsense": "1"}
    how, errors = behaviour({"metadata": {"annotations": said}, "spec": {}}, Timings())
    assert how == behaviour({"metadata": {}, "spec": {}}, Timings())[0]
    assert errors == [
        'annotation wherry.dev/simulated-exit-code: invalid value "256": must be between 0 and 255',
        'annotation wherry.dev/simulated-run-seconds: invalid value "-1": must be a number of seconds, not negative',
        'annotation wherry.dev/simulated-never-ready: invalid value "yes": must be "true" or "false"',
        *errors[3:],
    ]
    assert len(errors) == 4
    assert errors[3].startswith("unknown annotation wherry.dev/simulated-nonsense: there are wherry.dev/simulated-exit-code, ")


def test_pods_that_are_meant_to_end_do_so_by_themselves() -> None:
    for policy, runs in (("Never", 4.0), ("OnFailure", 4.0), ("Always", None)):
        assert behaviour({"metadata": {}, "spec": {"restartPolicy": policy}}, Timings(job=4.0))[0].run == runs


def test_a_node_says_it_is_ready_and_keeps_the_times_of_its_conditions() -> None:
    spec = NodeSpec("sim-0", "10.0.0.1", {"cpu": "1", "pods": "9"})
    node = new_node(spec, 1.0)
    assert [(c["type"], c["status"]) for c in node["status"]["conditions"]] == [
        ("MemoryPressure", "False"), ("DiskPressure", "False"), ("PIDPressure", "False"), ("Ready", "True")]
    assert node["status"]["nodeInfo"]["kubeletVersion"] == "v1.36.2"
    assert node["metadata"]["labels"]["kubernetes.io/hostname"] == "sim-0"
    later = node_status(spec, node["status"], 61.0)["conditions"][-1]
    assert (later["lastTransitionTime"], later["lastHeartbeatTime"]) == ("1970-01-01T00:00:01Z", "1970-01-01T00:01:01Z")


def test_the_lease_belongs_to_the_node_and_is_renewed() -> None:
    node = {"metadata": {"name": "sim-0", "uid": "u"}}
    first = lease(node, 1.5)
    assert first["spec"] == {"holderIdentity": "sim-0", "leaseDurationSeconds": 40, "renewTime": "1970-01-01T00:00:01.500000Z"}
    assert first["metadata"]["ownerReferences"][0]["uid"] == "u"
    assert lease(node, 11.5, first)["metadata"] == first["metadata"]


def test_a_cluster_lacks_the_images_that_the_rule_names() -> None:
    assert DEFAULT_IMAGE_MISSING == images.MISSING


def test_an_annotation_that_a_node_says_nothing_with_is_taken_away() -> None:
    spec = NodeSpec("n", "10.0.0.1", {}, annotations={"wherry.dev/host-address": "", "kept": "so"})
    before = {"wherry.dev/host-address": "192.0.2.1/24", "theirs": "", "more": "x"}
    assert node_annotations(spec, before) == {"theirs": "", "more": "x", "kept": "so"}
    assert new_node(spec, 1.0)["metadata"]["annotations"] == {"kept": "so"}
    assert "annotations" not in new_node(NodeSpec("n", "10.0.0.1", {}, annotations={"gone": ""}), 1.0)["metadata"]
