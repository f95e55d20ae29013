"""A budget's status: how many pods are healthy, how many have to be, and how many may go.

Called by the disruption controller with the selected pods; gives the status write and the events. Invariant: `disruptionsAllowed` is
never more than healthy minus desired, and 0 while no pod is expected. A pod whose eviction was allowed does not count as healthy until it
is gone, or for two minutes. Source of the rule: pkg/controller/disruption; https://kubernetes.io/docs/tasks/run-application/configure-pdb/.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wherry.api import int_or_percent, objects, timestamps
from wherry.api.objects import Obj
from wherry.rules.objects.plan import Action, Emit, Plan, Update
from wherry.rules.pods import states as pod_rules
from wherry.rules.workloads.disruption import condition
from wherry.rules.workloads.disruption.scale import Expected

#: seconds that a pod whose eviction was allowed may take until its deletion is seen
DELETION_TIMEOUT = 120.0

_UNMANAGED = (
    "Pods selected by this PodDisruptionBudget (selector: {}) were found to be unmanaged. As a result, the status of the PDB cannot be "
    'calculated correctly, which may result in undefined behavior. To account for these pods please set ".spec.minAvailable" '
    "field of the PDB to an integer value."
)


def needs_scale(budget: Obj) -> bool:
    """Its bound is relative to the size of the workloads."""
    spec = budget["spec"]
    return spec.get("maxUnavailable") is not None or isinstance(spec.get("minAvailable"), str)


def desired(budget: Obj, pods: Sequence[Obj], scale: Expected | None) -> tuple[int, int]:
    """(pods expected, pods that have to be healthy). `scale` is there when `needs_scale` says so."""
    spec = budget["spec"]
    at_least, at_most_gone = spec.get("minAvailable"), spec.get("maxUnavailable")
    if scale is None:
        return (len(pods), at_least) if at_least is not None else (0, 0)
    if at_most_gone is not None:
        return scale.total, max(0, scale.total - int_or_percent.scaled(at_most_gone, scale.total, True))
    return scale.total, int_or_percent.scaled(at_least, scale.total, True)


def plan_status(budget: Obj, pods: Sequence[Obj], scale: Expected | None, now: float) -> Plan:
    """Events, the write of the status if it changes, and when an allowed eviction runs out."""
    actions: list[Action] = []
    if not pods:
        actions.append(Emit(budget, "Normal", "NoPods", "No matching pods found"))
    if scale is not None and scale.unmanaged:
        text = _UNMANAGED.format(_shown(budget["spec"].get("selector")))
        actions.append(Emit(budget, "Warning", "UnmanagedPods", text))
    disrupted, overdue, recheck = _disrupted(budget, pods, now)
    space = objects.namespace(budget)
    actions += [Emit(p, "Warning", "NotDeleted", f"Pod was expected by PDB {space}/{space} to be deleted but it wasn't") for p in overdue]
    count, wanted = desired(budget, pods, scale)
    healthy = sum(_is_healthy(pod, disrupted) for pod in pods)
    allowed = max(0, healthy - wanted) if count > 0 else 0
    status = _status(budget, {"currentHealthy": healthy, "desiredHealthy": wanted, "expectedPods": count, "disruptionsAllowed": allowed},
                     disrupted, now)  # fmt: skip
    if not _says_so(budget, status):
        actions.append(Update({**budget, "status": status}, "status"))
    return Plan(tuple(actions), recheck)


def plan_failed(budget: Obj, message: str, now: float) -> Plan:
    """Nothing may go while the status cannot be worked out."""
    status = budget.get("status") or {}
    found = condition.updated(
        status.get("conditions") or (), "False", condition.SYNC_FAILED, message, status.get("observedGeneration") or 0, now
    )
    new = {**status, "disruptionsAllowed": 0, "conditions": found}
    return Plan((Update({**budget, "status": new}, "status"),) if new != status else ())


def _disrupted(budget: Obj, pods: Sequence[Obj], now: float) -> tuple[dict[str, str], list[Obj], float | None]:
    """Allowed evictions whose deletion is still to come; those that never came; seconds until the next of these runs out."""
    known: Mapping[str, str] = (budget.get("status") or {}).get("disruptedPods") or {}
    waiting: dict[str, str] = {}
    overdue: list[Obj] = []
    recheck: float | None = None
    for pod in pods if known else ():
        since = known.get(objects.name(pod))
        if since is None or objects.is_deleting(pod):
            continue
        left = timestamps.parse(since) + DELETION_TIMEOUT - now
        if left < 0:
            overdue.append(pod)
            continue
        waiting[objects.name(pod)] = since
        # at the very moment it is not overdue yet
        recheck = left + 0.001 if recheck is None else min(recheck, left + 0.001)
    return waiting, overdue, recheck


def _is_healthy(pod: Obj, disrupted: Mapping[str, str]) -> bool:
    return not objects.is_deleting(pod) and objects.name(pod) not in disrupted and pod_rules.is_ready(pod)


def _status(budget: Obj, counts: Mapping[str, int], disrupted: Mapping[str, str], now: float) -> Obj:
    generation = budget["metadata"].get("generation") or 0
    status: Obj = {"observedGeneration": generation} if generation else {}
    if disrupted:
        status["disruptedPods"] = dict(disrupted)
    says, why = condition.expected(counts["disruptionsAllowed"])
    before = (budget.get("status") or {}).get("conditions") or ()
    return {**status, **counts, "conditions": condition.updated(before, says, why, "", generation, now)}


def _says_so(budget: Obj, new: Mapping[str, Any]) -> bool:
    """The status has these numbers already, and its condition the right status and reason."""
    old = budget.get("status") or {}
    found, due = objects.condition(budget, condition.TYPE), condition.expected(new["disruptionsAllowed"])
    same = all((old.get(k) or None) == (v or None) for k, v in new.items() if k != "conditions")
    gone = bool(old.get("disruptedPods")) and "disruptedPods" not in new
    return same and not gone and found is not None and (found["status"], found["reason"]) == due


def _shown(selector: Obj | None) -> str:
    """A label selector as the reference prints it in texts."""
    if selector is None:
        return "nil"
    labels = "".join(f"{k}: {v}," for k, v in sorted((selector.get("matchLabels") or {}).items()))
    terms = "".join(
        f"LabelSelectorRequirement{{Key:{e['key']},Operator:{e['operator']},Values:[{' '.join(e.get('values') or ())}],}},"
        for e in selector.get("matchExpressions") or ()
    )
    return f"&LabelSelector{{MatchLabels:map[string]string{{{labels}}},MatchExpressions:[]LabelSelectorRequirement{{{terms}}},}}"
