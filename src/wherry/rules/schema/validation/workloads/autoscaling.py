"""HorizontalPodAutoscalers (autoscaling/v2): what is wrong with one.

Called by the strategy with objects in the form of v2.
Source: pkg/apis/autoscaling/validation/validation.go, pkg/registry/autoscaling/horizontalpodautoscaler/strategy.go.
"""

from __future__ import annotations

from wherry.api import quantity
from wherry.api.field import Errors, child, forbidden, index, invalid, not_supported, required
from wherry.api.objects import Obj
from wherry.rules.objects.names import dns1123_label, path_segment_name
from wherry.rules.schema.validation.metadata import NOT_NEGATIVE
from wherry.rules.schema.validation.quantities import container_resource_name

_TYPES = {"object": "Object", "external": "External", "pods": "Pods", "resource": "Resource", "containerResource": "ContainerResource"}
_TYPE_LIST = tuple(sorted(_TYPES.values()))
_FIELD = {type_: name for name, type_ in _TYPES.items()}
_POSITIVE = "must be greater than zero"


def validate_autoscaler(obj: Obj) -> Errors:
    return _spec(obj.get("spec") or {}, {})


def validate_autoscaler_update(new: Obj, old: Obj) -> Errors:
    """An API version that was there before may stay as it is, and so may zero replicas."""
    return _spec(new.get("spec") or {}, old.get("spec") or {})


def validate_autoscaler_status(new: Obj, old: Obj) -> Errors:
    status = new.get("status") or {}
    names = ("currentReplicas", "desiredReplicas")
    return [invalid(f"status.{n}", status[n], NOT_NEGATIVE) for n in names if (status.get(n) or 0) < 0]


def _spec(spec: Obj, old: Obj) -> Errors:
    least = 0 if old.get("minReplicas") == 0 else 1
    low, high = spec.get("minReplicas"), spec.get("maxReplicas") or 0
    errors: Errors = []
    if low is not None and low < least:
        errors.append(invalid("spec.minReplicas", low, f"must be greater than or equal to {least}"))
    if high == 0:
        errors.append(required("spec.maxReplicas", "must be set and greater than 0"))
    elif high < 0:
        errors.append(invalid("spec.maxReplicas", high, "must be greater than or equal to 1"))
    if low is not None and high < low:
        errors.append(invalid("spec.maxReplicas", high, "must be greater than or equal to `minReplicas`"))
    errors += _target(spec, old) + _metrics(spec.get("metrics") or [], low)
    for name, rules in (spec.get("behavior") or {}).items():
        errors += _rules(rules, f"spec.behavior.{name}")
    return errors


def _target(spec: Obj, old: Obj) -> Errors:
    ref, before = spec.get("scaleTargetRef") or {}, old.get("scaleTargetRef")
    same = before is not None and all(before.get(k) == ref.get(k) for k in ("apiVersion", "kind"))
    return _reference(ref, "spec.scaleTargetRef", any_version=same, core=ref.get("kind") == "ReplicationController")


def _reference(ref: Obj, path: str, *, any_version: bool, core: bool) -> Errors:
    errors: Errors = []
    for name in ("kind", "name"):
        value = ref.get(name) or ""
        messages = path_segment_name(value)
        errors += [invalid(child(path, name), value, m) for m in messages] if value else [required(child(path, name))]
    version = ref.get("apiVersion") or ""
    if any_version:
        return errors
    if version.count("/") > 1:
        errors.append(invalid(child(path, "apiVersion"), version, f"unexpected GroupVersion string: {version}"))
    elif not core and not version.partition("/")[2]:
        errors.append(invalid(child(path, "apiVersion"), version, "apiVersion must specify API group"))
    return errors


def _metrics(metrics: list[Obj], low: int | None) -> Errors:
    errors = [e for i, metric in enumerate(metrics) for e in _metric(metric, index("spec.metrics", i))]
    if low == 0 and not any(m.get("type") in ("Object", "External") for m in metrics):
        errors.append(forbidden("spec.metrics", "must specify at least one Object or External metric to support scaling to zero replicas"))
    return errors


def _metric(metric: Obj, path: str) -> Errors:
    type_ = metric.get("type") or ""
    errors: Errors = [] if type_ else [required(child(path, "type"), "must specify a metric source type")]
    unsupported = [] if type_ in _FIELD else [not_supported(child(path, "type"), type_, _TYPE_LIST)]
    errors += unsupported
    present = [name for name in _TYPES if metric.get(name) is not None]
    if present:
        errors += _source(present[0], metric[present[0]], child(path, present[0]))
    expected = _FIELD.get(type_, "")
    if expected and expected not in present:
        errors.append(required(child(path, expected), "must populate information for the given metric source"))
    errors += unsupported
    if len(present) != 1:
        errors += [forbidden(child(path, name), "must populate the given metric source only") for name in present if name != expected]
    return errors


