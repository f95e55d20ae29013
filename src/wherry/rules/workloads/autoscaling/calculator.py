"""The replicas that one resource metric proposes: in proportion to how far usage is from its target, cautious where samples are missing.

Called by `metrics` with the target's pods and their samples. Pods without a sample are taken to use nothing when the proposal would be
more, and all that they should when it would be less; if that turns the proposal round, nothing is proposed.
Source: pkg/controller/podautoscaler/replica_calculator.go GetResourceReplicas, calcPlainMetricReplicas.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from wherry.api.objects import Obj
from wherry.rules.workloads.autoscaling.pods import CannotCalculate, Groups, grouped, requested
from wherry.rules.workloads.autoscaling.samples import Sample

#: usage for which a ratio is to be found: milli-units by pod -> (ratio to the target, what is shown of it)
Values = dict[str, int]


class Tolerances(NamedTuple):
    """How far from its target usage may be without anything being done."""

    down: float = 0.1
    up: float = 0.1

    def holds(self, ratio: float) -> bool:
        return 1.0 - self.down <= ratio <= 1.0 + self.up


class Case(NamedTuple):
    """Everything a calculation looks at. `replicas` is what the scale asks for."""

    replicas: int
    pods: Sequence[Obj]
    samples: Mapping[str, Sample]
    resource: str
    tolerances: Tolerances
    now: float


class Proposal(NamedTuple):
    """`utilization` in percent (None where the target is an amount), `usage` in milli-units per pod."""

    replicas: int
    usage: int
    utilization: int | None = None


def by_utilization(case: Case, target: int, container: str = "") -> Proposal:
    """`target`: percent of what the pods request. Raises CannotCalculate."""
    groups, values = _prepared(case)
    asked = requested(case.pods, case.resource, container)

    def ratio(of: Values) -> float:
        return _utilization(of, asked) / target

    utilization = _utilization(values, asked)
    usage = sum(v for k, v in values.items() if k in asked) // sum(1 for k in values if k in asked)
    full = max(100, target)
    replicas = _replicas(case, groups, values, ratio, lambda pod: asked[pod] * full // 100)
    return Proposal(replicas, usage, utilization)


def by_value(case: Case, target: int) -> Proposal:
    """`target`: milli-units per pod. Raises CannotCalculate."""
    groups, values = _prepared(case)

    def ratio(of: Values) -> float:
        return sum(of.values()) // len(of) / target

    usage = sum(values.values()) // len(values)
    return Proposal(_replicas(case, groups, values, ratio, lambda _: target), usage)


def _prepared(case: Case) -> tuple[Groups, Values]:
    if not case.pods:
        raise CannotCalculate("no pods returned by selector while calculating replica count")
    groups = grouped(case.pods, case.samples, case.resource, case.now)
    values = {k: s.value for k, s in case.samples.items() if k not in groups.ignored and k not in groups.unready}
    if not values:
        raise CannotCalculate("did not receive metrics for targeted pods (pods might be unready)")
    return groups, values


def _utilization(values: Values, asked: Mapping[str, int]) -> int:
    total = sum(asked[k] for k in values if k in asked)
    if not total:
        raise CannotCalculate("no metrics returned matched known pods")
    return sum(v for k, v in values.items() if k in asked) * 100 // total


def _replicas(case: Case, groups: Groups, values: Values, ratio: Callable[[Values], float], expected: Callable[[str], int]) -> int:
    first = ratio(values)
    rises = bool(groups.unready) and first > 1.0
    if not rises and not groups.missing:
        return case.replicas if case.tolerances.holds(first) else math.ceil(first * groups.ready)
    guessed = dict(values)
    if first < 1.0:
        guessed.update({pod: expected(pod) for pod in groups.missing})
    elif first > 1.0:
        guessed.update(dict.fromkeys(groups.missing, 0))
    if rises:
        guessed.update(dict.fromkeys(groups.unready, 0))
    second = ratio(guessed)
    if case.tolerances.holds(second) or (first < 1.0 < second) or (second < 1.0 < first):
        return case.replicas
    proposed = math.ceil(second * len(guessed))
    if (second < 1.0 and proposed > case.replicas) or (second > 1.0 and proposed < case.replicas):
        return case.replicas
    return proposed
