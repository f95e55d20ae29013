"""HorizontalPodAutoscalers between autoscaling/v1 and v2: what v1 has no field for travels in annotations.

Called by `wherry.rules.kinds.conversion`. Going to v1 and back loses nothing: the CPU utilisation target is a field of v1, every other
metric, the behaviour, current metrics and conditions are JSON in annotations, in v1's own form of a metric.
Source: pkg/apis/autoscaling/v1/conversion.go, pkg/apis/autoscaling/annotations.go.
"""

from __future__ import annotations

import json
from typing import Any

from wherry.api.objects import Obj, with_metadata

METRICS = "autoscaling.alpha.kubernetes.io/metrics"
CURRENT = "autoscaling.alpha.kubernetes.io/current-metrics"
CONDITIONS = "autoscaling.alpha.kubernetes.io/conditions"
BEHAVIOR = "autoscaling.alpha.kubernetes.io/behavior"
_ALL = (METRICS, CURRENT, CONDITIONS, BEHAVIOR)
_SOURCES = ("object", "pods", "resource", "containerResource", "external")


def cpu_utilization(percent: int) -> Obj:
    """The metric of v2 that v1's targetCPUUtilizationPercentage is."""
    target = {"type": "Utilization", "averageUtilization": percent}
    return {"type": "Resource", "resource": {"name": "cpu", "target": target}}


def _set(**values: Any) -> Obj:
    return {k: v for k, v in values.items() if v is not None}


#: fields of what is kept in annotations, in the order of the reference's types
_ORDER = {
    name: i
    for i, name in enumerate(
        (
            "type", "status", "lastTransitionTime", "reason", "message", "object", "pods", "resource", "containerResource", "external",
            "target", "kind", "name", "apiVersion", "metricName", "metricSelector", "targetValue", "currentValue",
            "targetAverageUtilization", "targetAverageValue", "currentAverageUtilization", "currentAverageValue", "container", "selector",
            "averageValue", "matchLabels", "matchExpressions", "key", "operator", "values", "scaleUp", "scaleDown",
            "stabilizationWindowSeconds", "selectPolicy", "policies", "tolerance", "value", "periodSeconds",
        )
    )
}  # fmt: skip


