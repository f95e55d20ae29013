"""The DisruptionAllowed condition of a budget.

Called by the status rule and by the eviction rule, which takes the last allowed disruption. Lists given are not changed.
Source of the rule: k8s.io/component-helpers/apps/poddisruptionbudget, apimachinery meta.SetStatusCondition.
"""

from __future__ import annotations

from collections.abc import Iterable

from wherry.api import timestamps
from wherry.api.objects import Obj

TYPE = "DisruptionAllowed"
SUFFICIENT, INSUFFICIENT, SYNC_FAILED = "SufficientPods", "InsufficientPods", "SyncFailed"


def expected(allowed: int) -> tuple[str, str]:
    """(status, reason) that follow from the number of allowed disruptions."""
    return ("True", SUFFICIENT) if allowed > 0 else ("False", INSUFFICIENT)


def updated(conditions: Iterable[Obj], status: str, reason: str, message: str, generation: int, now: float) -> list[Obj]:
    """The conditions with this one in its place; its time only moves with its status."""
    found, given = [], False
    for condition in conditions:
        if condition["type"] == TYPE:
            since = condition["lastTransitionTime"] if condition["status"] == status else timestamps.time(now)
            condition, given = _condition(status, reason, message, generation, since), True
        found.append(condition)
    return found if given else [*found, _condition(status, reason, message, generation, timestamps.time(now))]


def _condition(status: str, reason: str, message: str, generation: int, since: str) -> Obj:
    observed = {"observedGeneration": generation} if generation else {}
    return {"type": TYPE, "status": status, **observed, "lastTransitionTime": since, "reason": reason, "message": message}
