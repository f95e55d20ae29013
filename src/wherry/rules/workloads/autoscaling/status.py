"""The status of an autoscaler: conditions, replicas, and what was seen of each metric.

Called by `plan`. A condition's time is that of the last change of its status; reason and message follow every look.
Source: pkg/controller/podautoscaler/horizontal.go setStatus, setConditionInList.
"""

from __future__ import annotations

from collections.abc import Sequence

from wherry.api import timestamps
from wherry.api.objects import Obj


class Conditions:
    """A draft of the conditions; the old ones are not changed."""

    def __init__(self, hpa: Obj, now: float) -> None:
        self._now = timestamps.time(now)
        self._listed: list[Obj] = [dict(c) for c in (hpa.get("status") or {}).get("conditions") or ()]

    def set(self, type_: str, status: str, reason: str, message: str) -> None:
        found = next((c for c in self._listed if c["type"] == type_), None)
        if found is None:
            found = {"type": type_}
            self._listed.append(found)
        if found.get("status") != status:
            found["lastTransitionTime"] = self._now
        found.update(status=status, reason=reason, message=message)

    @property
    def listed(self) -> list[Obj]:
        return self._listed


def said(hpa: Obj, conditions: Conditions, current: int, desired: int, metrics: Sequence[Obj], scaled_at: float | None = None) -> Obj:
    """`scaled_at` None: nothing was scaled."""
    old = hpa.get("status") or {}
    status: Obj = {}
    if "lastScaleTime" in old or scaled_at is not None:
        status["lastScaleTime"] = old.get("lastScaleTime") if scaled_at is None else timestamps.time(scaled_at)
    if current:
        status["currentReplicas"] = current
    status["desiredReplicas"] = desired
    status["currentMetrics"] = list(metrics) or None
    if conditions.listed:
        status["conditions"] = conditions.listed
    return status


def failed(hpa: Obj, conditions: Conditions) -> Obj:
    """Only the conditions change."""
    return {**(hpa.get("status") or {}), "conditions": conditions.listed}