def _text(value: Any) -> str:
    """JSON as Go writes it: fields in order, what HTML would read escaped."""
    text = json.dumps(_in_order(value), separators=(",", ":"), ensure_ascii=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _in_order(value: Any, *, given: bool = False) -> Any:
    """`given`: the names are somebody's labels."""
    if isinstance(value, dict):
        names = sorted(value) if given else sorted(value, key=lambda name: _ORDER.get(name, len(_ORDER)))
        return {name: _in_order(value[name], given=name == "matchLabels") for name in names}
    return [_in_order(each) for each in value] if isinstance(value, list) else value


def to_v1(obj: Obj) -> Obj:
    """The autoscaling/v1 form of a v2 object."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    metrics = spec.get("metrics") or []
    cpu = [m for m in metrics if _is_cpu(m)]
    shown = {
        METRICS: [_metric_v1(m, _source_v1) for m in metrics if not _is_cpu(m)],
        CURRENT: [_metric_v1(m, _status_v1) for m in status.get("currentMetrics") or ()],
        BEHAVIOR: spec.get("behavior"),
        CONDITIONS: status.get("conditions"),
    }
    out = _annotated(obj, {k: _text(v) for k, v in shown.items() if v})
    out["apiVersion"] = "autoscaling/v1"
    out["spec"] = {k: v for k, v in spec.items() if k not in ("metrics", "behavior")}
    if cpu:
        out["spec"]["targetCPUUtilizationPercentage"] = cpu[0]["resource"]["target"]["averageUtilization"]
    out["status"] = {"currentReplicas": 0, **{k: v for k, v in status.items() if k not in ("currentMetrics", "conditions")}}
    for metric in status.get("currentMetrics") or ():
        current = (metric.get("resource") or {}).get("current") or {}
        if metric.get("type") == "Resource" and metric["resource"].get("name") == "cpu" and "averageUtilization" in current:
            out["status"]["currentCPUUtilizationPercentage"] = current["averageUtilization"]
    return out


def to_v2(obj: Obj) -> Obj:
    """The autoscaling/v2 form of a v1 object; JSON in an annotation that cannot be read is dropped, as the reference drops it."""
    notes = obj["metadata"].get("annotations") or {}
    spec, status = dict(obj.get("spec") or {}), dict(obj.get("status") or {})
    percent = spec.pop("targetCPUUtilizationPercentage", None)
    metrics = [_metric_v2(m, _source_v2) for m in _read(notes, METRICS, list) or ()]
    if percent is not None:
        metrics.append(cpu_utilization(percent))
    spec["metrics"] = metrics or [cpu_utilization(80)]
    if behavior := _read(notes, BEHAVIOR, dict):
        spec["behavior"] = behavior
    status.pop("currentCPUUtilizationPercentage", None)
    current = _read(notes, CURRENT, list)
    status["currentMetrics"] = [_metric_v2(m, _status_v2) for m in current] if current else status.get("currentMetrics")
    if conditions := _read(notes, CONDITIONS, list):
        status["conditions"] = conditions
    out = _annotated(obj, {})
    return {**out, "apiVersion": "autoscaling/v2", "spec": spec, "status": status}


def _annotated(obj: Obj, added: dict[str, str]) -> Obj:
    """A copy with the travelling annotations replaced by `added`."""
    notes = obj["metadata"].get("annotations") or {}
    kept = {k: v for k, v in notes.items() if k not in _ALL} | added
    return with_metadata(obj, annotations=kept or None)


def _read(notes: dict[str, str], name: str, form: type) -> Any:
    try:
        value = json.loads(notes.get(name, "null"))
    except ValueError:
        return None
    return value if isinstance(value, form) else None


def _is_cpu(metric: Obj) -> bool:
    resource = metric.get("resource") or {}
    target = resource.get("target") or {}
    return metric.get("type") == "Resource" and resource.get("name") == "cpu" and target.get("averageUtilization") is not None


def _metric_v1(metric: Obj, rule: Any) -> Obj:
    return {"type": metric.get("type", ""), **{name: rule(name, metric[name]) for name in _SOURCES if metric.get(name)}}


_metric_v2 = _metric_v1


def _source_v1(name: str, source: Obj) -> Obj:
    target, metric = source.get("target") or {}, source.get("metric") or {}
    value, average = target.get("value"), target.get("averageValue")
    match name:
        case "object":
            about, named, selector = source.get("describedObject"), metric.get("name", ""), metric.get("selector")
            return _set(target=about, metricName=named, targetValue=value or "0", selector=selector, averageValue=average)
        case "pods":
            return _set(metricName=metric.get("name", ""), targetAverageValue=average or "0", selector=metric.get("selector"))
        case "external":
            return _set(
                metricName=metric.get("name", ""), metricSelector=metric.get("selector"), targetValue=value, targetAverageValue=average
            )
        case _:
            utilization = target.get("averageUtilization")
            container = source.get("container")
            return _set(name=source.get("name", ""), targetAverageUtilization=utilization, targetAverageValue=average, container=container)


def _source_v2(name: str, source: Obj) -> Obj:
    metric = _set(name=source.get("metricName", ""), selector=source.get("metricSelector" if name == "external" else "selector"))
    match name:
        case "object":
            average, value = source.get("averageValue"), source.get("targetValue")
            if average is None:
                target = {"type": "Value", "value": value or "0"}
            else:
                target = _set(type="AverageValue", value=value if value not in (None, "0", 0) else None, averageValue=average)
            return _set(describedObject=source.get("target"), target=target, metric=metric)
        case "pods":
            return {"metric": metric, "target": {"type": "AverageValue", "averageValue": source.get("targetAverageValue", "0")}}
        case "external":
            value = source.get("targetValue")
            kind = "AverageValue" if value is None else "Value"
            return {"metric": metric, "target": _set(type=kind, value=value, averageValue=source.get("targetAverageValue"))}
        case _:
            utilization = source.get("targetAverageUtilization")
            kind = "AverageValue" if utilization is None else "Utilization"
            target = _set(type=kind, averageValue=source.get("targetAverageValue"), averageUtilization=utilization)
            return _set(name=source.get("name", ""), target=target, container=source.get("container"))


def _status_v1(name: str, status: Obj) -> Obj:
    current, metric = status.get("current") or {}, status.get("metric") or {}
    value, average = current.get("value") or "0", current.get("averageValue")
    named, selector = metric.get("name", ""), metric.get("selector")
    match name:
        case "object":
            return _set(target=status.get("describedObject"), metricName=named, currentValue=value, selector=selector, averageValue=average)
        case "pods":
            return _set(metricName=named, currentAverageValue=average or "0", selector=selector)
        case "external":
            return _set(metricName=named, metricSelector=selector, currentValue=value, currentAverageValue=average)
        case _:
            utilization, container = current.get("averageUtilization"), status.get("container")
            shown = average or "0"
            return _set(name=status.get("name", ""), currentAverageUtilization=utilization, currentAverageValue=shown, container=container)


def _status_v2(name: str, status: Obj) -> Obj:
    metric = _set(name=status.get("metricName", ""), selector=status.get("metricSelector" if name == "external" else "selector"))
    match name:
        case "object":
            current = _set(value=status.get("currentValue", "0"), averageValue=status.get("averageValue"))
            return _set(metric=metric, current=current, describedObject=status.get("target"))
        case "pods":
            return {"metric": metric, "current": {"averageValue": status.get("currentAverageValue", "0")}}
        case "external":
            current = _set(value=status.get("currentValue", "0"), averageValue=status.get("currentAverageValue"))
            return {"metric": metric, "current": current}
        case _:
            utilization = status.get("currentAverageUtilization")
            current = _set(averageValue=status.get("currentAverageValue", "0"), averageUtilization=utilization)
            return _set(name=status.get("name", ""), current=current, container=status.get("container"))
