"""How a StatefulSet is updated, as its spec says.

Read by the steps that create and replace pods. `maxUnavailable` counts when it is set (KEP-961); without it one pod at a time is replaced,
and the next only when all above it are available.
Source of the rule: https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#update-strategies.
"""

from __future__ import annotations

from wherry.api import int_or_percent, objects
from wherry.api.objects import Obj
from wherry.rules.workloads.statefulset import identity

#: "true": a pod that is not ready and whose revision is no longer wanted is deleted without being asked for (kubernetes#67250)
FORCED_ROLLBACK = "wherry.dev/forced-rollback"


def _strategy(stateful_set: Obj) -> Obj:
    return stateful_set["spec"].get("updateStrategy") or {}


def _rolling(stateful_set: Obj) -> Obj:
    return _strategy(stateful_set).get("rollingUpdate") or {}


def is_on_delete(stateful_set: Obj) -> bool:
    return bool(_strategy(stateful_set).get("type") == "OnDelete")


def is_rolling(stateful_set: Obj) -> bool:
    return bool(_strategy(stateful_set).get("type", "RollingUpdate") == "RollingUpdate")


def partition(stateful_set: Obj) -> int:
    """How many of the lowest replicas stay at the current revision."""
    return int(_rolling(stateful_set).get("partition") or 0)


def max_unavailable(stateful_set: Obj) -> int | None:
    """At least 1; None when the spec does not say. Raises ValueError for a share that is none."""
    value = _rolling(stateful_set).get("maxUnavailable")
    return None if value is None else max(1, int_or_percent.scaled(value, identity.replicas(stateful_set), round_up=False))


def keeps_current(stateful_set: Obj, ordinal: int) -> bool:
    """A pod of that ordinal, were it created now, would be of the current revision and not of the updated one."""
    index = ordinal - identity.start(stateful_set)
    if _strategy(stateful_set).get("rollingUpdate") is not None:
        return index < partition(stateful_set)
    return is_rolling(stateful_set) and index < int((stateful_set.get("status") or {}).get("currentReplicas") or 0)


def forces_rollback(stateful_set: Obj) -> bool:
    return is_rolling(stateful_set) and objects.annotations_of(stateful_set).get(FORCED_ROLLBACK) == "true"
