"""Whether a Job has ended, and who looks after it.

Called by every rule and controller that looks at Jobs. Pure questions about one Job.
Source: pkg/controller/job/util FinishedCondition; KEP-4368 (managedBy).
"""

from __future__ import annotations

from wherry.api import objects
from wherry.api.objects import Obj

CONTROLLER = "kubernetes.io/job-controller"


def finished_condition(job: Obj) -> Obj | None:
    """Its Complete or Failed condition, once that is true."""
    for condition in (job.get("status") or {}).get("conditions") or ():
        if condition.get("type") in ("Complete", "Failed") and condition.get("status") == "True":
            found: Obj = condition
            return found
    return None


def is_finished(job: Obj) -> bool:
    return finished_condition(job) is not None


def has_succeeded(job: Obj) -> bool:
    condition = objects.condition(job, "Complete")
    return condition is not None and condition.get("status") == "True"


def is_managed_elsewhere(job: Obj) -> bool:
    """`.spec.managedBy` names another controller: this one keeps its hands off the Job and its pods."""
    return job["spec"].get("managedBy") not in (None, CONTROLLER)


def is_suspended(job: Obj) -> bool:
    return bool(job["spec"].get("suspend"))


def is_indexed(job: Obj) -> bool:
    return bool(job["spec"].get("completionMode") == "Indexed")


def limits_each_index(job: Obj) -> bool:
    return job["spec"].get("backoffLimitPerIndex") is not None


def replaces_only_failed(job: Obj) -> bool:
    """A pod that terminates is replaced only once it has ended (KEP-3939; always so with a pod failure policy)."""
    return job["spec"].get("podReplacementPolicy") == "Failed" or job["spec"].get("podFailurePolicy") is not None
