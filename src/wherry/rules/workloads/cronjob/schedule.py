"""The schedule of a CronJob, read: its text and its time zone.

Called by `plan` and by the controller. Source: pkg/controller/cronjob formatSchedule.
"""

from __future__ import annotations

from wherry.api import time_zones
from wherry.api.objects import Obj
from wherry.rules.texts.cron_schedule import Schedule, parse, zone_fault


def schedule_of(cron_job: Obj) -> Schedule:
    """Raises ValueError for what cannot be read."""
    text: str = cron_job["spec"]["schedule"]
    zone = cron_job["spec"].get("timeZone")
    if names_zone(cron_job) or zone is None or zone_fault(zone, time_zones.known):
        return parse(text, time_zones.known)
    return parse(f"TZ={zone} {text}", time_zones.known)


def names_zone(cron_job: Obj) -> bool:
    """The schedule's own text names a time zone, which goes before `.spec.timeZone`."""
    return "TZ" in cron_job["spec"]["schedule"]
