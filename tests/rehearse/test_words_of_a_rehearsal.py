"""Faults, strategies and timings from words and from objects."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.rehearse.manifests_of import rolling, workload
from wherry.api.objects import Obj
from wherry.rehearse import Change, RehearsalError, Strategy, Timings
from wherry.rehearse.change import changed, parse_strategies
from wherry.rehearse.compare import parse_least
from wherry.rehearse.faults import NodeFault, PodFault, parse, seconds
from wherry.rehearse.timings import complete, observed
from wherry.rollout.targets import DEPLOYMENTS

NOW = "2026-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("5% of pods never become ready", PodFault("never-ready", share=0.05)),
        ("5 % of the pods never get ready", PodFault("never-ready", share=0.05)),
        ("1 pod never becomes ready", PodFault("never-ready", count=1)),
        ("2 pods take 1m30s to become ready", PodFault("slow", count=2, seconds=90)),
        ("100% of pods crash after 20s", PodFault("crash", share=1.0, seconds=20)),
        ("1 pod crashes", PodFault("crash", count=1)),
    ],
)
def test_faults_of_pods(text: str, fault: PodFault) -> None:
    assert parse((text,)).pods == (fault,)


def test_faults_of_nodes_and_images() -> None:
    words = ("node n3 dies at 2m", "node n4 dies at 10s and comes back at 5m", "node n5 is drained at 30s", "image r/web:2 is missing")
    faults = parse(words)
    assert faults.nodes == (NodeFault("dies", "n3", 120), NodeFault("dies", "n4", 10, 300), NodeFault("drained", "n5", 30))
    assert faults.missing_images == ("r/web:2",)
    assert not parse(())


@pytest.mark.parametrize("text", ["the moon falls", "150% of pods never become ready", "node n1 dies", "node n1 dies at noon"])
def test_other_words_are_no_faults(text: str) -> None:
    with pytest.raises(RehearsalError):
        parse((text,))


def test_lengths_of_time() -> None:
    assert [seconds(t) for t in ("90", "1.5", "90s", "1m30s", "1h", "250ms")] == [90, 1.5, 90, 90, 3600, 0.25]
    with pytest.raises(RehearsalError):
        seconds("soon")


def test_strategies_are_split_at_commas_and_joined_by_plus() -> None:
    assert parse_strategies("maxSurge=25%,maxSurge=1+maxUnavailable=0") == [
        Strategy((("maxSurge", "25%"),)),
        Strategy((("maxSurge", 1), ("maxUnavailable", 0))),
    ]
    assert parse_strategies("maxSurge=1")[0].text == "maxSurge=1"
    for wrong in ("maxSurge", "=1", "maxSurge="):
        with pytest.raises(RehearsalError):
            parse_strategies(wrong)


def test_what_is_to_be_kept() -> None:
    assert [parse_least(t) for t in ("", "9", "80%")] == ["", 9, "80%"]
    with pytest.raises(RehearsalError):
        parse_least("most")


def test_a_change_is_made_as_set_image_and_apply_would() -> None:
    live = workload(strategy=rolling(maxSurge=1, maxUnavailable=0))
    new = changed(DEPLOYMENTS, live, Change(images={"c": "app:2"}), Strategy((("maxSurge", "50%"), ("minReadySeconds", 5))), NOW)
    assert new["spec"]["template"]["spec"]["containers"] == [{"name": "c", "image": "app:2"}]
    assert new["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": "50%", "maxUnavailable": 0}
    assert new["spec"]["minReadySeconds"] == 5
    assert live["spec"]["template"]["spec"]["containers"][0]["image"] == "app:1"
    recreate = changed(DEPLOYMENTS, live, Change(images={"c": "app:2"}), Strategy((("type", "Recreate"),)), NOW)
    assert recreate["spec"]["strategy"] == {"type": "Recreate"}
    with pytest.raises(RehearsalError, match='has no setting "partition" to try'):
        changed(DEPLOYMENTS, live, Change(), Strategy((("partition", 1),)), NOW)


def test_applying_a_manifest_takes_away_what_was_applied_before() -> None:
    containers = [{"name": "c", "image": "app:1", "env": [{"name": "A", "value": "1"}]}]
    applied = json.dumps({"spec": {"minReadySeconds": 5, "template": {"spec": {"containers": containers}}}})
    live = workload(minReadySeconds=5)
    live["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": applied}
    live["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "A", "value": "1"}]
    new = changed(DEPLOYMENTS, live, Change(manifest=workload()), Strategy(), NOW)
    assert "minReadySeconds" not in new["spec"]
    assert new["spec"]["template"]["spec"]["containers"] == [{"name": "c", "image": "app:1"}]


# --- timings ---
def pod(bound: str, ready: str, *, restarts: int = 0, status: str = "True") -> Obj:
    def at(clock: str) -> str:
        return f"2026-01-01T{clock}Z"

    conditions: list[dict[str, Any]] = [
        {"type": "PodScheduled", "status": "True", "lastTransitionTime": at(bound)},
        {"type": "Ready", "status": status, "lastTransitionTime": at(ready)},
    ]
    return {
        "metadata": {"creationTimestamp": at("00:00:00")},
        "status": {"conditions": conditions, "containerStatuses": [{"name": "c", "restartCount": restarts}]},
    }


def test_time_to_ready_is_seen_on_pods_that_became_ready_once() -> None:
    pods = [
        pod("00:00:05", "00:00:15"),
        pod("00:01:00", "00:01:12"),
        pod("00:00:05", "00:09:00", restarts=1),
        pod("00:00:05", "00:00:15", status="False"),
    ]
    assert observed(pods) == (10.0, 12.0)


def test_pods_that_came_back_later_are_left_out() -> None:
    pods = [pod("00:00:00", f"00:00:{10 + i}") for i in range(5)]
    assert observed([*pods, pod("00:00:00", "13:00:00")]) == (10.0, 11.0, 12.0, 13.0, 14.0)


def test_what_is_not_given_is_observed_and_what_is_not_seen_is_assumed() -> None:
    template = workload()["spec"]["template"]
    template["spec"]["containers"][0] |= {"readinessProbe": {"initialDelaySeconds": 20}}
    template["spec"]["containers"][0] |= {"lifecycle": {"preStop": {"sleep": {"seconds": 10}}}}
    given = complete(Timings(ready=(3.0,), terminate=2.0, pull=4.0), [9.0], template)
    assert (given.ready, given.terminate) == ((3.0,), 2.0)
    assert given.sources == ("time to ready: 3 s, given", "time to end: 2 s, given", "image pull: 4 s once per node, given")
    seen = complete(Timings(), [9.0, 11.0], template)
    assert (seen.ready, seen.terminate) == ((9.0, 11.0), 11.0)
    assert seen.sources[0] == "time to ready: 10 s (9 to 11 s), observed on 2 pods"
    assert complete(Timings(), [], template).ready == (25.0,)
