"""Deployments: what is wrong with one, with a change of it, and with its status.

Called through the strategies in `wherry.rules.kinds.workloads`.
Source: pkg/apis/apps/validation ValidateDeploymentSpec, ValidateDeploymentStatus.
"""

from __future__ import annotations

from wherry.api.errors import Cause
from wherry.api.field import Errors, child, forbidden, invalid, required
from wherry.api.objects import Obj
from wherry.rules.schema.defaults.workloads import ROLLBACK_TO, integer_annotation
from wherry.rules.schema.validation.metadata import NOT_NEGATIVE
from wherry.rules.schema.validation.workloads.workloads import (
    amount,
    at_most_all,
    below_total,
    collisions,
    not_negative,
    required_selector,
    same_selector,
    selected_template,
    share,
    spec_of,
    status_of,
)
from wherry.rules.texts.go_values import in_given_order

_COUNTS = ("observedGeneration", "replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "unavailableReplicas",
           "terminatingReplicas", "collisionCount")  # fmt: skip


def validate_deployment(obj: Obj) -> Errors:
    return _spec(obj, None)


def validate_deployment_update(new: Obj, old: Obj) -> Errors:
    return _spec(new, spec_of(old)) + same_selector(spec_of(new), spec_of(old))


def _spec(obj: Obj, before: Obj | None) -> Errors:
    spec = spec_of(obj)
    errors = not_negative(spec, ("replicas",), "spec")
    errors += required_selector(spec.get("selector"), "spec.selector", "deployment")
    errors += selected_template(spec, before)
    errors += strategy(spec.get("strategy") or {}, "spec.strategy")
    errors += not_negative(spec, ("minReadySeconds", "revisionHistoryLimit"), "spec")
    revision = integer_annotation(obj, ROLLBACK_TO)
    if revision is not None and revision < 0:
        errors.append(invalid("spec.rollback.version", revision, NOT_NEGATIVE))
    return errors + _deadline(spec)


def _deadline(spec: Obj) -> Errors:
    deadline = spec.get("progressDeadlineSeconds")
    errors = not_negative(spec, ("progressDeadlineSeconds",), "spec")
    if deadline is not None and deadline <= (spec.get("minReadySeconds") or 0):
        errors.append(invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds"))
    return errors


def strategy(value: Obj, path: str) -> Errors:
    kind, rolling = value.get("type", ""), value.get("rollingUpdate")
    if kind == "Recreate":
        text = "may not be specified when strategy `type` is 'Recreate'"
        return [] if rolling is None else [forbidden(child(path, "rollingUpdate"), text)]
    if kind == "RollingUpdate":
        if rolling is None:
            return [required(child(path, "rollingUpdate"), "this should be defaulted and never be nil")]
        return _rolling(rolling, child(path, "rollingUpdate"))
    return [_unknown_type(kind, rolling, path)]


def _unknown_type(kind: str, rolling: Obj | None, path: str) -> Cause:
    """The value is shown as the reference's server holds it: parameters that were not given are 0."""
    held = None if rolling is None else {"MaxUnavailable": rolling.get("maxUnavailable", 0), "MaxSurge": rolling.get("maxSurge", 0)}
    shown = in_given_order({"Type": kind, "RollingUpdate": held})
    return Cause("FieldValueNotSupported", f'Unsupported value: {shown}: supported values: "Recreate", "RollingUpdate"', path)


def _rolling(rolling: Obj, path: str) -> Errors:
    unavailable, surge = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
    at = child(path, "maxUnavailable")
    errors = share(unavailable, at) + share(surge, child(path, "maxSurge"))
    if amount(unavailable) == 0 and amount(surge) == 0:
        errors.append(invalid(at, unavailable, "may not be 0 when `maxSurge` is 0"))
    return errors + at_most_all(unavailable, at)


def validate_deployment_status(new: Obj, old: Obj) -> Errors:
    status = status_of(new)
    errors = not_negative(status, _COUNTS, "status")
    errors += below_total(status, ("updatedReplicas", "readyReplicas", "availableReplicas"), "readyReplicas")
    return errors + collisions(status, status_of(old))
