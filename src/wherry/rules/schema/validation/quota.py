"""ResourceQuotas and LimitRanges: what is wrong with one, and with a change of one.

Called by the strategies. Amounts are compared exactly.
Source: pkg/apis/core/validation/validation.go ValidateResourceQuota, ValidateLimitRange; registry/core/resourcequota/strategy.go.
"""

from __future__ import annotations

from wherry.api import quantity
from wherry.api.errors import Cause
from wherry.api.field import Errors, child, duplicate, forbidden, index, invalid, key, required
from wherry.api.objects import Obj
from wherry.rules.objects.names import qualified_name
from wherry.rules.schema.validation.metadata import IMMUTABLE
from wherry.rules.schema.validation.quantities import (
    container_resource_name,
    is_native,
    is_quota_resource,
    quantity_value,
    quota_resource_name,
    resource_name,
)
from wherry.rules.texts.go_values import in_given_order

_PODS = {"pods"}
_COMPUTE = {"cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"}
#: scope -> the resources it can be applied to
_SCOPES = {
    "Terminating": _PODS | _COMPUTE,
    "NotTerminating": _PODS | _COMPUTE,
    "NotBestEffort": _PODS | _COMPUTE,
    "PriorityClass": _PODS | _COMPUTE,
    "CrossNamespacePodAffinity": _PODS | _COMPUTE,
    "BestEffort": _PODS,
    "VolumeAttributesClass": {"persistentvolumeclaims", "requests.storage"},
}
_EXISTS_ONLY = ("BestEffort", "NotBestEffort", "Terminating", "NotTerminating", "CrossNamespacePodAffinity")
_EXISTS_TEXT = (
    "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, "
    "ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity"
)


def validate_quota(obj: Obj) -> Errors:
    return _quota_spec(obj.get("spec") or {}) + quota_status(obj)


def quota_status(obj: Obj) -> Errors:
    status = obj.get("status") or {}
    return _amounts(status.get("hard") or {}, "status.hard") + _amounts(status.get("used") or {}, "status.used")


def validate_quota_update(new: Obj, old: Obj) -> Errors:
    spec = new.get("spec") or {}
    errors = _quota_spec(spec)
    if set(spec.get("scopes") or ()) != set((old.get("spec") or {}).get("scopes") or ()):
        errors.append(invalid("spec.scopes", spec.get("scopes"), IMMUTABLE))
    return errors


def _amounts(amounts: Obj, path: str) -> Errors:
    errors: Errors = []
    for name, value in amounts.items():
        errors += quota_resource_name(name, key(path, name)) + quantity_value(name, value, key(path, name))
    return errors


def _quota_spec(spec: Obj) -> Errors:
    hard = spec.get("hard") or {}
    errors = _amounts(hard, "spec.hard") + _scopes(spec.get("scopes") or [], hard)
    if (selector := spec.get("scopeSelector")) is not None:
        errors += _scope_selector(selector, hard, spec)
    return errors


def _not_applicable(scope: str, hard: Obj) -> list[str]:
    good = _SCOPES.get(scope)
    return [] if good is None else [name for name in sorted(hard) if is_quota_resource(name) and name not in good]


def _scopes(scopes: list[str], hard: Obj) -> Errors:
    errors: Errors = []
    for scope in scopes:
        if scope not in _SCOPES:
            errors.append(invalid("spec.scopes", scopes, "unsupported scope"))
        errors += [invalid("spec.scopes", scopes, "unsupported scope applied to resource") for _ in _not_applicable(scope, hard)]
    return errors + _conflicts(set(scopes), scopes, "spec.scopes")


def _conflicts(found: set[str], shown: list[str] | None, path: str) -> Errors:
    pairs = ({"BestEffort", "NotBestEffort"}, {"Terminating", "NotTerminating"})
    return [invalid(path, shown, "conflicting scopes") for pair in pairs if pair <= found]


def _scope_selector(selector: Obj, hard: Obj, spec: Obj) -> Errors:
    path = "spec.scopeSelector.matchExpressions"
    requirements = selector.get("matchExpressions") or []
    errors: Errors = []
    for requirement in requirements:
        scope = requirement.get("scopeName", "")
        if scope not in _SCOPES:
            errors.append(invalid(child(path, "scopeName"), scope, "unsupported scope"))
        wrong = f"Invalid value: {_shown(requirements)}: unsupported scope applied to resource"
        errors += [Cause("FieldValueInvalid", wrong, path) for _ in _not_applicable(scope, hard)]
        errors += _scope_operator(scope, requirement, path)
    return errors + _conflicts({r.get("scopeName", "") for r in requirements}, spec.get("scopes"), path)


def _shown(requirements: list[Obj]) -> str:
    """A selector as messages show it: with the names of the reference's own type."""
    held = [{"ScopeName": r.get("scopeName", ""), "Operator": r.get("operator", ""), "Values": r.get("values")} for r in requirements]
    return in_given_order({"MatchExpressions": held})


