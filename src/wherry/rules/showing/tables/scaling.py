"""Rows of autoscalers, disruption budgets and scales. Called through `tables.row`.

Source: pkg/printers/internalversion/printers.go; a row is the same in every version an autoscaler is asked for in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wherry.api import quantity
from wherry.api.objects import Obj
from wherry.rules.schema.hpa_conversion import to_v2
from wherry.rules.showing.tables.cells import NONE, UNKNOWN, UNSET, age, name, part, spec, status
from wherry.rules.showing.tables.column import AGE, NAME, Printer, doc, integer, text

_MAX_METRICS = 2
#: type of a metric -> the field that describes it
_SOURCES = {"External": "external", "Pods": "pods", "Object": "object", "Resource": "resource", "ContainerResource": "containerResource"}


def _amount(current: Obj | None, field: str) -> str:
    """A current quantity; a zero when the status has the metric without it."""
    return UNKNOWN if current is None else quantity.canonical(current.get(field) or "0")


def _utilization(value: int | None, missing: str) -> str:
    return missing if value is None else f"{value}%"


def _resource_metric(source: Obj, current: Obj | None) -> str:
    target, title = part(source, "target"), source.get("name", "")
    if target.get("averageValue") is not None:
        return f"{title}: {_amount(current, 'averageValue')}/{quantity.canonical(target['averageValue'])}"
    now = _utilization((current or {}).get("averageUtilization"), UNKNOWN)
    return f"{title}: {now}/{_utilization(target.get('averageUtilization'), '<auto>')}"


def _metric(metric: Obj, state: Obj) -> str:
    field = _SOURCES.get(metric.get("type", ""))
    if field is None:
        return "<unknown type>"
    source = part(metric, field)
    target = part(source, "target")
    current = part(state, field, "current") if state.get(field) is not None else None
    if field in ("resource", "containerResource"):
        return _resource_metric(source, current)
    if field == "pods":
        return f"{_amount(current, 'averageValue')}/{quantity.canonical(target.get('averageValue') or '0')}"
    if target.get("averageValue") is not None:
        average = current if current and current.get("averageValue") is not None else None
        return f"{_amount(average, 'averageValue')}/{quantity.canonical(target['averageValue'])} (avg)"
    return f"{_amount(current, 'value')}/{quantity.canonical(target.get('value') or '0')}"


def _metrics(specs: Sequence[Obj], states: Sequence[Obj]) -> str:
    if not specs:
        return NONE
    shown = [_metric(metric, states[i] if i < len(states) else {}) for i, metric in enumerate(specs)]
    listed = ", ".join(shown[:_MAX_METRICS])
    return f"{listed} + {len(shown) - _MAX_METRICS} more..." if len(shown) > _MAX_METRICS else listed


def _autoscaler(obj: Obj, now: float) -> list[Any]:
    if obj.get("apiVersion") == "autoscaling/v1":
        obj = to_v2(obj)
    wanted, ref = spec(obj), part(obj, "spec", "scaleTargetRef")
    specs, states = wanted.get("metrics") or [], status(obj).get("currentMetrics") or []
    least = wanted.get("minReplicas")
    return [name(obj), f"{ref.get('kind', '')}/{ref.get('name', '')}", _metrics(specs, states), UNSET if least is None else str(least),
            wanted.get("maxReplicas", 0), status(obj).get("currentReplicas", 0), age(obj, now)]  # fmt: skip


def _budget(obj: Obj, now: float) -> list[Any]:
    least, most = spec(obj).get("minAvailable"), spec(obj).get("maxUnavailable")
    return [name(obj), "N/A" if least is None else str(least), "N/A" if most is None else str(most),
            status(obj).get("disruptionsAllowed", 0), age(obj, now)]  # fmt: skip


def _scale(obj: Obj, now: float) -> list[Any]:
    return [name(obj), spec(obj).get("replicas", 0), status(obj).get("replicas", 0), age(obj, now)]


_HPA = "autoscaling.v2.HorizontalPodAutoscaler"
PRINTERS = {
    "HorizontalPodAutoscaler.autoscaling": Printer(
        (
            NAME,
            text("Reference", doc(f"{_HPA}Spec", "scaleTargetRef")),
            text("Targets", doc(f"{_HPA}Spec", "metrics")),
            text("MinPods", doc(f"{_HPA}Spec", "minReplicas")),
            text("MaxPods", doc(f"{_HPA}Spec", "maxReplicas")),
            text("Replicas", doc(f"{_HPA}Status", "currentReplicas")),
            AGE,
        ),
        _autoscaler,
    ),
    "PodDisruptionBudget.policy": Printer(
        (
            NAME,
            text("Min Available", "The minimum number of pods that must be available."),
            text("Max Unavailable", "The maximum number of pods that may be unavailable."),
            integer("Allowed Disruptions", "Calculated number of pods that may be disrupted at this time."),
            AGE,
        ),
        _budget,
    ),
    "Scale.autoscaling": Printer(
        (
            text("Name", NAME.description),
            integer("Desired", doc("autoscaling.v1.ScaleSpec", "replicas")),
            integer("Available", doc("autoscaling.v1.ScaleStatus", "replicas")),
            AGE,
        ),
        _scale,
    ),
}
