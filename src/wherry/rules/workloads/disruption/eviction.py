"""Whether a pod may be evicted: what its PodDisruptionBudget says, and what is left of the budget afterwards.

Called by the eviction subresource. Turns a pod and its budget into a verdict; the budget's next status is a new value.
Source: pkg/registry/core/pod/storage/eviction.go, pkg/controller/disruption (UpdateDisruptionAllowedCondition);
https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/.
"""

from __future__ import annotations

from wherry.api import errors
from wherry.api.errors import StatusError, TooManyRequests
from wherry.api.objects import Obj, is_deleting

#: evictions that the controller has not seen yet
MAX_DISRUPTED_PODS = 2000
_VIOLATES = "Cannot evict pod as it would violate the pod's disruption budget."


def ignores_budget(pod: Obj) -> bool:
    """A pod that does not run, or is going, disrupts nothing by going."""
    return is_deleting(pod) or (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed", "Pending")


def needs_its_version(pod: Obj) -> bool:
    """Whether the pod must not change before it is deleted: one that might become ready and count."""
    return not is_deleting(pod) and (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed")


def is_outside_budget(pod: Obj, budget: Obj) -> bool:
    """An unready pod is evicted without asking when the policy or a healthy application allows it."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    if any(c["type"] == "Ready" and c["status"] == "True" for c in conditions):
        return False
    status = budget.get("status") or {}
    healthy, desired = status.get("currentHealthy", 0), status.get("desiredHealthy", 0)
    return (budget.get("spec") or {}).get("unhealthyPodEvictionPolicy") == "AlwaysAllow" or healthy >= desired > 0


def being_processed(name: str) -> TooManyRequests:
    return _refused(f"The disruption budget {name} is still being processed by the server.", 10)


def check(budget: Obj) -> None:
    """Raises TooManyRequests when the budget allows no disruption, Forbidden when it cannot be trusted."""
    meta, status = budget["metadata"], budget.get("status") or {}
    name, allowed = meta["name"], status.get("disruptionsAllowed", 0)
    if status.get("observedGeneration", 0) < meta.get("generation", 0):
        raise being_processed(name)
    if allowed < 0:
        raise errors.forbidden("poddisruptionbudget.policy", name, "pdb disruptions allowed is negative")
    if len(status.get("disruptedPods") or ()) > MAX_DISRUPTED_PODS:
        why = "DisruptedPods map too big - too many evictions not confirmed by PDB controller"
        raise errors.forbidden("poddisruptionbudget.policy", name, why)
    if not allowed:
        raise _refused(_exhausted(name, status), 0)


def _exhausted(name: str, status: Obj) -> str:
    condition: Obj = next((c for c in status.get("conditions") or () if c["type"] == "DisruptionAllowed"), {})
    told = condition.get("message", "") if condition.get("status") == "False" else ""
    reason, desired, healthy = condition.get("reason", ""), status.get("desiredHealthy", 0), status.get("currentHealthy", 0)
    if told and reason == "SyncFailed":
        return f"The disruption budget {name} does not allow evicting pods currently because it failed sync: {told}"
    if healthy <= desired:
        return f"The disruption budget {name} needs {desired} healthy pods and has {healthy} currently"
    if told:
        return f"The disruption budget {name} does not allow evicting pods currently ({reason}): {told}"
    return f"The disruption budget {name} does not allow evicting pods currently"


def _refused(why: str, retry_after: int) -> TooManyRequests:
    details: Obj = {"causes": [{"reason": "DisruptionBudget", "message": why}]}
    return TooManyRequests(_VIOLATES, {**details, "retryAfterSeconds": retry_after} if retry_after else details)


def spent(budget: Obj, pod: str, now: str) -> Obj:
    """The budget's status with one disruption less, and the pod that it goes to."""
    status = budget.get("status") or {}
    left = status["disruptionsAllowed"] - 1
    status = {**status, "disruptionsAllowed": left, "disruptedPods": {**(status.get("disruptedPods") or {}), pod: now}}
    return status if left else {**status, "conditions": _conditions(budget, now)}


def _conditions(budget: Obj, now: str) -> list[Obj]:
    """Those of a budget that is used up."""
    given = (budget.get("status") or {}).get("conditions") or []
    before: Obj = next((c for c in given if c["type"] == "DisruptionAllowed"), {})
    since = before["lastTransitionTime"] if before.get("status") == "False" else now
    mine = {
        "type": "DisruptionAllowed",
        "status": "False",
        "observedGeneration": (budget.get("status") or {}).get("observedGeneration", 0),
        "lastTransitionTime": since,
        "reason": "InsufficientPods",
        "message": "",
    }
    return [mine if c is before else c for c in given] if before else [*given, mine]


def several_budgets() -> StatusError:
    return StatusError("This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.", code=500)
