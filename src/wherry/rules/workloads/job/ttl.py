"""When a Job that has ended is to be deleted: `ttlSecondsAfterFinished` after its last condition came.

Called by the TTL controller. Job in, moment out; None for a Job that stays. Source: pkg/controller/ttlafterfinished; KEP-592.
"""

from __future__ import annotations

from wherry.api import objects, timestamps
from wherry.api.objects import Obj
from wherry.rules.workloads.job.finished import finished_condition


def expires_at(job: Obj) -> float | None:
    condition, seconds = finished_condition(job), job["spec"].get("ttlSecondsAfterFinished")
    if condition is None or seconds is None or objects.is_deleting(job) or not condition.get("lastTransitionTime"):
        return None
    return timestamps.parse(condition["lastTransitionTime"]) + float(seconds)