def _source(name: str, source: Obj, path: str) -> Errors:
    target, at = source.get("target") or {}, child(path, "target")
    value, average, utilization = (target.get(k) for k in ("value", "averageValue", "averageUtilization"))
    errors: Errors = []
    if name == "object":
        errors += _reference(source.get("describedObject") or {}, child(path, "describedObject"), any_version=False, core=True)
    errors += _named(name, source, path) + _amounts(target, at)
    if name == "object" and value is None and average is None:
        errors.append(required(child(at, "averageValue"), "must set either a target value or averageValue"))
    elif name == "external":
        if value is None and average is None:
            errors.append(required(child(at, "averageValue"), "must set either a target value for metric or a per-pod target"))
        if value is not None and average is not None:
            errors.append(forbidden(child(at, "value"), "may not set both a target value for metric and a per-pod target"))
    elif name == "pods" and average is None:
        errors.append(required(child(at, "averageValue"), "must specify a positive target averageValue"))
    elif name in ("resource", "containerResource"):
        if utilization is None and average is None:
            errors.append(required(child(at, "averageUtilization"), "must set either a target raw value or a target utilization"))
        if utilization is not None and average is not None:
            errors.append(forbidden(child(at, "averageValue"), "may not set both a target raw value and a target utilization"))
    return errors


def _named(name: str, source: Obj, path: str) -> Errors:
    if name in ("object", "external", "pods"):
        metric, at = (source.get("metric") or {}).get("name") or "", child(path, "metric", "name")
        return [invalid(at, metric, m) for m in path_segment_name(metric)] if metric else [required(at, "must specify a metric name")]
    resource, at = source.get("name") or "", child(path, "name")
    if not resource:
        errors: Errors = [required(at, "must specify a resource name")]
    else:
        errors = container_resource_name(resource, at) if name == "containerResource" else []
    if name == "containerResource":
        container, at = source.get("container") or "", child(path, "container")
        named = [invalid(at, container, m) for m in dns1123_label(container)]
        errors += named if container else [required(at, "must specify a container")]
    return errors


def _amounts(target: Obj, path: str) -> Errors:
    type_ = target.get("type") or ""
    errors: Errors = [] if type_ else [required(child(path, "type"), "must specify a metric target type")]
    if type_ not in ("Utilization", "Value", "AverageValue"):
        errors.append(invalid(child(path, "type"), type_, "must be either Utilization, Value, or AverageValue"))
    for name in ("value", "averageValue"):
        if target.get(name) is not None and quantity.nano(target[name]) <= 0:
            errors.append(invalid(child(path, name), target[name], "must be positive"))
    utilization = target.get("averageUtilization")
    if utilization is not None and utilization < 1:
        errors.append(invalid(child(path, "averageUtilization"), utilization, "must be greater than 0"))
    return errors


def _rules(rules: Obj | None, path: str) -> Errors:
    if rules is None:
        return []
    window, select, policies = rules.get("stabilizationWindowSeconds"), rules.get("selectPolicy"), rules.get("policies") or []
    errors: Errors = []
    if window is not None and window < 0:
        errors.append(invalid(child(path, "stabilizationWindowSeconds"), window, "must be greater than or equal to zero"))
    if window is not None and window > 3600:
        errors.append(invalid(child(path, "stabilizationWindowSeconds"), window, "must be less than or equal to 3600"))
    if select is not None and select not in ("Disabled", "Max", "Min"):
        errors.append(not_supported(child(path, "selectPolicy"), select, ("Disabled", "Max", "Min")))
    if not policies:
        errors.append(required(child(path, "policies"), "must specify at least one Policy"))
    errors += [e for i, policy in enumerate(policies) for e in _policy(policy, index(child(path, "policies"), i))]
    tolerance = rules.get("tolerance")
    if tolerance is not None and quantity.nano(tolerance) < 0:
        errors.append(invalid(child(path, "tolerance"), str(tolerance), NOT_NEGATIVE))
    return errors


def _policy(policy: Obj, path: str) -> Errors:
    type_, value, seconds = policy.get("type", ""), policy.get("value", 0), policy.get("periodSeconds", 0)
    errors: Errors = []
    if type_ not in ("Pods", "Percent"):
        errors.append(not_supported(child(path, "type"), type_, ("Percent", "Pods")))
    if value <= 0:
        errors.append(invalid(child(path, "value"), value, _POSITIVE))
    if seconds <= 0:
        errors.append(invalid(child(path, "periodSeconds"), seconds, _POSITIVE))
    if seconds > 1800:
        errors.append(invalid(child(path, "periodSeconds"), seconds, "must be less than or equal to 1800"))
    return errors
