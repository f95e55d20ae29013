"""The status of a CronJob: its active Jobs, when it last started one, when one last succeeded.

Called by the CronJob controller with the Jobs of the CronJob; gives it with its new status (the same object when nothing changed) and what
to tell. A controller that died after it made a Job and before it said so is made good for (`recalled`), so that no run is started twice
and none beside another that forbids it; the reference only warns of such a Job. Source: pkg/controller/cronjob syncCronJob.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from wherry.api import objects, timestamps
from wherry.api.objects import Obj
from wherry.rules.objects.plan import Emit
from wherry.rules.workloads.cronjob.job import run_of
from wherry.rules.workloads.job.finished import finished_condition, has_succeeded, is_finished


def active(cron_job: Obj) -> list[Obj]:
    """References to its Jobs that have not ended."""
    return (cron_job.get("status") or {}).get("active") or []


def is_active(cron_job: Obj, job: Obj) -> bool:
    return any(ref.get("uid") == objects.uid(job) for ref in active(cron_job))


def without(cron_job: Obj, uids: Collection[str]) -> Obj:
    left = [ref for ref in active(cron_job) if ref.get("uid") not in uids]
    return cron_job if len(left) == len(active(cron_job)) else _with_status(cron_job, active=left or None)


def started(cron_job: Obj, job: Obj, run: float) -> Obj:
    """After `job` was made for `run`."""
    return _with_status(cron_job, active=[*active(cron_job), objects.reference(job)], lastScheduleTime=timestamps.time(run))


def recalled(cron_job: Obj, jobs: Iterable[Obj]) -> tuple[Obj, tuple[Emit, ...]]:
    """With the runs that were started and not written down."""
    told: list[Emit] = []
    before = (cron_job.get("status") or {}).get("lastScheduleTime")
    last, forgotten = timestamps.parse(before) if before else None, []
    for job in jobs:
        run = run_of(cron_job, job)
        if run is None:
            continue
        last = run if last is None else max(last, run)
        if not is_finished(job) and not objects.is_deleting(job) and not is_active(cron_job, job):
            forgotten.append(objects.reference(job))
            told.append(_unexpected(cron_job, job))
    if forgotten:
        cron_job = _with_status(cron_job, active=[*active(cron_job), *forgotten])
    if last is not None and (before is None or last > timestamps.parse(before)):
        cron_job = _with_status(cron_job, lastScheduleTime=timestamps.time(last))
    return cron_job, tuple(told)


def _unexpected(cron_job: Obj, job: Obj) -> Emit:
    message = f"Saw a job that the controller did not create or forgot: {objects.name(job)}"
    return Emit(cron_job, "Warning", "UnexpectedJob", message)


def observed(cron_job: Obj, jobs: Iterable[Obj], missing: Iterable[Obj]) -> tuple[Obj, tuple[Emit, ...]]:
    """`missing`: references to active Jobs that are nowhere to be found."""
    told: list[Emit] = []
    ended: set[str] = set()
    successes = [(cron_job.get("status") or {}).get("lastSuccessfulTime")]
    for job in jobs:
        condition, listed = finished_condition(job), is_active(cron_job, job)
        if condition is not None and listed:
            ended.add(objects.uid(job))
            message = f"Saw completed job: {objects.name(job)}, condition: {condition['type']}"
            told.append(Emit(cron_job, "Normal", "SawCompletedJob", message))
        elif condition is None and not listed:
            told.append(_unexpected(cron_job, job))
        if has_succeeded(job):
            successes.append((job.get("status") or {}).get("completionTime"))
    for ref in missing:
        ended.add(ref["uid"])
        told.append(Emit(cron_job, "Normal", "MissingJob", f"Active job went missing: {ref['name']}"))
    return _succeeded(without(cron_job, ended), successes), tuple(told)


def _succeeded(cron_job: Obj, moments: Iterable[str | None]) -> Obj:
    last = max(filter(None, moments), key=timestamps.parse, default=None)
    if last == (cron_job.get("status") or {}).get("lastSuccessfulTime"):
        return cron_job
    return _with_status(cron_job, lastSuccessfulTime=last)


def _with_status(cron_job: Obj, **fields: object) -> Obj:
    status = {**(cron_job.get("status") or {}), **fields}
    return {**cron_job, "status": {k: v for k, v in status.items() if v is not None}}
