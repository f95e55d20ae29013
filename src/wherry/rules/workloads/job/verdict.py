"""Whether a Job has to end, and why.

Called by `plan` first of all. Gives the condition to set: FailureTarget or SuccessCriteriaMet (the pods go, then it is Failed or Complete),
or Failed when the target was set before. What was once decided stays; then come failures, then successes by policy. Completions are
judged later, when it is known what still runs. Source: pkg/controller/job syncJob.
"""

from __future__ import annotations

from wherry.api import timestamps
from wherry.api.objects import Obj
from wherry.rules.workloads.job import indexes, success_policy, tracked
from wherry.rules.workloads.job.conditions import made, true
from wherry.rules.workloads.job.failure_policy import judge
from wherry.rules.workloads.job.finished import is_suspended
from wherry.rules.workloads.job.view import View


def verdict(view: View) -> Obj | None:
    return _earlier(view) or _by_failure_policy(view) or _by_limits(view) or _by_indexes(view) or _by_success_policy(view)


def completed(now: float) -> Obj:
    """The verdict on a Job that has all the successes it wants."""
    return made("SuccessCriteriaMet", "CompletionsReached", "Reached expected number of succeeded pods", now)


def failed_for(target: Obj, now: float) -> Obj:
    return made("Failed", target.get("reason", ""), target.get("message", ""), now)


def deadline(job: Obj, started: str | None, now: float) -> float | None:
    """Seconds until it has been active for too long; None when there is no such moment."""
    limit = job["spec"].get("activeDeadlineSeconds")
    if limit is None or started is None or is_suspended(job):
        return None
    return timestamps.parse(started) + float(limit) - now


def _earlier(view: View) -> Obj | None:
    if (met := true(view.job, "SuccessCriteriaMet")) is not None:
        return met
    target = true(view.job, "FailureTarget")
    return None if target is None else failed_for(target, view.now)


def _by_failure_policy(view: View) -> Obj | None:
    policy = view.spec.get("podFailurePolicy")
    if policy is None:
        return None
    messages = (judge(policy, p).message for p in view.pods if tracked.has_failed(p, view.job))
    message = next(filter(None, messages), "")
    return made("FailureTarget", "PodFailurePolicy", message, view.now) if message else None


def _by_limits(view: View) -> Obj | None:
    limit = view.spec.get("backoffLimit")
    if limit is not None and (view.failed > limit or _restarted_too_often(view, limit)):
        return made("FailureTarget", "BackoffLimitExceeded", "Job has reached the specified backoff limit", view.now)
    left = deadline(view.job, (view.job.get("status") or {}).get("startTime"), view.now)
    if left is not None and left <= 0:
        return made("FailureTarget", "DeadlineExceeded", "Job was active longer than specified deadline", view.now)
    return None


def _restarted_too_often(view: View, limit: int) -> bool:
    """With restartPolicy OnFailure a failure is a restart of a container."""
    if view.spec["template"]["spec"].get("restartPolicy") != "OnFailure":
        return False
    restarts = 0
    for pod in view.pods:
        if tracked.phase(pod) in ("Running", "Pending"):
            status = pod.get("status") or {}
            each = (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ()))
            restarts += sum(s.get("restartCount") or 0 for s in each)
    return restarts > 0 if limit == 0 else restarts >= limit


def _by_indexes(view: View) -> Obj | None:
    if view.progress is None or view.progress.failed is None:
        return None
    failed, most = indexes.total(view.progress.failed), view.spec.get("maxFailedIndexes")
    if most is not None and failed > most:
        message = "Job has exceeded the specified maximal number of failed indexes"
        return made("FailureTarget", "MaxFailedIndexesExceeded", message, view.now)
    if failed > 0 and failed + view.succeeded >= (view.completions or 0):
        return made("FailureTarget", "FailedIndexes", "Job has failed indexes", view.now)
    return None


def _by_success_policy(view: View) -> Obj | None:
    if view.progress is None:
        return None
    message = success_policy.met(view.spec.get("successPolicy"), view.completions or 0, view.progress.succeeded)
    return made("SuccessCriteriaMet", "SuccessPolicy", message, view.now) if message else None
