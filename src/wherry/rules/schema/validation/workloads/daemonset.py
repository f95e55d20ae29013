"""DaemonSets: what is wrong with one, with a change of it, and with its status.

Called through the strategies in `wherry.rules.kinds.workloads`, after the template generation was raised there.
Source: pkg/apis/apps/validation ValidateDaemonSetSpec, ValidateDaemonSetSpecUpdate, validateDaemonSetStatus.
"""

from __future__ import annotations

from wherry.api.errors import Cause
from wherry.api.field import Errors, child, invalid, required
from wherry.api.objects import Obj
from wherry.rules.schema.defaults.workloads import TEMPLATE_GENERATION, integer_annotation
from wherry.rules.schema.validation.labels import label_selector
from wherry.rules.schema.validation.metadata import NOT_NEGATIVE
from wherry.rules.schema.validation.pods.pod import validate_template
from wherry.rules.schema.validation.workloads.workloads import (
    always_restarted,
    amount,
    at_most_all,
    bad_selector,
    collisions,
    compiled,
    is_empty,
    matches,
    not_negative,
    old_template,
    same_selector,
    share,
    spec_of,
    status_of,
)
from wherry.rules.texts.go_values import in_given_order

_COUNTS = ("currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady", "observedGeneration",
           "updatedNumberScheduled", "numberAvailable", "numberUnavailable", "collisionCount")  # fmt: skip


def validate_daemon_set(obj: Obj) -> Errors:
    return _spec(obj, None)


def validate_daemon_set_update(new: Obj, old: Obj) -> Errors:
    return same_selector(spec_of(new), spec_of(old)) + _spec(new, spec_of(old))


def _spec(obj: Obj, before: Obj | None) -> Errors:
    spec = spec_of(obj)
    selector, template = spec.get("selector"), spec.get("template") or {}
    had_bad = before is not None and bool(label_selector(before.get("selector"), ""))
    errors = label_selector(selector, "spec.selector", any_value=had_bad)
    rule = compiled(selector)
    if rule is not None:
        errors += matches(rule, template, "spec.template")
    if selector is not None and is_empty(selector):
        errors.append(bad_selector(selector, "spec.selector", "empty selector is invalid for daemonset"))
    errors += validate_template(template, "spec.template", old_template(before))
    errors += always_restarted(template, "spec.template", "DaemonSet")
    errors += not_negative(spec, ("minReadySeconds",), "spec")
    generation = integer_annotation(obj, TEMPLATE_GENERATION) or 0
    if generation < 0:
        errors.append(invalid("spec.templateGeneration", generation, NOT_NEGATIVE))
    errors += _strategy(spec.get("updateStrategy") or {}, "spec.updateStrategy")
    return errors + not_negative(spec, ("revisionHistoryLimit",), "spec")


def _strategy(strategy: Obj, path: str) -> Errors:
    kind, rolling = strategy.get("type", ""), strategy.get("rollingUpdate")
    if kind == "OnDelete":
        return []
    if kind == "RollingUpdate":
        at = child(path, "rollingUpdate")
        return [required(at)] if rolling is None else _rolling(rolling, at)
    return [_unknown_type(kind, rolling, path)]


def _unknown_type(kind: str, rolling: Obj | None, path: str) -> Cause:
    """The value is shown as the reference's server holds it."""
    held = None if rolling is None else {"MaxUnavailable": rolling.get("maxUnavailable", 0), "MaxSurge": rolling.get("maxSurge", 0)}
    shown = in_given_order({"Type": kind, "RollingUpdate": held})
    return Cause("FieldValueNotSupported", f'Unsupported value: {shown}: supported values: "RollingUpdate", "OnDelete"', path)


def _rolling(rolling: Obj, path: str) -> Errors:
    """Exactly one of maxUnavailable and maxSurge is more than 0."""
    unavailable, surge = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
    at, surge_at = child(path, "maxUnavailable"), child(path, "maxSurge")
    errors = share(unavailable, at) + share(surge, surge_at) + at_most_all(unavailable, at) + at_most_all(surge, surge_at)
    if amount(unavailable) != 0 and amount(surge) != 0:
        errors.append(invalid(surge_at, surge, "may not be set when maxUnavailable is non-zero"))
    elif amount(unavailable) == 0 and amount(surge) == 0:
        errors.append(required(at, "cannot be 0 when maxSurge is 0"))
    return errors


def validate_daemon_set_status(new: Obj, old: Obj) -> Errors:
    return not_negative(status_of(new), _COUNTS, "status") + collisions(status_of(new), status_of(old))
