"""One metric of an autoscaler: what it proposes, what the status shows of it, or why it says nothing.

Called by `plan` for each metric. Resource and ContainerResource metrics are computed; for Object, Pods and External metrics there is no
custom or external metrics API here, and they say so by name, as they would in a cluster without an adapter.
Source: pkg/controller/podautoscaler/horizontal.go computeReplicasForMetric, computeStatusForResourceMetricGeneric.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from wherry.api import quantity
from wherry.api.objects import Obj
from wherry.rules.objects import selectors
from wherry.rules.workloads.autoscaling import calculator, samples
from wherry.rules.workloads.autoscaling.calculator import Case, Proposal, Tolerances
from wherry.rules.workloads.autoscaling.pods import CannotCalculate


@dataclass(frozen=True, slots=True)
class Observed:
    """The target: its replicas, its pods, and their metrics (PodMetrics), or why these could not be had."""

    replicas: int
    pods: Sequence[Obj]
    metrics: Sequence[Obj]
    failure: str = ""


class Outcome(NamedTuple):
    """`name` tells people which metric it was."""

    replicas: int
    name: str
    status: Obj


class Invalid(Exception):
    """A metric that says nothing: `reason` and the text are for event and condition, `wrapped` is the text with the metric's name."""

    def __init__(self, reason: str, text: str, wrapped: str) -> None:
        super().__init__(text)
        self.reason = reason
        self.wrapped = wrapped


def tolerances(hpa: Obj) -> Tolerances:
    behavior = hpa["spec"].get("behavior") or {}
    default = Tolerances()
    down, up = ((behavior.get(k) or {}).get("tolerance") for k in ("scaleDown", "scaleUp"))
    return Tolerances(
        default.down if down is None else float(quantity.parse(down)), default.up if up is None else float(quantity.parse(up))
    )


def computed(spec: Obj, hpa: Obj, observed: Observed, now: float) -> Outcome:
    """Raises Invalid."""
    match spec["type"]:
        case "Resource":
            return _resource(spec["resource"], "", spec["type"], hpa, observed, now)
        case "ContainerResource":
            source = spec["containerResource"]
            return _resource(source, source["container"], spec["type"], hpa, observed, now)
        case kind:
            raise _not_served(kind, spec, hpa)


def _resource(source: Obj, container: str, kind: str, hpa: Obj, observed: Observed, now: float) -> Outcome:
    resource, target = source["name"], source.get("target") or {}
    of_container = kind == "ContainerResource"
    try:
        amount = target.get("averageValue")
        proposal = _proposed(resource, container, target, hpa, observed, now)
    except CannotCalculate as error:
        text = str(error)
        what = "usage" if amount is not None else "utilization"
        if amount is not None or target.get("averageUtilization") is not None:
            text = f"failed to get {resource} {what}: {error}"
        wrapped = f"failed to get {container} container metric value" if of_container else f"failed to get {resource} resource metric value"
        raise Invalid(f"FailedGet{kind}Metric", text, f"{wrapped}: {text}") from error
    current: Obj = {"averageValue": _shown(resource, proposal.usage)}
    named = f"{resource} resource"
    if proposal.utilization is not None:
        current["averageUtilization"] = proposal.utilization
        named = f"{resource}{' container' if of_container else ''} resource utilization (percentage of request)"
    field, extra = ("containerResource", {"container": container}) if of_container else ("resource", {})
    return Outcome(proposal.replicas, named, {"type": kind, field: {"name": resource, **extra, "current": current}})


def _proposed(resource: str, container: str, target: Obj, hpa: Obj, observed: Observed, now: float) -> Proposal:
    amount, percent = target.get("averageValue"), target.get("averageUtilization")
    if amount is None and percent is None:
        raise CannotCalculate("invalid resource metric source: neither an average utilization target nor an average value target was set")
    if observed.failure or not observed.metrics:
        why = observed.failure or "no metrics returned from resource metrics API"
        raise CannotCalculate(f"unable to get metrics for resource {resource}: {why}")
    found = samples.of_pods(observed.metrics, resource, container)
    case = Case(observed.replicas, observed.pods, found, resource, tolerances(hpa), now)
    if amount is not None:
        return calculator.by_value(case, quantity.milli(amount))
    return calculator.by_utilization(case, int(percent or 0), container)


def _shown(resource: str, milli: int) -> str:
    return quantity.format_(Fraction(milli, 1000), quantity.BINARY_SI if resource == "memory" else quantity.DECIMAL_SI)


_CUSTOM = "unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered"
_EXTERNAL = "unable to fetch metrics from external metrics API: no external metrics API (external.metrics.k8s.io) registered"


def _not_served(kind: str, spec: Obj, hpa: Obj) -> Invalid:
    namespace = hpa["metadata"]["namespace"]
    if kind == "Pods":
        text = f"unable to get metric {spec['pods']['metric']['name']}: {_CUSTOM}"
        return Invalid("FailedGetPodsMetric", text, f"failed to get pods metric value: {text}")
    if kind == "Object":
        source = spec["object"]
        of = f"on {source['describedObject']['kind']} {namespace}/{source['describedObject']['name']}"
        text = f"unable to get metric {source['metric']['name']}: {_CUSTOM} {of}"
        return Invalid("FailedGetObjectMetric", text, f"failed to get object metric value: {text}")
    if kind == "External":
        metric = spec["external"]["metric"]
        selector = selectors.from_label_selector(metric["selector"]) if metric.get("selector") else ""
        text = f"unable to get external metric {namespace}/{metric['name']}/{selector}: {_EXTERNAL}"
        return Invalid("FailedGetExternalMetric", text, f"failed to get {metric['name']} external metric value: {text}")
    text = f'unknown metric source type "{kind}"'
    return Invalid("InvalidMetricSourceType", text, text)
