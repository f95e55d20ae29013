"""How many replicas a metric proposes, and what stabilisation and policies make of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherry.api import timestamps
from wherry.api.objects import Obj
from wherry.rules.pods.metrics import objects as metrics
from wherry.rules.schema.hpa_conversion import to_v1
from wherry.rules.workloads.autoscaling import behavior, calculator, samples
from wherry.rules.workloads.autoscaling.behavior import Bounds, Memory
from wherry.rules.workloads.autoscaling.calculator import Case, Tolerances
from wherry.rules.workloads.autoscaling.pods import CannotCalculate, grouped
from wherry.rules.workloads.autoscaling.samples import Sample

NOW = 1_767_225_600.0


def pod(index: int, *, phase: str = "Running", ready: str = "True", age: float = 3600, changed: float = 3600, deleting: bool = False,
        request: str | None = "1") -> Obj:  # fmt: skip
    meta: Obj = {"name": f"p{index}", "namespace": "ns", "uid": str(index)}
    if deleting:
        meta["deletionTimestamp"] = timestamps.time(NOW)
    condition = {"type": "Ready", "status": ready, "lastTransitionTime": timestamps.time(NOW - changed)}
    status = {"phase": phase, "startTime": timestamps.time(NOW - age), "conditions": [condition]}
    resources = {"requests": {"cpu": request}} if request is not None else {}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta,
        "spec": {"containers": [{"name": "c", "resources": resources}]},
        "status": status,
    }


def case(pods: list[Obj], values: dict[int, int], replicas: int | None = None) -> Case:
    found = {f"p{i}": Sample(v, NOW, 60.0) for i, v in values.items()}
    return Case(len(pods) if replicas is None else replicas, pods, found, "cpu", Tolerances(), NOW)


def three(**fields: Any) -> list[Obj]:
    return [pod(i, **fields) for i in range(3)]


@pytest.mark.parametrize(
    ("values", "target", "wanted"),
    [
        ({0: 300, 1: 500, 2: 700}, 30, 5),  # 50 % used
        ({0: 300, 1: 500, 2: 700}, 50, 3),  # as wanted
        ({0: 300, 1: 500, 2: 700}, 46, 3),  # within a tenth
        ({0: 100, 1: 300, 2: 500}, 50, 2),  # less
        ({0: 10, 1: 10, 2: 10}, 50, 1),
        ({0: 0, 1: 0, 2: 0}, 50, 0),
    ],
)
def test_replicas_follow_the_utilization(values: dict[int, int], target: int, wanted: int) -> None:
    assert calculator.by_utilization(case(three(), values), target).replicas == wanted


def test_a_pod_without_a_sample_counts_as_idle_when_more_are_wanted() -> None:
    assert calculator.by_utilization(case([*three(), pod(3)], {0: 1000, 1: 1000, 2: 1000}), 60).replicas == 5
    assert calculator.by_utilization(case([*three(), pod(3)], {0: 600, 1: 650, 2: 700}), 60).replicas == 4


def test_a_pod_without_a_sample_counts_as_busy_when_fewer_are_wanted() -> None:
    assert calculator.by_utilization(case([*three(), pod(3)], {0: 100, 1: 100, 2: 100}), 60).replicas == 3
    assert calculator.by_utilization(case([*three(), pod(3)], {0: 600, 1: 500, 2: 400}), 60).replicas == 4


def test_pods_that_start_do_not_speed_growth_up() -> None:
    pods = [pod(0), pod(1, ready="False"), pod(2, phase="Pending")]
    # one pod uses 90 %; with two more that use nothing it is the 30 % that are wanted
    assert calculator.by_utilization(case(pods, {0: 900, 1: 900}), 30).replicas == 3
    starting = [pod(0), pod(1), pod(2, age=10, changed=5)]
    assert calculator.by_utilization(case(starting, {0: 900, 1: 900, 2: 900}), 30).replicas == 6


def test_who_counts() -> None:
    late, was_ready = pod(5, ready="False", age=60, changed=50), pod(6, ready="False", age=3600, changed=10)
    pods = [pod(0), pod(1, deleting=True), pod(2, phase="Failed"), pod(3, phase="Pending"), pod(4), late, was_ready]
    values = {f"p{i}": Sample(1, NOW, 60.0) for i in (0, 1, 2, 3, 5, 6)}
    found = grouped(pods, values, "cpu", NOW)
    assert found.ready == 2  # the last was ready once: its usage is real
    assert (found.unready, found.missing, found.ignored) == ({"p3", "p5"}, {"p4"}, {"p1", "p2"})
    assert grouped(pods, values, "memory", NOW).ready == 3


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (case([], {0: 1}), "no pods returned by selector while calculating replica count"),
        (case(three(), {}), "did not receive metrics for targeted pods (pods might be unready)"),
        (case(three(request=None), {0: 1}), "missing request for cpu in container c of Pod p0"),
    ],
)
def test_why_nothing_can_be_proposed(given: Case, why: str) -> None:
    with pytest.raises(CannotCalculate) as error:
        calculator.by_utilization(given, 50)
    assert str(error.value) == why


def test_an_average_value_needs_no_requests() -> None:
    proposal = calculator.by_value(case(three(request=None), {0: 300, 1: 500, 2: 700}), 250)
    assert (proposal.replicas, proposal.usage, proposal.utilization) == (6, 500, None)


def test_samples_are_sums_over_containers() -> None:
    used = [{"name": "a", "usage": {"cpu": "100m", "memory": "1Mi"}}, {"name": "b", "usage": {"cpu": "0.2"}}]
    listed = [{"metadata": {"name": "p"}, "timestamp": timestamps.time(NOW), "window": "15s", "containers": used}]
    assert samples.of_pods(listed, "cpu") == {"p": Sample(300, NOW, 15.0)}
    assert samples.of_pods(listed, "cpu", "b")["p"].value == 200
    assert samples.of_pods(listed, "memory") == {}


# --- behaviour ---
def test_without_behavior_it_doubles_at_most_and_waits_before_it_shrinks() -> None:
    said = behavior.normalised(30, None, Bounds(5, 1, 100), Memory(), NOW)
    assert (said.replicas, said.limit[1]) == (10, "ScaleUpLimit")
    memory = behavior.remembered(Memory(), 8, NOW)
    said = behavior.normalised(2, None, Bounds(8, 1, 100), memory, NOW + 299)
    assert (said.replicas, said.stable[1]) == (8, "ScaleDownStabilized")
    said = behavior.normalised(2, None, Bounds(8, 1, 100), memory, NOW + 301)
    assert (said.replicas, said.stable[1]) == (2, "ReadyForNewScale")


def rules(select: str = "Max", window: int | None = 0, *policies: tuple[str, int, int]) -> Obj:
    listed = [{"type": t, "value": v, "periodSeconds": s} for t, v, s in policies]
    return {"selectPolicy": select, "policies": listed, **({} if window is None else {"stabilizationWindowSeconds": window})}


@pytest.mark.parametrize(
    ("select", "wanted"),
    [("Max", 20), ("Min", 14), ("Disabled", 10)],
)
def test_the_chosen_policy_limits_growth(select: str, wanted: int) -> None:
    up = rules(select, 0, ("Pods", 4, 60), ("Percent", 100, 60))
    said = behavior.normalised(50, {"scaleUp": up, "scaleDown": rules()}, Bounds(10, 1, 100), Memory(), NOW)
    assert said.replicas == wanted


@pytest.mark.parametrize(("select", "wanted"), [("Max", 5), ("Min", 7), ("Disabled", 10)])
def test_the_chosen_policy_limits_shrinking(select: str, wanted: int) -> None:
    down = rules(select, 0, ("Pods", 3, 60), ("Percent", 50, 60))
    said = behavior.normalised(1, {"scaleUp": rules(), "scaleDown": down}, Bounds(10, 1, 100), Memory(), NOW)
    assert said.replicas == wanted


def test_what_was_done_in_the_period_counts() -> None:
    both = {"scaleUp": rules("Max", 0, ("Pods", 4, 60)), "scaleDown": rules("Max", 0, ("Pods", 4, 60))}
    memory = behavior.scaled(Memory(), both, 10, 13, NOW)
    assert behavior.normalised(50, both, Bounds(13, 1, 100), memory, NOW + 30).replicas == 14
    assert behavior.normalised(50, both, Bounds(13, 1, 100), memory, NOW + 61).replicas == 17
    assert behavior.normalised(50, both, Bounds(16, 1, 100), behavior.scaled(memory, both, 13, 16, NOW + 1), NOW + 2).replicas == 16


def test_stabilisation_takes_the_calmest_of_the_window() -> None:
    calm = {"scaleUp": rules("Max", 120, ("Percent", 900, 15)), "scaleDown": rules("Max", None, ("Percent", 100, 15))}
    memory = Memory(((4, NOW - 100), (9, NOW - 20)))
    assert behavior.normalised(12, calm, Bounds(4, 1, 100), memory, NOW).replicas == 4
    assert behavior.normalised(12, calm, Bounds(4, 1, 100), memory, NOW + 30).replicas == 9
    assert behavior.normalised(2, calm, Bounds(9, 1, 100), memory, NOW).replicas == 9
    said = behavior.normalised(2, calm, Bounds(9, 1, 100), memory, NOW + 290)
    assert (said.replicas, said.stable[:2]) == (2, (False, "ReadyForNewScale"))


def test_limits_of_the_autoscaler_hold() -> None:
    free = {"scaleUp": rules("Max", 0, ("Percent", 900, 15)), "scaleDown": rules("Max", 0, ("Percent", 100, 15))}
    assert behavior.normalised(50, free, Bounds(10, 3, 20), Memory(), NOW)[0] == 20
    said = behavior.normalised(1, free, Bounds(10, 3, 20), Memory(), NOW)
    assert (said.replicas, said.limit[1]) == (3, "TooFewReplicas")


@given(
    st.integers(0, 200), st.integers(1, 50), st.integers(1, 20), st.integers(0, 60), st.sampled_from(["Max", "Min", "Disabled"]),
    st.lists(st.tuples(st.integers(1, 80), st.floats(0, 600)), max_size=8), st.booleans(),
)  # fmt: skip
def test_whatever_is_wanted_stays_within_bounds(
    desired: int, current: int, least: int, more: int, select: str, recent: list[tuple[int, float]], plain: bool
) -> None:
    bounds = Bounds(min(max(current, least), least + more), least, least + more)
    memory = Memory(tuple((r, NOW - ago) for r, ago in recent))
    both = {"scaleUp": rules(select, 60, ("Pods", 4, 60)), "scaleDown": rules(select, 300, ("Percent", 50, 60))}
    said = behavior.normalised(desired, None if plain else both, bounds, memory, NOW)
    assert bounds.least <= said.replicas <= bounds.most
    assert said.memory.recommendations[-1] == (desired, NOW)


# --- usage of simulated pods ---
def test_usage_is_what_the_annotations_say_or_a_share_of_the_requests() -> None:
    containers = [{"name": "a", "resources": {"requests": {"cpu": "300m"}}}, {"name": "b", "resources": {"requests": {"cpu": "100m"}}}]
    states = [{"name": c["name"], "state": {"running": {}}} for c in containers]
    meta: Obj = {"name": "p", "namespace": "ns", "annotations": {"wherry.dev/cpu": "40m", "wherry.dev/memory.b": "10Mi"}}
    one: Obj = {"metadata": meta, "spec": {"containers": containers}, "status": {"phase": "Running", "containerStatuses": states}}
    made = metrics.of_pod(one, NOW)
    assert made is not None
    assert [c["usage"]["cpu"] for c in made["containers"]] == ["30m", "10m"]
    assert made["containers"][1]["usage"]["memory"] == "10240Ki"
    plain = {**one, "metadata": {"name": "p", "namespace": "ns"}}
    guessed = metrics.of_pod(plain, NOW)
    assert guessed is not None
    assert guessed == metrics.of_pod(plain, NOW)
    assert 15 <= samples.of_pods([{**guessed, "containers": guessed["containers"][:1]}], "cpu")["p"].value <= 45
    assert metrics.of_pod({**one, "status": {"phase": "Pending"}}, NOW) is None


def test_the_form_of_v1_has_fields_in_the_order_of_the_references_types() -> None:
    condition = {"lastTransitionTime": "2026-01-01T00:00:00Z", "message": "a < b", "reason": "R", "status": "True", "type": "AbleToScale"}
    obj = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "a"}, "spec": {"maxReplicas": 1},
           "status": {"conditions": [condition]}}  # fmt: skip
    note = to_v1(obj)["metadata"]["annotations"]["autoscaling.alpha.kubernetes.io/conditions"]
    assert note == (
        '[{"type":"AbleToScale","status":"True","lastTransitionTime":"2026-01-01T00:00:00Z","reason":"R","message":"a \\u003c b"}]'
    )
