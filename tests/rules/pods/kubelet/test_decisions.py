"""Probes counted, ends in their order, image names, users, commands that are plain to see, ranges of addresses."""

from __future__ import annotations

import math
from typing import Any

import pytest

from wherry.rules.pods.kubelet import probes, termination
from wherry.rules.pods.kubelet.container import Container, Running, Terminated, of_pod
from wherry.rules.pods.kubelet.plain_commands import outcome
from wherry.rules.pods.kubelet.pod_ranges import pod_ranges
from wherry.rules.pods.kubelet.pod_resources import effective
from wherry.rules.pods.kubelet.security import non_root_problem
from wherry.rules.pods.kubelet.simulation import Timings, behaviour, end_of
from wherry.rules.texts.image_name import fault_of


def decided(kind: probes.Kind, spec: dict[str, int], results: str) -> list[bool | None]:
    """What each result (+ or -) decides."""
    count = probes.Count(kind, spec)
    return [None if count.over else probes.result(count, each == "+") for each in results]


@pytest.mark.parametrize(
    ("kind", "spec", "results", "decisions"),
    [
        ("readiness", {}, "+", [True]),
        ("readiness", {}, "+---", [True, None, None, False]),
        ("readiness", {"failureThreshold": 1, "successThreshold": 2}, "++-+-++", [None, True, False, None, None, None, True]),
        ("readiness", {"failureThreshold": 2}, "-+--", [None, True, None, False]),
        ("liveness", {"failureThreshold": 2}, "+-+--+", [True, None, None, None, False, None]),
        ("startup", {"failureThreshold": 3}, "--+-", [None, None, True, None]),
        ("startup", {"failureThreshold": 2}, "--+", [None, False, None]),
    ],
)
def test_a_decision_needs_as_many_results_in_a_row_as_its_threshold(
    kind: probes.Kind, spec: dict[str, int], results: str, decisions: list[bool | None]
) -> None:
    assert decided(kind, spec, results) == decisions


def test_the_first_attempt_waits_for_the_initial_delay() -> None:
    count = probes.Count("readiness", {"initialDelaySeconds": 5})
    assert probes.first_attempt(count, 100.0, 101.0) == 105.0
    assert probes.first_attempt(count, 100.0, 110.0) == 110.0
    assert (probes.Count("liveness", {}).period, probes.Count("liveness", {}).timeout) == (10.0, 1.0)


@pytest.mark.parametrize(
    ("role", "policy", "text"),
    [
        ("app", "Always", "Container c failed liveness probe, will be restarted"),
        ("app", "Never", "Container c failed liveness probe"),
        ("sidecar", "Always", "Init container c failed liveness probe"),
    ],
)
def test_what_is_told_of_a_container_whose_probe_failed(role: str, policy: str, text: str) -> None:
    assert probes.killing({"name": "c"}, role, "liveness", {"restartPolicy": policy}) == text


def pod(**fields: Any) -> Any:
    return {"metadata": {"name": "p", "namespace": "n", "uid": "u"}, "spec": {"containers": [{"name": "c"}], **fields}}


def test_how_long_a_container_gets() -> None:
    probed = {"name": "c", "livenessProbe": {"terminationGracePeriodSeconds": 7}}
    plain = pod(terminationGracePeriodSeconds=20)
    assert (termination.grace(pod(), probed), termination.grace(plain, probed), termination.grace(plain, probed, "liveness")) == (30, 20, 7)
    deleted = {**plain, "metadata": {"deletionGracePeriodSeconds": 3}}
    assert termination.grace(deleted, probed, "liveness") == 3
    assert [termination.remaining(10, spent) for spent in (0, 3.9, 9, 60)] == [10, 7, 2, 2]


def test_sidecars_end_last_and_the_last_one_first() -> None:
    first = [{"name": f"s{n}", "restartPolicy": "Always"} for n in (1, 2)]
    containers = of_pod(pod(initContainers=first, containers=[{"name": "a"}, {"name": "b"}]))
    for container in containers:
        container.state = Running(1.0)

    def turn() -> list[str]:
        found = termination.next_to_stop(containers)
        for container in found:
            container.state = Terminated(0, "Completed", 1.0, 2.0)
        return [container.name for container in found]

    assert [turn(), turn(), turn(), turn()] == [["a", "b"], ["s2"], ["s1"], []]


def test_ephemeral_containers_are_the_pods_last_and_never_restarted() -> None:
    found = of_pod(pod(ephemeralContainers=[{"name": "debug"}]))
    assert [(c.name, c.role) for c in found] == [("c", "app"), ("debug", "ephemeral")]
    assert isinstance(found[1], Container)


@pytest.mark.parametrize(
    ("image", "why"),
    [
        ("nginx", ""),
        ("nginx:1.21", ""),
        ("Registry.example:5000/team/app@sha256:" + "a" * 64, ""),
        ("Not:A:Name", "invalid reference format: repository name (library/Not) must be lowercase"),
        ("bad image", "invalid reference format"),
        ("app@sha256:" + "a" * 63, "invalid checksum digest length"),
        ("app@md9:" + "a" * 64, "unsupported digest algorithm"),
        ("a" * 64, f"invalid repository name ({'a' * 64}), cannot specify 64-byte hexadecimal strings"),
        ("x/" * 130 + "y", "repository name must not be more than 255 characters"),
    ],
)
def test_names_of_images(image: str, why: str) -> None:
    assert fault_of(image) == why


