"""Conditions in a status: `[{type, status, reason, message, ...}]`, kept in the order in which they last changed.

Called by the workload rules. They give a new list and leave the old one as it is. A condition that already says the same (status and
reason) is not touched, and `lastTransitionTime` only moves when the status does.
Source of the rule: pkg/controller/deployment/util SetDeploymentCondition; Kubernetes API conventions, "Typical status properties".
"""

from __future__ import annotations

from collections.abc import Iterable

from wherry.api.objects import Obj


def find(conditions: Iterable[Obj], type_: str) -> Obj | None:
    """The condition of that type, or None."""
    return next((c for c in conditions if c.get("type") == type_), None)


def without(conditions: Iterable[Obj], type_: str) -> list[Obj]:
    return [c for c in conditions if c.get("type") != type_]


def updated(conditions: list[Obj], new: Obj) -> list[Obj]:
    """The list with `new` in it, at its end when it changed."""
    current = find(conditions, new["type"])
    if current is None:
        return [*conditions, new]
    if current.get("status") == new["status"]:
        if current.get("reason", "") == new.get("reason", ""):
            return conditions
        if "lastTransitionTime" in current:
            new = {**new, "lastTransitionTime": current["lastTransitionTime"]}
    return [*without(conditions, new["type"]), new]
