"""Which finished Jobs of a CronJob are to be deleted: the oldest above its two limits.

Called by the CronJob controller first. Source: pkg/controller/cronjob cleanupFinishedJobs, byJobStartTime.
"""

from __future__ import annotations

from collections.abc import Iterable

from wherry.api import objects, timestamps
from wherry.api.objects import Obj
from wherry.rules.workloads.job.finished import has_succeeded, is_finished


def too_old(cron_job: Obj, jobs: Iterable[Obj]) -> list[Obj]:
    succeeded: list[Obj] = []
    failed: list[Obj] = []
    for job in jobs:
        if is_finished(job):
            (succeeded if has_succeeded(job) else failed).append(job)
    spec = cron_job["spec"]
    return [*_oldest(succeeded, spec.get("successfulJobsHistoryLimit")), *_oldest(failed, spec.get("failedJobsHistoryLimit"))]


def _oldest(jobs: list[Obj], limit: int | None) -> list[Obj]:
    if limit is None or len(jobs) <= limit:
        return []
    return sorted(jobs, key=_started)[: len(jobs) - limit]


def _started(job: Obj) -> tuple[bool, float, str]:
    at = (job.get("status") or {}).get("startTime")
    return not at, timestamps.parse(at) if at else 0.0, objects.name(job)
