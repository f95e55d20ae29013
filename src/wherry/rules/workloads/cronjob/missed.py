"""Which run of a CronJob is due, and how long it is to the next.

Called by `plan`. Of several runs that were missed only the last counts; when there are very many the user is told. Runs longer ago than
`startingDeadlineSeconds` do not count. Source: pkg/controller/cronjob/utils.go mostRecentScheduleTime, nextScheduleTimeDuration.
"""

from __future__ import annotations

from typing import NamedTuple

from wherry.api import timestamps
from wherry.api.objects import Obj
from wherry.rules.texts.cron_schedule import Schedule
from wherry.rules.workloads.cronjob.next_run import next_run

#: more missed runs than that are reported
MANY = 100
#: seconds by which it is looked again a little late rather than a little early
MARGIN = 0.1


class Missed(NamedTuple):
    """`since`: from when runs are looked for. `last`: the last one that was due; None for none. `runs`: about how many, when several."""

    since: float
    last: float | None = None
    runs: int = 0


def missed(cron_job: Obj, schedule: Schedule, now: float, *, within_deadline: bool) -> Missed:
    """Raises ValueError for a schedule that never comes."""
    since = _since(cron_job, now, within_deadline=within_deadline)
    first = next_run(schedule, since)
    second = None if first is None else next_run(schedule, first)
    if first is not None and now < first:
        return Missed(since)
    if first is not None and second is not None and now < second:
        return Missed(since, first, 0)
    if first is None or second is None or second - first < 1:
        raise ValueError("time difference between two schedules is less than 1 second")
    between = second - first
    runs = int((now - first) // between) + 1
    return Missed(since, _last(schedule, first + (runs - 2) * between, now), runs)


def _since(cron_job: Obj, now: float, *, within_deadline: bool) -> float:
    started = (cron_job.get("status") or {}).get("lastScheduleTime") or cron_job["metadata"]["creationTimestamp"]
    since, deadline = timestamps.parse(started), cron_job["spec"].get("startingDeadlineSeconds")
    return max(since, now - deadline) if within_deadline and deadline is not None else since


def _last(schedule: Schedule, start: float, now: float) -> float | None:
    """The last run up to now, when they are looked for from `start` on."""
    last, run = None, next_run(schedule, start)
    while run is not None and run <= now:
        last, run = run, next_run(schedule, run)
    return last


def wait(cron_job: Obj, schedule: Schedule, now: float) -> float | None:
    """Seconds until the next run; None for a schedule that never comes again."""
    try:
        found = missed(cron_job, schedule, now, within_deadline=False)
    except ValueError:
        base = now
    else:
        base = found.last if found.last is not None else found.since if found.runs == 0 else now
    run = next_run(schedule, base)
    return None if run is None else run + MARGIN - now
