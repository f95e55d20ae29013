"""The part of a Job's status that says what runs: when it started, active, ready and terminating pods, whether it is suspended.

Called by `tally` with the `Outcome` of a decision; gives a private draft of the status that `tally` fills further. Here it is also
decided whether the Job has all completions it wants, now that it is known what still runs. Source: pkg/controller/job syncJob.
"""

from __future__ import annotations

from typing import NamedTuple

from wherry.api import timestamps
from wherry.api.errors import StatusError
from wherry.api.objects import Obj
from wherry.rules.objects.plan import Emit
from wherry.rules.workloads.job.conditions import ensured, made
from wherry.rules.workloads.job.finished import is_suspended
from wherry.rules.workloads.job.plan import Decision
from wherry.rules.workloads.job.verdict import completed
from wherry.rules.workloads.job.view import View


class Outcome(NamedTuple):
    """How many pods were `created` and `deleted` (`ready` of these were ready), and the error that ended it."""

    created: int = 0
    deleted: int = 0
    ready: int = 0
    error: StatusError | None = None


class Draft(NamedTuple):
    """`verdict`: the Job may be ended now."""

    status: Obj
    changed: bool
    verdict: Obj | None
    told: tuple[Emit, ...]


def started(view: View, decision: Decision, outcome: Outcome) -> Draft:
    old: Obj = view.job.get("status") or {}
    lists = old.get("uncountedTerminatedPods") or {}
    status: Obj = {**old, "uncountedTerminatedPods": {part: list(uids) for part, uids in lists.items() if uids}}
    if not status.get("startTime") and not is_suspended(view.job):
        status["startTime"] = timestamps.time(view.now)
    active = len(view.active) + outcome.created - outcome.deleted
    verdict = _verdict(view, decision, outcome, active)
    told = _suspension(view, status) if verdict is None and decision.managed else ()
    said = {"active": active, "ready": view.ready - outcome.ready, "terminating": view.terminating + outcome.deleted}
    changed = bool(told) or active != old.get("active", 0) or any(old.get(k) != said[k] for k in ("ready", "terminating"))
    status.update(said)
    if not active:
        del status["active"]
    return Draft(status, changed, verdict, told)


def _verdict(view: View, decision: Decision, outcome: Outcome, active: int) -> Obj | None:
    if decision.verdict is not None:  # while a pod could not be deleted the Job is not over
        return decision.verdict if outcome.deleted == len(view.active) else None
    enough = view.succeeded > 0 if view.completions is None else view.succeeded >= view.completions
    return completed(view.now) if enough and active == 0 else None


def _suspension(view: View, status: Obj) -> tuple[Emit, ...]:
    """A suspended Job has no start; one that goes on starts anew, so that its deadline only counts the time that it was active."""
    if is_suspended(view.job):
        new = made("Suspended", "JobSuspended", "Job suspended", view.now)
        told = Emit(view.job, "Normal", "Suspended", "Job suspended")
    else:
        new = made("Suspended", "JobResumed", "Job resumed", view.now, "False")
        told = Emit(view.job, "Normal", "Resumed", "Job resumed")
    conditions = ensured(status.get("conditions") or (), new)
    if conditions is None:
        return ()
    status["conditions"] = conditions
    status.pop("startTime", None)
    if not is_suspended(view.job):
        status["startTime"] = timestamps.time(view.now)
    return (told,)
