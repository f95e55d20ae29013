"""The strategy of PodDisruptionBudgets. The reference checks no more of their names than that they fit into a path.

Source: pkg/registry/policy/poddisruptionbudget/strategy.go, pkg/apis/policy/validation.
"""

from __future__ import annotations

from wherry.api import int_or_percent
from wherry.api.errors import Cause
from wherry.api.field import Errors, child, invalid, not_supported
from wherry.api.objects import Obj
from wherry.rules.objects.names import percent
from wherry.rules.objects.strategy import Strategy, keep_status
from wherry.rules.schema.validation.conditions import conditions
from wherry.rules.schema.validation.labels import label_selector
from wherry.rules.schema.validation.metadata import NOT_NEGATIVE
from wherry.rules.texts.go_values import in_given_order

_COUNTS = ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods")
_POLICIES = ("AlwaysAllow", "IfHealthyBudget")


def _default(draft: Obj) -> None:
    draft.setdefault("spec", {})
    draft["status"] = {**dict.fromkeys(_COUNTS, 0), **(draft.get("status") or {})}


def _new(draft: Obj) -> None:
    draft["status"] = dict.fromkeys(_COUNTS, 0)


def _validate(obj: Obj) -> Errors:
    return _spec(obj.get("spec") or {}, any_value=False)


def _update(new: Obj, old: Obj) -> Errors:
    had_bad = bool(label_selector((old.get("spec") or {}).get("selector"), ""))
    return _spec(new.get("spec") or {}, any_value=had_bad)


def _spec(spec: Obj, *, any_value: bool) -> Errors:
    errors: Errors = []
    if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
        errors.append(_both(spec))
    for name in ("minAvailable", "maxUnavailable"):
        if (value := spec.get(name)) is not None:
            errors += _share(value, child("spec", name))
    errors += label_selector(spec.get("selector"), "spec.selector", any_value=any_value)
    policy = spec.get("unhealthyPodEvictionPolicy")
    if policy is not None and policy not in _POLICIES:
        errors.append(not_supported("spec.unhealthyPodEvictionPolicy", policy, _POLICIES))
    return errors


def _both(spec: Obj) -> Cause:
    """The value is the spec as the reference's server holds it."""
    shown = {
        "MinAvailable": spec["minAvailable"],
        "Selector": spec.get("selector"),
        "MaxUnavailable": spec["maxUnavailable"],
        "UnhealthyPodEvictionPolicy": spec.get("unhealthyPodEvictionPolicy"),
    }
    text = f"Invalid value: {in_given_order(shown)}: minAvailable and maxUnavailable cannot be both set"
    return Cause("FieldValueInvalid", text, "spec")


def _share(value: int | str, path: str) -> Errors:
    """Not negative, a percentage if it is a text, and not more than all."""
    if isinstance(value, int):
        return [invalid(path, value, NOT_NEGATIVE)] if value < 0 else []
    if messages := percent(value):
        return [invalid(path, value, m) for m in messages]
    share = int_or_percent.percent(value)
    return [invalid(path, value, "must not be greater than 100%")] if share is not None and share > 100 else []


def _status(new: Obj, old: Obj) -> Errors:
    status = new.get("status") or {}
    errors = conditions(status.get("conditions") or [], "status.conditions")
    return errors + [invalid(f"status.{n}", status[n], NOT_NEGATIVE) for n in _COUNTS if (status.get(n) or 0) < 0]


STRATEGIES: dict[str, Strategy] = {
    "PodDisruptionBudget.policy": Strategy(
        default=_default,
        prepare_create=_new,
        prepare_update=keep_status,
        validate=_validate,
        validate_update=_update,
        validate_status=_status,
        generation=True,
        metadata="none",
        unconditional_update=False,
    ),
}
