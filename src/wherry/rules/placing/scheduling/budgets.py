"""Which victims of a preemption PodDisruptionBudgets protect.

Called by `preemption` for the pods of one node. A budget protects as many of its pods as it says may not be disrupted, the most important
first; a pod that is being disrupted already is not counted.
Source of the rule: pkg/scheduler/framework/plugins/defaultpreemption filterPodsWithPDBViolation.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from wherry.api.objects import Obj, labels, name, namespace
from wherry.rules.objects import selectors
from wherry.rules.placing.scheduling.demand import PodInfo


def split_protected(pods: Sequence[PodInfo], budgets: Iterable[Obj]) -> tuple[list[PodInfo], list[PodInfo]]:
    """Those whose end would break a budget, and the others; both in the given order, which is that of importance."""
    all_of_them = list(budgets)
    left = [(b.get("status") or {}).get("disruptionsAllowed") or 0 for b in all_of_them]
    protected: list[PodInfo] = []
    others: list[PodInfo] = []
    for info in pods:
        breaks = False
        for i, budget in enumerate(all_of_them):
            if _counts(budget, info.pod):
                left[i] -= 1
                breaks = breaks or left[i] < 0
        (protected if breaks else others).append(info)
    return protected, others


def _counts(budget: Obj, pod: Obj) -> bool:
    selector = selectors.from_label_selector(budget["spec"].get("selector"))
    if namespace(budget) != namespace(pod) or not labels(pod) or selector.empty or not selector.matches(labels(pod)):
        return False
    return name(pod) not in ((budget.get("status") or {}).get("disruptedPods") or {})
