"""One look at an autoscaler: how many replicas its metrics want, what of that may be done now, and what is told of it.

Called by the HorizontalPodAutoscaler controller. `decide` says what to scale to; once that was written, or refused, `scaled` or `refused`
give the rest. Invariant: nothing is scaled to less than minReplicas or more than maxReplicas.
Source: pkg/controller/podautoscaler/horizontal.go reconcileAutoscaler, computeReplicasForMetrics; KEP-117, KEP-853.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from wherry.api.objects import Obj
from wherry.rules.objects.plan import Action, Emit, Plan, Update
from wherry.rules.workloads.autoscaling import behavior, metrics, status
from wherry.rules.workloads.autoscaling.behavior import Bounds, Memory
from wherry.rules.workloads.autoscaling.metrics import Observed
from wherry.rules.workloads.autoscaling.status import Conditions

#: seconds between two looks
PERIOD = 15.0
_LOST_SCALE = "the HPA controller was unable to get the target's current scale: "


@dataclass(slots=True)
class Decision:
    """`replicas` None: nothing is to be scaled. `memory` is what to remember from now on."""

    hpa: Obj
    current: int
    conditions: Conditions
    memory: Memory
    replicas: int | None = None
    why: str = ""
    metrics: list[Obj] = field(default_factory=list)
    told: list[Emit] = field(default_factory=list)
    #: the metrics gave no number at all
    failed: bool = False


def no_scale(hpa: Obj, why: str, now: float) -> Plan:
    """The target, or its scale, is not there."""
    conditions = Conditions(hpa, now)
    conditions.set("AbleToScale", "False", "FailedGetScale", _LOST_SCALE + why)
    return Plan((Emit(hpa, "Warning", "FailedGetScale", why), *_written(hpa, status.failed(hpa, conditions))))


def needs_metrics(hpa: Obj, current: int) -> bool:
    return current != 0 and _least(hpa) <= current <= hpa["spec"]["maxReplicas"]


def _least(hpa: Obj) -> int:
    least = hpa["spec"].get("minReplicas")
    return 1 if least is None else int(least)


def decide(hpa: Obj, current: int, observed: Observed | str, memory: Memory, now: float) -> Decision:
    """`observed` is text when the target's pods cannot be told (its selector): reason and message, parted by a line feed."""
    conditions = Conditions(hpa, now)
    conditions.set("AbleToScale", "True", "SucceededGetScale", "the HPA controller was able to get the target's current scale")
    decision = Decision(hpa, current, conditions, behavior.remembered(memory, current, now))
    least, most = _least(hpa), hpa["spec"]["maxReplicas"]
    if current == 0:
        text = "scaling is disabled since the replica count of the target is zero"
        conditions.set("ScalingActive", "False", "ScalingDisabled", text)
    elif current > most:
        decision.replicas, decision.why = most, "Current number of replicas above Spec.MaxReplicas"
    elif current < least:
        decision.replicas, decision.why = least, "Current number of replicas below Spec.MinReplicas"
    elif isinstance(observed, str):
        _without_pods(decision, observed)
    else:
        _by_metrics(decision, observed, Bounds(current, least, most), now)
    return decision


def _without_pods(decision: Decision, observed: str) -> None:
    reason, _, text = observed.partition("\n")
    event = "SelectorRequired" if text == "selector is required" else reason
    shown = "the HPA target's scale is missing a selector" if event == "SelectorRequired" else text
    decision.conditions.set("ScalingActive", "False", reason, shown)
    decision.told += [Emit(decision.hpa, "Warning", event, text), Emit(decision.hpa, "Warning", "FailedComputeMetricsReplicas", text)]
    decision.failed = True


