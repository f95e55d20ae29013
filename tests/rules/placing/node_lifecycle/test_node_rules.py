"""The rules about nodes and their pods, one fact at a time."""

from __future__ import annotations

from typing import Any

import pytest

from wherry.api import timestamps
from wherry.api.objects import Obj
from wherry.rules.placing.node_lifecycle import eviction, pod_garbage, taints, zones
from wherry.rules.placing.node_lifecycle.eviction import Sentence
from wherry.rules.placing.node_lifecycle.zones import Pace
from wherry.rules.pods import disruption_target as target

NOW = 1_750_000_000.0
UNREACHABLE: Obj = {"key": taints.UNREACHABLE, "effect": "NoExecute"}


def pod(name: str = "p", tolerations: list[Obj] | None = None, **more: Any) -> Obj:
    meta = {"name": name, "namespace": "default", "uid": f"uid-{name}", **more.pop("metadata", {})}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"tolerations": tolerations or [], **more.pop("spec", {})},
            "status": {"phase": "Running", **more}}


def for_seconds(seconds: int | None) -> list[Obj]:
    one: Obj = {"key": taints.UNREACHABLE, "operator": "Exists", "effect": "NoExecute"}
    return [one if seconds is None else {**one, "tolerationSeconds": seconds}]


@pytest.mark.parametrize(
    ("tolerations", "seconds"), [([], 0.0), (for_seconds(300), 300.0), (for_seconds(None), None), (for_seconds(-1), 0.0)]
)
def test_how_long_a_pod_may_stay(tolerations: list[Obj], seconds: float | None) -> None:
    assert eviction.given_seconds(pod(tolerations=tolerations), [UNREACHABLE]) == seconds


def test_the_time_counts_from_the_first_taint() -> None:
    first = eviction.judge(pod(tolerations=for_seconds(300)), [UNREACHABLE], None, NOW)
    assert first == Sentence(NOW, NOW + 300)
    assert eviction.judge(pod(tolerations=for_seconds(300)), [UNREACHABLE], first, NOW + 100) == first
    assert eviction.judge(pod(tolerations=for_seconds(300)), [], first, NOW + 100) is None


@pytest.mark.parametrize(
    ("ready", "state"),
    [([True, False], "Normal"), ([False], "FullDisruption"), ([False] * 3 + [True], "PartialDisruption"), ([False] * 2 + [True], "Normal")],
)
def test_the_state_of_a_zone(ready: list[bool], state: str) -> None:
    assert zones.state(ready) == state


def test_a_small_zone_that_is_partly_silent_evicts_nobody_and_a_large_one_slowly() -> None:
    assert zones.rates({"a": [False] * 3 + [True], "b": [True]}) == {"a": 0.0, "b": 0.1}
    assert zones.rates({"a": [False] * 60 + [True]}) == {"a": 0.01}
    assert zones.rates({"a": [False], "b": [False]}) == {"a": 0.0, "b": 0.0}


def test_one_node_in_ten_seconds() -> None:
    pace = Pace()
    assert pace.wait(NOW) == 0.0
    assert pace.spent(NOW).wait(NOW + 4) == 6.0
    assert pace.at(0.0, NOW).wait(NOW) is None


def test_taints_of_others_stay() -> None:
    theirs = {"key": "dedicated", "value": "db", "effect": "NoSchedule"}
    pressure = {"conditions": [{"type": "MemoryPressure", "status": "True"}, {"type": "Ready", "status": "True"}]}
    node: Obj = {"metadata": {"name": "n"}, "spec": {"taints": [theirs]}, "status": pressure}
    wanted = taints.scheduling(node, NOW)
    assert wanted is not None
    assert [t["key"] for t in wanted] == ["dedicated", "node.kubernetes.io/memory-pressure"]
    assert taints.scheduling({**node, "spec": {"taints": wanted}}, NOW) is None
    assert taints.scheduling({**node, "spec": {"taints": wanted}, "status": {}}, NOW) == [theirs]


def test_the_oldest_ended_pods_above_the_limit_go_and_evicted_ones_before_them() -> None:
    old = pod("old", phase="Succeeded", metadata={"creationTimestamp": "2025-01-01T00:00:00Z"})
    new = pod("new", phase="Failed", metadata={"creationTimestamp": "2025-02-01T00:00:00Z"})
    evicted = pod("out", phase="Failed", reason="Evicted", metadata={"creationTimestamp": "2025-03-01T00:00:00Z"})
    assert pod_garbage.ended([new, old, evicted, pod("runs")], 1) == [evicted, old]
    assert pod_garbage.ended([new, old], 2) == []


def test_a_pod_that_goes_on_a_node_out_of_service_is_collected() -> None:
    going = pod("g", metadata={"deletionTimestamp": "2025-01-01T00:00:00Z"}, spec={"nodeName": "n"})
    out = {"key": taints.OUT_OF_SERVICE, "effect": "NoExecute"}
    dead: Obj = {"metadata": {"name": "n"}, "spec": {"taints": [out]}, "status": {}}
    assert pod_garbage.going([going], lambda name: dead) == [going]
    assert pod_garbage.going([going], lambda name: {**dead, "spec": {}}) == []
    assert pod_garbage.going([pod("r", spec={"nodeName": "n"})], lambda name: dead) == []


def test_a_disruption_target_that_stays_takes_it_back_after_two_minutes() -> None:
    said = {"type": "DisruptionTarget", "status": "True", "lastTransitionTime": timestamps.time(NOW)}
    assert target.stale_in(pod(conditions=[said]), NOW + 20) == 100.0
    assert target.stale_in(pod(conditions=[said]), NOW + 200) == 0.0
    assert target.stale_in(pod(conditions=[{**said, "reason": "TerminationByKubelet"}]), NOW) is None
    assert target.stale_in(pod(), NOW) is None
