"""Which budgets a pod is under. Called by the disruption controller when a pod changes. A selector that cannot be read selects nothing.

Source of the rule: k8s.io/client-go/listers/policy/v1 GetPodPodDisruptionBudgets.
"""

from __future__ import annotations

from collections.abc import Iterable

from wherry.api import objects
from wherry.api.errors import BadRequest
from wherry.api.objects import Obj
from wherry.rules.objects import selectors


def budgets_of(pod: Obj, budgets: Iterable[Obj]) -> list[Obj]:
    """Of the budgets of the pod's namespace; an empty selector selects every pod."""
    return [b for b in budgets if _selects(b, pod)]


def _selects(budget: Obj, pod: Obj) -> bool:
    try:
        return selectors.from_label_selector((budget.get("spec") or {}).get("selector")).matches(objects.labels(pod))
    except BadRequest:
        return False
