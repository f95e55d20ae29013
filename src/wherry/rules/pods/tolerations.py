"""Taints and tolerations: does a pod stand a node's taint.

Called by the taint filter and score, and by whoever evicts or places by taint. Pure comparisons.
Source of the rule: https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/ (Toleration.ToleratesTaint).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

NO_SCHEDULE = ("NoSchedule", "NoExecute")


def tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    """An empty effect or key of the toleration matches every one; the operator is Equal unless it says Exists."""
    if toleration.get("effect") and toleration["effect"] != taint.get("effect"):
        return False
    if toleration.get("key") and toleration["key"] != taint["key"]:
        return False
    operator = toleration.get("operator") or "Equal"
    if operator == "Equal":
        return bool(toleration.get("value", "") == taint.get("value", ""))
    return bool(operator == "Exists")


def tolerated(tolerations: Iterable[Mapping[str, Any]], taint: Mapping[str, Any]) -> bool:
    return any(tolerates(t, taint) for t in tolerations)


def first_untolerated(
    taints: Iterable[Mapping[str, Any]], tolerations: Iterable[Mapping[str, Any]], effects: Sequence[str] = NO_SCHEDULE
) -> Mapping[str, Any] | None:
    """The first taint with one of those effects that no toleration stands, or None."""
    for taint in taints:
        if taint["effect"] in effects and not tolerated(tolerations, taint):
            return taint
    return None
