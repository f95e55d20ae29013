"""Cron schedules: what is accepted, what it means, and what is said against the rest."""

from __future__ import annotations

import re

import pytest

from wherry.api.time_zones import known
from wherry.rules.texts.cron_schedule import Calendar, Every, parse
from wherry.rules.texts.go_duration import nanoseconds


def calendar(text: str) -> Calendar:
    found = parse(text, known)
    assert isinstance(found, Calendar)
    return found


GOOD = ["* * * * ?", "*/5 * * * *", "0 0 1 jan-MAR Sun", ", * * * *", "*-5 * * * *", "@midnight", "0/15 8-17/2 * * 1-5",
        "1,2,,3 * * * *", "+5 * * * *", " 0  0 * * * "]  # fmt: skip


@pytest.mark.parametrize("text", GOOD)
def test_it_is_accepted(text: str) -> None:
    calendar(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("* * * *", "expected exactly 5 fields, found 4: [* * * *]"),
        ("60 * * * *", "end of range (60) above maximum (59): 60"),
        ("0 0 0 * *", "beginning of range (0) below minimum (1): 0"),
        ("0 0 * * 7", "end of range (7) above maximum (6): 7"),
        ("5-2 * * * *", "beginning of range (5) beyond end of range (2): 5-2"),
        ("*/0 * * * *", "step of range should be a positive number: */0"),
        ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
        ("1/2/3 * * * *", "too many slashes: 1/2/3"),
        ("a * * * *", 'failed to parse int from a: strconv.Atoi: parsing "a": invalid syntax'),
        ("-1 * * * *", 'failed to parse int from : strconv.Atoi: parsing "": invalid syntax'),
        (
            "0 0 * 99999999999999999999 *",
            'failed to parse int from 99999999999999999999: strconv.Atoi: parsing "99999999999999999999": value out of range',
        ),
        ("*/-2 * * * *", "negative number (-2) not allowed: -2"),
        ("@often", "unrecognized descriptor: @often"),
        ("@every soon", 'failed to parse duration @every soon: time: invalid duration "soon"'),
        ("@every 5", 'failed to parse duration @every 5: time: missing unit in duration "5"'),
        ("@every 5d", 'failed to parse duration @every 5d: time: unknown unit "d" in duration "5d"'),
        ("TZ=Nowhere 0 0 * * *", "provided bad location Nowhere: unknown time zone Nowhere"),
        ("TZ=../x 0 0 * * *", "provided bad location ../x: time: invalid location name"),
        ("TZ=0", "invalid schedule format: runtime error: slice bounds out of range [:-1]"),
    ],
)
def test_it_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        parse(text, known)


def test_fields_are_sets() -> None:
    found = calendar("*/20 8-10 1,15 feb mon-wed")
    assert found.minutes == {0, 20, 40}
    assert found.hours == {8, 9, 10}
    assert found.days_of_month == {1, 15}
    assert found.months == {2}
    assert found.days_of_week == {1, 2, 3}
    assert (found.any_day_of_month, found.any_day_of_week) == (False, False)


def test_a_star_with_a_step_is_no_star() -> None:
    assert calendar("0 0 * * 1").any_day_of_month
    assert not calendar("0 0 */2 * 1").any_day_of_month
    assert calendar("0 0 */1 * 1").any_day_of_month


def test_a_zone_in_the_schedule() -> None:
    assert calendar("CRON_TZ=Asia/Tokyo 0 0 * * *").zone == "Asia/Tokyo"


def test_a_distance_is_at_least_a_second() -> None:
    assert parse("@every 1h30m", known) == Every(5400)
    assert parse("@every 10ms", known) == Every(1)


@pytest.mark.parametrize(
    ("text", "expected"), [("0", 0), ("1.5s", 1_500_000_000), ("-2ms", -2_000_000), (".5h", 1_800_000_000_000), ("1h1m1s", 3_661 * 10**9)]
)
def test_durations(text: str, expected: int) -> None:
    assert nanoseconds(text) == expected


@pytest.mark.parametrize("text", ["", "+", ".s", "1..5s", "9223372036854775808ns", "-"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="time: "):
        nanoseconds(text)
