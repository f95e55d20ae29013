"""The first run of a schedule after a moment.

Called by `missed`. Schedule (parsed by `rules.cron_schedule`) and moment in, moment out; None when there is none within five years. Minutes
are looked for on the wall clock of the schedule's zone: what the clock leaps over in spring does not come, what it repeats in autumn comes
twice. Source: github.com/robfig/cron/v3 SpecSchedule.Next, ConstantDelaySchedule.Next.
"""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from wherry.api import time_zones
from wherry.rules.texts.cron_schedule import Calendar, Every, Schedule

_YEARS = 5
_UTC = ZoneInfo("UTC")


def next_run(schedule: Schedule, after: float) -> float | None:
    if isinstance(schedule, Every):
        return float(int(after) + schedule.seconds)
    zone = _zone(schedule.zone)
    moment = float(int(after) + 1)
    limit = datetime.fromtimestamp(moment, zone).year + _YEARS
    while True:
        local = datetime.fromtimestamp(moment, zone)
        if local.year > limit:
            return None
        later = _later(schedule, local, zone)
        if later is None:
            return moment
        moment = max(later, moment + 1)


def _zone(name: str) -> tzinfo:
    """Where no zone is named, the controller's own: UTC."""
    return (time_zones.zone(name) if name not in ("", "Local") else None) or _UTC


def _later(schedule: Calendar, local: datetime, zone: tzinfo) -> float | None:
    """The next moment worth a look; None when this one is a run."""
    if local.month not in schedule.months:
        return _midnight(local.year + local.month // 12, local.month % 12 + 1, 1, zone)
    if not _is_day(schedule, local):
        tomorrow = local.date() + timedelta(days=1)
        return _midnight(tomorrow.year, tomorrow.month, tomorrow.day, zone)
    moment = local.timestamp()
    if local.hour not in schedule.hours:
        return moment + 3600 - local.minute * 60 - local.second
    if local.minute not in schedule.minutes or local.second:
        return moment + 60 - local.second
    return None


def _midnight(year: int, month: int, day: int, zone: tzinfo) -> float:
    """The first moment of a day (where there is no midnight, the moment at which the clock leaps over it)."""
    return datetime(year, month, day, tzinfo=zone).timestamp()


def _is_day(schedule: Calendar, local: datetime) -> bool:
    of_month, of_week = local.day in schedule.days_of_month, local.isoweekday() % 7 in schedule.days_of_week
    if schedule.any_day_of_month or schedule.any_day_of_week:
        return of_month and of_week
    return of_month or of_week
