"""The Job that a CronJob makes for one of its runs.

Called by `plan`. Its name says which run it is for, so that no run is started twice.
Source: pkg/controller/cronjob/utils.go getJobFromTemplate2.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from wherry.api import objects, time_zones, timestamps
from wherry.api.objects import Obj

SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"


def job_name(cron_job: Obj, run: float) -> str:
    return f"{objects.name(cron_job)}-{int(run) // 60}"


def run_of(cron_job: Obj, job: Obj) -> float | None:
    """The run that the CronJob's controller made this Job for; None when somebody else made it."""
    at = objects.annotations_of(job).get(SCHEDULED)
    try:
        run = timestamps.parse(at) if at else None
    except ValueError:
        return None
    return run if run is not None and objects.name(job) == job_name(cron_job, run) else None


def new_job(cron_job: Obj, run: float) -> Obj:
    template: Obj = msgspec.json.decode(msgspec.json.encode(cron_job["spec"]["jobTemplate"]))
    given = template.get("metadata") or {}
    metadata: dict[str, Any] = {
        "name": job_name(cron_job, run), "namespace": objects.namespace(cron_job),
        "annotations": {**(given.get("annotations") or {}), SCHEDULED: _local(cron_job, run)},
        "ownerReferences": [objects.controller_ref(cron_job)],
    }  # fmt: skip
    if given.get("labels"):
        metadata["labels"] = given["labels"]
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template["spec"]}


def _local(cron_job: Obj, run: float) -> str:
    """The moment on the wall clock of the CronJob's zone, as RFC 3339."""
    zone = time_zones.zone(cron_job["spec"].get("timeZone") or "UTC") or ZoneInfo("UTC")
    text = datetime.fromtimestamp(int(run), zone).isoformat()
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text
