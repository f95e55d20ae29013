"""When a CronJob runs: the wall clock of its zone, missed runs, and how long it is to the next."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wherry.api import time_zones, timestamps
from wherry.api.objects import Obj
from wherry.rules.texts.cron_schedule import parse
from wherry.rules.workloads.cronjob.missed import missed, wait
from wherry.rules.workloads.cronjob.next_run import next_run
from wherry.rules.workloads.cronjob.schedule import schedule_of


def at(text: str, zone: str = "UTC") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def cron_job(schedule: str, created: str = "2026-01-01T00:00:00Z", last: str = "", **spec: Any) -> Obj:
    status = {"lastScheduleTime": last} if last else {}
    return {"metadata": {"name": "c", "creationTimestamp": created}, "spec": {"schedule": schedule, **spec}, "status": status}


@pytest.mark.parametrize(
    ("text", "after", "run"),
    [
        ("*/15 * * * *", "2026-01-01T00:00:00", "2026-01-01T00:15:00"),
        ("*/15 * * * *", "2026-01-01T00:14:59.9", "2026-01-01T00:15:00"),
        ("5 4 * * *", "2026-01-01T04:05:00", "2026-01-02T04:05:00"),
        ("0 0 29 2 *", "2026-01-01T00:00:00", "2028-02-29T00:00:00"),
        ("0 12 * * mon", "2026-01-01T00:00:00", "2026-01-05T12:00:00"),
        ("0 12 13 * fri", "2026-01-10T00:00:00", "2026-01-13T12:00:00"),  # one of both is enough
        ("0 12 */2 * fri", "2026-01-10T00:00:00", "2026-01-11T12:00:00"),
        ("59 23 31 12 *", "2026-12-31T23:59:00", "2027-12-31T23:59:00"),
        ("@monthly", "2026-12-05T00:00:00", "2027-01-01T00:00:00"),
        ("@every 90s", "2026-01-01T00:00:00.5", "2026-01-01T00:01:30"),
    ],
)
def test_the_next_run(text: str, after: str, run: str) -> None:
    assert next_run(parse(text, time_zones.known), at(after)) == at(run)


def test_a_day_that_never_comes_has_no_run() -> None:
    never = parse("59 23 31 2 *", time_zones.known)
    assert next_run(never, at("2026-01-01T00:00:00")) is None
    with pytest.raises(ValueError, match="less than 1 second"):
        missed(cron_job("59 23 31 2 *"), never, at("2026-02-01T00:00:00"), within_deadline=True)


def test_a_zone_moves_the_run_and_follows_its_summer() -> None:
    schedule = schedule_of(cron_job("30 9 * * *", timeZone="Europe/Berlin"))
    assert next_run(schedule, at("2026-01-01T00:00:00")) == at("2026-01-01T08:30:00")
    assert next_run(schedule, at("2026-07-01T00:00:00")) == at("2026-07-01T07:30:00")


def test_an_hour_that_the_clock_leaps_over_does_not_come_and_one_that_it_repeats_comes_twice() -> None:
    schedule = schedule_of(cron_job("30 2 * * *", timeZone="Europe/Berlin"))
    assert next_run(schedule, at("2026-03-29T00:00:00", "Europe/Berlin")) == at("2026-03-30T02:30:00", "Europe/Berlin")
    first = next_run(schedule, at("2026-10-25T00:00:00", "Europe/Berlin"))
    assert first == at("2026-10-25T00:30:00")
    assert next_run(schedule, first) == at("2026-10-25T01:30:00")


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(["7 * * * *", "*/20 3-5 * * *", "0 0 1 */3 *", "15 10 * * 1-5", "0 6 10 * 3"]),
    st.integers(1_700_000_000, 1_900_000_000), st.sampled_from(["UTC", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]),
)  # fmt: skip
def test_no_minute_before_the_run_was_one(text: str, after: int, zone: str) -> None:
    schedule = parse(f"TZ={zone} {text}", time_zones.known)
    run = next_run(schedule, after)
    assert run is not None
    assert run > after
    assert run % 60 == 0
    for minute in range((after // 60 + 1) * 60, min(int(run), after + 86400), 60):
        assert next_run(schedule, minute - 1) != minute


def test_of_many_missed_runs_the_last_one_counts() -> None:
    schedule = parse("0 * * * *", time_zones.known)
    now = at("2026-01-10T10:20:00")
    found = missed(cron_job("0 * * * *"), schedule, now, within_deadline=True)
    assert (found.last, found.runs) == (at("2026-01-10T10:00:00"), 9 * 24 + 10)
    late = missed(cron_job("0 * * * *", startingDeadlineSeconds=60), schedule, now, within_deadline=True)
    assert late.last is None
    assert wait(cron_job("0 * * * *", last=timestamps.time(at("2026-01-10T10:00:00"))), schedule, now) == pytest.approx(2400.1)


def test_a_fixed_distance_counts_from_the_last_run() -> None:
    job = cron_job("@every 1h", created="2026-01-01T00:10:00Z")
    found = missed(job, schedule_of(job), at("2026-01-01T05:00:00"), within_deadline=True)
    assert found.last == at("2026-01-01T04:10:00")