def _by_metrics(decision: Decision, observed: Observed, bounds: Bounds, now: float) -> None:
    wanted = _wanted(decision, observed, now)
    if wanted is None:
        return
    desired, named = wanted
    if desired > bounds.current:
        decision.why = f"{named} above target"
    elif desired < bounds.current:
        decision.why = "All metrics below target"
    said = behavior.normalised(desired, decision.hpa["spec"].get("behavior"), bounds, decision.memory, now)
    decision.memory = said.memory
    decision.conditions.set("AbleToScale", "True", *said.stable[1:])
    decision.conditions.set("ScalingLimited", "True" if said.limit[0] else "False", *said.limit[1:])
    if said.replicas != bounds.current:
        decision.replicas = said.replicas


def _wanted(decision: Decision, observed: Observed, now: float) -> tuple[int, str] | None:
    """The most that any metric wants, and which one; None when that cannot be trusted."""
    hpa = decision.hpa
    replicas, named, first = 0, "", None
    invalid, specs = 0, hpa["spec"].get("metrics") or []
    for spec in specs:
        try:
            outcome = metrics.computed(spec, hpa, observed, now)
        except metrics.Invalid as error:
            decision.told.append(Emit(hpa, "Warning", error.reason, str(error)))
            decision.metrics.append({"type": ""})
            first, invalid = first or error, invalid + 1
            continue
        decision.metrics.append(outcome.status)
        if replicas == 0 or outcome.replicas > replicas:
            replicas, named = outcome.replicas, outcome.name
    if first is not None and (invalid >= len(specs) or replicas < observed.replicas):
        decision.conditions.set("ScalingActive", "False", first.reason, f"the HPA was unable to compute the replica count: {first}")
        text = f"invalid metrics ({invalid} invalid out of {len(specs)}), first error is: {first.wrapped}"
        decision.told.append(Emit(hpa, "Warning", "FailedComputeMetricsReplicas", text))
        decision.failed = True
        return None
    text = f"the HPA was able to successfully calculate a replica count from {named}"
    decision.conditions.set("ScalingActive", "True", "ValidMetricFound", text)
    return replicas, named


# --- what follows ---
def unscaled(decision: Decision) -> Plan:
    """There was nothing to scale, or no number to scale to."""
    old = decision.hpa.get("status") or {}
    desired = old.get("desiredReplicas", 0) if decision.failed else decision.current
    return _plan(decision, status.said(decision.hpa, decision.conditions, decision.current, desired, decision.metrics))


def scaled(decision: Decision, now: float) -> tuple[Plan, Memory]:
    """The scale was written."""
    assert decision.replicas is not None
    text = f"the HPA controller was able to update the target scale to {decision.replicas}"
    decision.conditions.set("AbleToScale", "True", "SucceededRescale", text)
    decision.told.append(Emit(decision.hpa, "Normal", "SuccessfulRescale", f"New size: {decision.replicas}; reason: {decision.why}"))
    said = status.said(decision.hpa, decision.conditions, decision.current, decision.replicas, decision.metrics, now)
    memory = behavior.scaled(decision.memory, decision.hpa["spec"].get("behavior"), decision.current, decision.replicas, now)
    return _plan(decision, said), memory


def refused(decision: Decision, error: str) -> Plan:
    """The scale could not be written."""
    text = f"New size: {decision.replicas}; reason: {decision.why}; error: {error}"
    decision.told.append(Emit(decision.hpa, "Warning", "FailedRescale", text))
    shown = f"the HPA controller was unable to update the target scale: {error}"
    decision.conditions.set("AbleToScale", "False", "FailedUpdateScale", shown)
    desired = (decision.hpa.get("status") or {}).get("desiredReplicas", 0)
    return _plan(decision, status.said(decision.hpa, decision.conditions, decision.current, desired, decision.metrics))


def _plan(decision: Decision, said: Obj) -> Plan:
    return Plan((*decision.told, *_written(decision.hpa, said)), PERIOD)


def _written(hpa: Obj, said: Obj) -> tuple[Action, ...]:
    return () if said == (hpa.get("status") or {}) else (Update({**hpa, "status": said}, "status"),)
