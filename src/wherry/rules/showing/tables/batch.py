"""Rows of Jobs and CronJobs. Called through `tables.row`. Source: pkg/printers/internalversion/printers.go."""

from __future__ import annotations

from typing import Any

from wherry.api import timestamps
from wherry.api.objects import Obj
from wherry.rules.showing.tables.cells import (
    NONE,
    UNSET,
    age,
    containers,
    name,
    part,
    selector_text,
    since,
    spec,
    status,
    template_spec,
    true_condition,
)
from wherry.rules.showing.tables.column import AGE, CONTAINERS, IMAGES, NAME, Column, Printer, boolean, doc, integer, text, wide
from wherry.rules.texts import age as duration

_SELECTOR: Column = wide("Selector", doc("batch.v1.JobSpec", "selector"))
#: conditions in order of precedence; deletion ranks between the first two and the rest
_FINAL = (("Complete", "Complete"), ("Failed", "Failed"))
_PASSING = (("Suspended", "Suspended"), ("FailureTarget", "FailureTarget"), ("SuccessCriteriaMet", "SuccessCriteriaMet"))


def _state(job: Obj) -> str:
    for type_, word in _FINAL:
        if true_condition(job, type_):
            return word
    if job["metadata"].get("deletionTimestamp"):
        return "Terminating"
    for type_, word in _PASSING:
        if true_condition(job, type_):
            return word
    return "Running"


def _completions(job: Obj) -> str:
    succeeded, wanted, parallelism = status(job).get("succeeded", 0), spec(job).get("completions"), spec(job).get("parallelism") or 0
    if wanted is not None:
        return f"{succeeded}/{wanted}"
    return f"{succeeded}/1 of {parallelism}" if parallelism > 1 else f"{succeeded}/1"


def _duration(job: Obj, now: float) -> str:
    started, completed = status(job).get("startTime"), status(job).get("completionTime")
    if not started:
        return ""
    return duration.human((timestamps.parse(completed) if completed else now) - timestamps.parse(started))


def _job(job: Obj, now: float) -> list[Any]:
    return [name(job), _state(job), _completions(job), _duration(job, now), age(job, now),
            *containers(template_spec(job)), selector_text(spec(job).get("selector"))]  # fmt: skip


def _cron_job(obj: Obj, now: float) -> list[Any]:
    wanted, job = spec(obj), part(obj, "spec", "jobTemplate", "spec")
    last, suspend = status(obj).get("lastScheduleTime"), wanted.get("suspend")
    zone = wanted.get("timeZone")
    return [name(obj), wanted.get("schedule", ""), NONE if zone is None else zone, UNSET if suspend is None else str(suspend),
            len(status(obj).get("active") or ()), since(last, now) if last else NONE, age(obj, now),
            *containers(part(job, "template", "spec")), selector_text(job.get("selector"))]  # fmt: skip


PRINTERS = {
    "Job.batch": Printer(
        (
            NAME,
            text("Status", "Status of the job."),
            text("Completions", doc("batch.v1.JobStatus", "succeeded")),
            text("Duration", "Time required to complete the job."),
            AGE,
            CONTAINERS,
            IMAGES,
            _SELECTOR,
        ),
        _job,
    ),
    "CronJob.batch": Printer(
        (
            NAME,
            text("Schedule", doc("batch.v1.CronJobSpec", "schedule")),
            text("Timezone", doc("batch.v1.CronJobSpec", "timeZone")),
            boolean("Suspend", doc("batch.v1.CronJobSpec", "suspend")),
            integer("Active", doc("batch.v1.CronJobStatus", "active")),
            text("Last Schedule", doc("batch.v1.CronJobStatus", "lastScheduleTime")),
            AGE,
            CONTAINERS,
            IMAGES,
            _SELECTOR,
        ),
        _cron_job,
    ),
}
