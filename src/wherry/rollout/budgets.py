"""When a PodDisruptionBudget holds a rollout up. Pure.

Called by `held`. A rollout itself deletes pods without asking a budget; but pods on a node that is being drained leave only through
evictions, and a budget that allows none keeps them, and with them the node, out of reach: the new pods find no room. A budget that the
rollout's own broken pods have used up holds that drain for ever.
Source: https://kubernetes.io/docs/concepts/workloads/pods/disruptions/, registry/core/pod/storage/eviction.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from wherry.api.objects import Obj
from wherry.rollout.causes import Cause
from wherry.rules.objects import selectors


def of_budgets(pods: Sequence[Obj], budgets: Iterable[Obj], nodes: Iterable[Obj]) -> list[Cause]:
    """A cause for every pod on a cordoned node that a budget does not let go."""
    cordoned = {node["metadata"]["name"] for node in nodes if (node.get("spec") or {}).get("unschedulable")}
    found = []
    for budget in budgets:
        if (budget.get("status") or {}).get("disruptionsAllowed", 0) > 0:
            continue
        for pod in pods:
            node = pod["spec"].get("nodeName")
            if node in cordoned and not pod["metadata"].get("deletionTimestamp") and selects(budget, pod) and not _may_go(budget, pod):
                found.append(Cause("budget", pod["metadata"]["name"], "", "DisruptionBudget", _told(budget, str(node)), False))
    return found


def blocking(budgets: Iterable[Obj]) -> bool:
    """One of them allows no disruption: only then the nodes are worth a look."""
    return any((budget.get("status") or {}).get("disruptionsAllowed", 0) <= 0 for budget in budgets)


def selects(budget: Obj, pod: Obj) -> bool:
    """The budget is about the pod. A selector that is absent selects nothing, an empty one everything."""
    selector = (budget.get("spec") or {}).get("selector")
    return selector is not None and selectors.from_label_selector(selector).matches(pod["metadata"].get("labels") or {})


def _may_go(budget: Obj, pod: Obj) -> bool:
    """A pod that is not ready may be evicted in spite of the budget when its policy says so."""
    ready = any(c.get("type") == "Ready" and c.get("status") == "True" for c in (pod.get("status") or {}).get("conditions") or ())
    return not ready and (budget.get("spec") or {}).get("unhealthyPodEvictionPolicy") == "AlwaysAllow"


def _told(budget: Obj, node: str) -> str:
    status, name = budget.get("status") or {}, budget["metadata"]["name"]
    return (f'node {node} is cordoned, and budget "{name}" lets no pod go: {status.get("currentHealthy", 0)} healthy, '
            f"{status.get('desiredHealthy', 0)} needed")
