"""The pod failure policy, success policy and pod replacement policy of a Job.

Called by `jobs` for Jobs and for the templates of CronJobs. `*_as_held` show a policy as messages show it, with the field names of
the reference's own types.
Source: pkg/apis/batch/validation (KEP-3329, KEP-3998, KEP-3939).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wherry.api.errors import Cause
from wherry.api.field import Errors, child, duplicate, index, invalid, not_supported, required, too_long, too_many
from wherry.api.objects import Obj
from wherry.rules.objects.names import length, qualified_name
from wherry.rules.schema.validation.metadata import NOT_NEGATIVE
from wherry.rules.schema.validation.workloads import job_indexes

_ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")
_OPERATORS = ("In", "NotIn")
_STATUSES = ("False", "True", "Unknown")
_REPLACEMENT = ("Failed", "TerminatingOrFailed")
_MAX_RULES, _MAX_VALUES, _MAX_PATTERNS, _MAX_INDEXES = 20, 255, 20, 64 * 1024


def without_value(path: str, detail: str) -> Cause:
    """Invalid, with no value shown."""
    return Cause("FieldValueInvalid", f"Invalid value: {detail}", path)


def _one_of(values: tuple[str, ...]) -> str:
    return "valid values: [" + " ".join(f'"{v}"' for v in values) + "]"


def failure_policy(spec: Obj, path: str) -> Errors:
    rules, at = spec["podFailurePolicy"].get("rules") or [], child(path, "rules")
    errors = [too_many(at, len(rules), _MAX_RULES)] if len(rules) > _MAX_RULES else []
    pod = (spec.get("template") or {}).get("spec") or {}
    containers = {c.get("name", "") for kind in ("containers", "initContainers") for c in pod.get(kind) or ()}
    for i, rule in enumerate(rules):
        errors += _failure_rule(rule, index(at, i), containers, per_index=spec.get("backoffLimitPerIndex") is not None)
    return errors


def _failure_rule(rule: Obj, path: str, containers: set[str], *, per_index: bool) -> Errors:
    action, at = rule.get("action", ""), child(path, "action")
    codes, patterns = rule.get("onExitCodes"), rule.get("onPodConditions") or []
    errors: Errors = []
    if not action:
        errors.append(required(at, _one_of(_ACTIONS)))
    elif action == "FailIndex":
        errors += [] if per_index else [invalid(at, action, "requires the backoffLimitPerIndex to be set")]
    elif action not in _ACTIONS:
        errors.append(not_supported(at, action, _ACTIONS))
    if codes is not None:
        errors += _exit_codes(codes, child(path, "onExitCodes"), containers)
    errors += _pod_conditions(patterns, child(path, "onPodConditions"))
    if codes is not None and patterns:
        errors.append(without_value(path, "specifying both OnExitCodes and OnPodConditions is not supported"))
    elif codes is None and not patterns:
        errors.append(without_value(path, "specifying one of OnExitCodes and OnPodConditions is required"))
    return errors


def _choice(value: str, path: str, known: tuple[str, ...]) -> Errors:
    if not value:
        return [required(path, _one_of(known))]
    return [] if value in known else [not_supported(path, value, known)]


def _exit_codes(codes: Obj, path: str, containers: set[str]) -> Errors:
    operator, values, at = codes.get("operator", ""), codes.get("values") or [], child(path, "values")
    errors = _choice(operator, child(path, "operator"), _OPERATORS)
    name = codes.get("containerName")
    if name is not None and name not in containers:
        text = "must be one of the container or initContainer names in the pod template"
        errors.append(invalid(child(path, "containerName"), name, text))
    if not values:
        errors.append(invalid(at, codes.get("values"), "at least one value is required"))
    elif len(values) > _MAX_VALUES:
        errors.append(too_many(at, len(values), _MAX_VALUES))
    for i, value in enumerate(values):
        if operator == "In" and value == 0:
            errors.append(invalid(index(at, i), value, "must not be 0 for the In operator"))
        if value in values[:i]:
            errors.append(duplicate(index(at, i), value))
    return errors if values == sorted(values) else [*errors, invalid(at, values, "must be ordered")]


def _pod_conditions(patterns: list[Obj], path: str) -> Errors:
    errors = [too_many(path, len(patterns), _MAX_PATTERNS)] if len(patterns) > _MAX_PATTERNS else []
    for i, pattern in enumerate(patterns):
        at, kind = index(path, i), pattern.get("type", "")
        errors += [invalid(child(at, "type"), kind, m) for m in qualified_name(kind)]
        errors += _choice(pattern.get("status", ""), child(at, "status"), _STATUSES)
    return errors


def replacement_policy(spec: Obj, path: str) -> Errors:
    """With a failure policy, only pods that have failed are replaced."""
    policy = spec.get("podReplacementPolicy")
    known = _REPLACEMENT if spec.get("podFailurePolicy") is None else ("Failed",)
    return [] if policy is None or policy in known else [not_supported(path, policy, known)]


def success_policy(spec: Obj, path: str) -> Errors:
    rules, at = spec["successPolicy"].get("rules") or [], child(path, "rules")
    errors: Errors = []
    if not rules:
        errors.append(required(at, "at least one rules must be specified when the successPolicy is specified"))
    if len(rules) > _MAX_RULES:
        errors.append(too_many(at, len(rules), _MAX_RULES))
    completions = spec.get("completions") or 0
    return errors + [e for i, rule in enumerate(rules) for e in _success_rule(rule, index(at, i), completions)]


def _success_rule(rule: Obj, path: str, completions: int) -> Errors:
    count, indexes = rule.get("succeededCount"), rule.get("succeededIndexes")
    if count is None and indexes is None:
        return [required(path, "at least one of succeededCount or succeededIndexes must be specified")]
    errors: Errors = []
    named = 0
    if indexes is not None:
        at = child(path, "succeededIndexes")
        if length(indexes) > _MAX_INDEXES:
            errors.append(too_long(at, _MAX_INDEXES))
        try:
            named = job_indexes.total(indexes, completions)
        except ValueError as error:
            errors.append(invalid(at, indexes, f"error parsing succeededIndexes: {error}"))
    return errors if count is None else errors + _success_count(count, child(path, "succeededCount"), completions, named, indexes)


def _success_count(count: int, path: str, completions: int, named: int, indexes: str | None) -> Errors:
    errors = [invalid(path, count, NOT_NEGATIVE)] if count < 0 else []
    limit = "must be less than or equal to"
    if count > completions:
        errors.append(invalid(path, count, f"{limit} {completions} (the number of specified completions)"))
    if indexes is not None and count > named:
        text = f"{limit} {named} (the number of indexes in the specified succeededIndexes field)"
        errors.append(invalid(path, count, text))
    return errors


def success_as_held(policy: Obj | None) -> Any:
    if policy is None:
        return None
    return {"Rules": [{"SucceededIndexes": r.get("succeededIndexes"), "SucceededCount": r.get("succeededCount")}
                      for r in policy.get("rules") or ()] or None}  # fmt: skip


def failure_as_held(policy: Obj | None) -> Any:
    if policy is None:
        return None
    return {"Rules": [_rule_as_held(r) for r in policy.get("rules") or ()] or None}


def _rule_as_held(rule: Obj) -> Obj:
    codes, patterns = rule.get("onExitCodes"), rule.get("onPodConditions")
    if codes is not None:
        codes = {"ContainerName": codes.get("containerName"), "Operator": codes.get("operator", ""), "Values": codes.get("values")}
    if patterns is not None:
        patterns = [{"Type": p.get("type", ""), "Status": p.get("status", "")} for p in patterns]
    return {"Action": rule.get("action", ""), "OnExitCodes": codes, "OnPodConditions": patterns}


#: field of a Job's spec -> how messages show it
AS_HELD: dict[str, Callable[[Obj | None], Any]] = {"podFailurePolicy": failure_as_held, "successPolicy": success_as_held}