@pytest.mark.parametrize(
    ("context", "user", "why"),
    [
        ({}, "", ""),
        ({"runAsNonRoot": True, "runAsUser": 5}, "", ""),
        ({"runAsNonRoot": True}, None, ""),
        ({"runAsNonRoot": True}, "1000:1", ""),
        ({"runAsNonRoot": True, "runAsUser": 0}, "5", "container's runAsUser breaks non-root policy"),
        ({"runAsNonRoot": True}, "", "container has runAsNonRoot and image will run as root"),
        ({"runAsNonRoot": True}, "0:0", "container has runAsNonRoot and image will run as root"),
        ({"runAsNonRoot": True}, "www", "container has runAsNonRoot and image has non-numeric user (www), cannot verify user is non-root"),
    ],
)
def test_who_may_not_run(context: dict[str, Any], user: str | None, why: str) -> None:
    where = ' (pod: "p_n(u)", container: c)'
    assert non_root_problem(pod(), {"name": "c", "securityContext": context}, user) == (why + where if why else "")


@pytest.mark.parametrize(
    ("text", "seconds", "code"),
    [
        ("exit 3", 0, 3),
        ("sleep 2; exit 1", 2, 1),
        ("sleep 1m && false", 60, 1),
        ("false || true", 0, 0),
        ("set -e; false; sleep 9", 0, 1),
        ("echo one >&2; sleep 0.5", 0.5, 0),
        ("trap 'exit 0' TERM; sleep 5", 5, 0),
        ("while true; do date; sleep 1; done", math.inf, 0),
        ("exec sleep 7", 7, 0),
        ("true\nsleep 1", 1, 0),
    ],
)
def test_commands_whose_end_is_plain(text: str, seconds: float, code: int) -> None:
    assert outcome(["sh", "-c", text]) == (seconds, code)


@pytest.mark.parametrize(
    "argv",
    [
        ["nginx"],
        ["sh"],
        ["sh", "-c", "run-server"],
        ["sh", "-c", "sleep $N"],
        ["sh", "-c", "sleep 5 &"],
        ["sh", "-c", "cat /x | tail"],
        ["sh", "-c", "if x; then exit 1; fi"],
        ["sh", "-c", "while true; do work || exit 1; done"],
        ["/opt/false"],
        ["sleep", "later"],
        ["sh", "-x", "script"],
        ["sh", "-c", "echo $(work)"],
        ["exit", "1"],
    ],
)
def test_commands_that_are_not_judged(argv: list[str]) -> None:
    assert outcome(argv) is None


@pytest.mark.parametrize(
    ("container", "role", "policy", "end"),
    [
        ({"image": "nginx"}, "app", "Always", None),
        ({"image": "nginx"}, "app", "Never", (4.0, 0)),
        ({"image": "x"}, "init", "Always", (0.0, 0)),
        ({"image": "busybox", "args": ["sleep", "9"]}, "app", "Always", (9.0, 0)),
        ({"image": "team/tool", "args": ["sleep", "9"]}, "app", "Always", None),
        ({"image": "x", "command": ["false"]}, "sidecar", "Always", (0.0, 1)),
        ({"image": "x"}, "ephemeral", "Never", None),
        ({"image": "x", "command": ["tail", "-f", "/dev/null"]}, "app", "Never", None),
    ],
)
def test_how_simulated_containers_end(container: dict[str, Any], role: Any, policy: str, end: tuple[float, int] | None) -> None:
    how = behaviour({"metadata": {}, "spec": {"restartPolicy": policy}}, Timings(job=4.0))[0]
    assert end_of(how, container, role) == end


def test_an_annotation_comes_before_the_command() -> None:
    meta = {"annotations": {"wherry.dev/simulated-run-seconds": "8"}}
    how = behaviour({"metadata": meta, "spec": {}}, Timings())[0]
    assert end_of(how, {"image": "x", "command": ["false"]}, "app") == (8.0, 0)
    assert end_of(how, {"image": "x", "command": ["false"]}, "init") == (0.0, 1)


def test_each_node_has_a_range_and_none_overlaps() -> None:
    assert pod_ranges(3, 110) == ["10.244.0.0/24", "10.244.1.0/24", "10.244.2.0/24"]
    assert pod_ranges(2, 110, ["10.244.0.0/24"]) == ["10.244.1.0/24", "10.244.2.0/24"]
    assert pod_ranges(4, 16000) == ["10.244.0.0/18", "10.244.64.0/18", "10.244.128.0/18", "10.244.192.0/18"]
    assert pod_ranges(300, 110)[-1] == "10.129.43.0/24"
    assert pod_ranges(5000, 16000) == []


def test_what_a_pod_asks_for_in_all() -> None:
    side = {"name": "s", "restartPolicy": "Always", "resources": {"requests": {"cpu": "100m"}}}
    init = {"name": "i", "resources": {"requests": {"cpu": "1", "memory": "1Gi"}}}
    main = [{"name": n, "resources": {"requests": {"cpu": "200m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}}} for n in "ab"]
    assert effective({"containers": main}) == {"limits": {"memory": "256Mi"}, "requests": {"cpu": "400m", "memory": "128Mi"}}
    assert effective({"containers": main, "initContainers": [side, init]})["requests"] == {"cpu": "1100m", "memory": "1Gi"}
    assert effective({"containers": [{"name": "a"}]}) == {}