def _scope_operator(scope: str, requirement: Obj, path: str) -> Errors:
    operator, values = requirement.get("operator", ""), requirement.get("values") or []
    errors: Errors = []
    if scope in _EXISTS_ONLY and operator != "Exists":
        errors.append(invalid(child(path, "operator"), operator, _EXISTS_TEXT))
    if operator in ("In", "NotIn"):
        if not values:
            text = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
            errors.append(required(child(path, "values"), text))
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            text = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
            errors.append(invalid(child(path, "values"), values, text))
    else:
        errors.append(invalid(child(path, "operator"), operator, "not a valid selector operator"))
    return errors


def quota_warnings(new: Obj, old: Obj | None) -> list[str]:
    """A quota of requests above that of limits, on create."""
    hard = {} if old is not None else (new.get("spec") or {}).get("hard") or {}
    warnings: list[str] = []
    for name in ("cpu", "memory", "storage", "ephemeral-storage"):
        request = f"requests.{name}"
        if request not in hard and name in ("cpu", "memory"):
            request = name
        limit = f"limits.{name}"
        if request in hard and limit in hard and quantity.compare(hard[request], hard[limit]) > 0:
            warnings.append(f"ResourceQuota {request} ({hard[request]}) should be less than {limit} ({hard[limit]})")
    return warnings


def validate_limit_range(obj: Obj) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for i, item in enumerate((obj.get("spec") or {}).get("limits") or ()):
        path, kind = index("spec.limits", i), item.get("type", "")
        errors += _limit_type(kind, child(path, "type"))
        if kind in seen:
            errors.append(duplicate(child(path, "type"), kind))
        seen.add(kind)
        errors += _limit_names(item, kind, path) + _limit_values(item, kind, path)
    return errors


def _limit_type(kind: str, path: str) -> Errors:
    if errors := [invalid(path, kind, m) for m in qualified_name(kind)]:
        return errors
    if "/" not in kind and kind not in ("Pod", "Container", "PersistentVolumeClaim"):
        return [invalid(path, kind, "must be a standard limit type or fully qualified")]
    return []


def _limit_names(item: Obj, kind: str, path: str) -> Errors:
    rule = container_resource_name if kind in ("Pod", "Container") else resource_name
    errors: Errors = []
    for part in ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio"):
        if kind == "Pod" and part in ("default", "defaultRequest"):
            if item.get(part):
                errors.append(forbidden(child(path, part), "may not be specified when `type` is 'Pod'"))
            continue
        errors += [e for name in item.get(part) or () for e in rule(name, key(child(path, part), name))]
        bounded = any("storage" in (item.get(p) or ()) for p in ("min", "max"))
        if part == "defaultRequest" and kind == "PersistentVolumeClaim" and not bounded:
            text = "either minimum or maximum storage value is required, but neither was provided"
            errors.append(required(child(path, "limits"), text))
    return errors


#: (smaller, larger, field and value shown, text): smaller must not be above larger
_ORDER = (
    ("min", "max", "min", "min", "min value {0} is greater than max value {1}"),
    ("min", "defaultRequest", "defaultRequest", "defaultRequest", "min value {0} is greater than default request value {1}"),
    ("defaultRequest", "max", "defaultRequest", "defaultRequest", "default request value {0} is greater than max value {1}"),
    ("defaultRequest", "default", "defaultRequest", "defaultRequest", "default request value {0} is greater than default limit value {1}"),
    ("min", "default", "default", "min", "min value {0} is greater than default value {1}"),
    ("default", "max", "default", "max", "default value {0} is greater than max value {1}"),
)


def _limit_values(item: Obj, kind: str, path: str) -> Errors:
    hidden = ("default", "defaultRequest") if kind == "Pod" else ()
    parts = {p: item.get(p) or {} for p in ("min", "max", "default", "defaultRequest", "maxLimitRequestRatio") if p not in hidden}
    errors: Errors = []
    for name in dict.fromkeys(n for part in parts.values() for n in part):
        values = {p: part[name] for p, part in parts.items() if name in part}
        for smaller, larger, at, shown, text in _ORDER:
            if smaller in values and larger in values and quantity.compare(values[smaller], values[larger]) > 0:
                errors.append(invalid(key(child(path, at), name), values[shown], text.format(values[smaller], values[larger])))
        errors += _ratio(values, key(child(path, "maxLimitRequestRatio"), name))
        errors += _overcommit(name, values, key(child(path, "defaultRequest"), name))
    return errors


def _ratio(values: Obj, path: str) -> Errors:
    ratio = values.get("maxLimitRequestRatio")
    if ratio is None:
        return []
    errors: Errors = [invalid(path, ratio, f"ratio {ratio} is less than 1")] if quantity.compare(ratio, "1") < 0 else []
    if "min" in values and "max" in values and (low := quantity.parse(values["min"])):
        limit = float(quantity.parse(values["max"]) / low)
        if float(quantity.parse(ratio)) > limit:
            errors.append(invalid(path, ratio, f"ratio {ratio} is greater than max/min = {limit:f}"))
    return errors


def _overcommit(name: str, values: Obj, path: str) -> Errors:
    if (is_native(name) and not name.startswith("hugepages-")) or not {"default", "defaultRequest"} <= values.keys():
        return []
    default, request = values["default"], values["defaultRequest"]
    if quantity.compare(default, request) == 0:
        return []
    return [invalid(path, request, f"default value {default} must equal to defaultRequest value {request} in {name}")]
