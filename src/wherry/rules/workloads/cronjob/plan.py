"""Whether a CronJob starts a Job now.

Called by the CronJob controller with a CronJob whose status is up to date. Gives a `Decision`: the Job to make and the ones that it
replaces, or only how long to wait. Too late, still running and forbidden, suspended, or not to be understood: no Job.
Source: pkg/controller/cronjob syncCronJob.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from wherry.api import objects, time_zones, timestamps
from wherry.api.field import show
from wherry.api.objects import Obj
from wherry.rules.objects.plan import Emit
from wherry.rules.texts.cron_schedule import Schedule, zone_fault
from wherry.rules.workloads.cronjob.job import job_name, new_job
from wherry.rules.workloads.cronjob.missed import MANY, missed, wait
from wherry.rules.workloads.cronjob.schedule import names_zone, schedule_of
from wherry.rules.workloads.cronjob.status import active


class Decision(NamedTuple):
    """`job`: to create for the run `run`, after the Jobs `replaces` (references) are deleted. `wait`: seconds to the next run."""

    told: tuple[Emit, ...] = ()
    replaces: tuple[Obj, ...] = ()
    job: Obj | None = None
    run: float = 0.0
    wait: float | None = None


def decide(cron_job: Obj, now: float) -> Decision:
    if objects.is_deleting(cron_job):
        return Decision()
    zone = cron_job["spec"].get("timeZone")
    fault = zone_fault(zone, time_zones.known) if zone is not None else ""
    if fault:
        return Decision((_warning(cron_job, "UnknownTimeZone", f"invalid timeZone: {show(zone)}: {fault}"),))
    if cron_job["spec"].get("suspend"):
        return Decision()
    return _scheduled(cron_job, now)


def _scheduled(cron_job: Obj, now: float) -> Decision:
    told, text = _zone_warning(cron_job), cron_job["spec"]["schedule"]
    try:
        schedule = schedule_of(cron_job)
    except ValueError as error:
        return Decision((*told, _warning(cron_job, "UnparseableSchedule", f"unparseable schedule: {show(text)} : {error}")))
    try:
        due = missed(cron_job, schedule, now, within_deadline=True)
    except ValueError as error:
        return Decision((*told, _warning(cron_job, "InvalidSchedule", f"invalid schedule: {text} : {error}")))
    pause = wait(cron_job, schedule, now)
    if due.last is None:
        return Decision(told, wait=pause)
    if due.runs > MANY:
        message = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew"
        told = (*told, _warning(cron_job, "TooManyMissedTimes", message))
    refusal = _refusal(cron_job, due.last, now)
    if refusal is not None:
        return Decision((*told, *refusal), wait=pause)
    replaces = tuple(active(cron_job)) if cron_job["spec"].get("concurrencyPolicy") == "Replace" else ()
    return Decision(told, replaces, new_job(cron_job, due.last), due.last, _wait_after(cron_job, schedule, due.last, now))


def _wait_after(cron_job: Obj, schedule: Schedule, run: float, now: float) -> float | None:
    """To the next run, once this one is in the status."""
    status = {**(cron_job.get("status") or {}), "lastScheduleTime": timestamps.time(run)}
    return wait({**cron_job, "status": status}, schedule, now)


def _zone_warning(cron_job: Obj) -> tuple[Emit, ...]:
    if not names_zone(cron_job):
        return ()
    message = (
        f"CRON_TZ or TZ used in schedule {show(cron_job['spec']['schedule'])} is not officially supported, "
        "see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details"
    )
    return (_warning(cron_job, "UnsupportedSchedule", message),)


def _refusal(cron_job: Obj, run: float, now: float) -> tuple[Emit, ...] | None:
    """Why the run does not start a Job (with what is told of it); None when it does."""
    spec, status = cron_job["spec"], cron_job.get("status") or {}
    deadline = spec.get("startingDeadlineSeconds")
    if deadline is not None and run + deadline < now:
        at = datetime.fromtimestamp(run, UTC)
        moment = f"{at:%a, %d %b %Y %H:%M:%S} +0000"
        return (_warning(cron_job, "MissSchedule", f"Missed scheduled time to start a job: {moment}"),)
    last, name = status.get("lastScheduleTime"), job_name(cron_job, run)
    if (last and timestamps.parse(last) == run) or any(ref.get("name") == name for ref in active(cron_job)):
        return ()
    if spec.get("concurrencyPolicy") == "Forbid" and active(cron_job):
        message = "Not starting job because prior execution is running and concurrency policy is Forbid"
        return (Emit(cron_job, "Normal", "JobAlreadyActive", message),)
    return None


def _warning(cron_job: Obj, reason: str, message: str) -> Emit:
    return Emit(cron_job, "Warning", reason, message)
