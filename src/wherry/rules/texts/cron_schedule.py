"""Cron schedules: text to the sets of minutes, hours, days and months at which a CronJob runs.

Validation calls `parse` for its verdict, the CronJob rules for the sets. Five fields, or `@hourly` and its kin, or `@every 90m`.
What Kubernetes accepts differs from other crons (`*-5`, an empty list `,`, `?`, no 7 for Sunday), so no cron library gives its verdicts.
Texts of errors are those of the reference.
Source: github.com/robfig/cron/v3 ParseStandard, which pkg/util/parsers calls.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from wherry.api.field import show
from wherry.rules.texts.go_duration import nanoseconds

_INTEGER = re.compile(r"[+-]?[0-9]+")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


class _Bounds(NamedTuple):
    low: int
    high: int
    names: dict[str, int]


_MINUTE, _HOUR, _DAY_OF_MONTH = _Bounds(0, 59, {}), _Bounds(0, 23, {}), _Bounds(1, 31, {})
_MONTH = _Bounds(1, 12, {name: i for i, name in enumerate(_MONTHS, 1)})
_DAY_OF_WEEK = _Bounds(0, 6, {name: i for i, name in enumerate(_DAYS)})
_FIELDS = (_MINUTE, _HOUR, _DAY_OF_MONTH, _MONTH, _DAY_OF_WEEK)
_NAMED = {"@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0", "@daily": "0 0 * * *",
          "@midnight": "0 0 * * *", "@hourly": "0 * * * *"}  # fmt: skip


class Calendar(NamedTuple):
    """Runs in every minute that is in all sets; of the two for days one is enough, unless either is `*`."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days_of_month: frozenset[int]
    months: frozenset[int]
    days_of_week: frozenset[int]
    #: `*` or `?` stood for the days of the month, or of the week
    any_day_of_month: bool
    any_day_of_week: bool
    #: time zone named in the schedule itself; "" for none
    zone: str = ""


class Every(NamedTuple):
    """Runs at a fixed distance, in whole seconds and at least one."""

    seconds: int


Schedule = Calendar | Every
#: says whether a time zone is known
Known = Callable[[str], bool]


@lru_cache(maxsize=1024)
def parse(text: str, known: Known) -> Schedule:
    """Raises ValueError with the reference's text."""
    if not text:
        raise ValueError("empty spec string")
    zone = ""
    if text.startswith(("TZ=", "CRON_TZ=")):
        zone, text = _zone(text, known)
    if text.startswith("@"):
        return _descriptor(text, zone)
    fields = text.split()
    if len(fields) != 5:
        raise ValueError(f"expected exactly 5 fields, found {len(fields)}: [{' '.join(fields)}]")
    return _calendar(fields, zone)


def _zone(text: str, known: Known) -> tuple[str, str]:
    head, space, rest = text.partition(" ")
    if not space:
        raise ValueError("invalid schedule format: runtime error: slice bounds out of range [:-1]")
    name = head.partition("=")[2]
    if fault := zone_fault(name, known):
        raise ValueError(f"provided bad location {name}: {fault}")
    return name or "UTC", rest.strip()


def zone_fault(name: str, known: Known) -> str:
    """What Go's time.LoadLocation says against a name; empty when it is good."""
    if name in ("", "UTC", "Local"):
        return ""
    if name[0] in "/\\" or ".." in name.split("/") or "\\" in name:
        return "time: invalid location name"
    return "" if known(name) else f"unknown time zone {name}"


def _descriptor(text: str, zone: str) -> Schedule:
    if text in _NAMED:
        return _calendar(_NAMED[text].split(), zone)
    if text.startswith("@every "):
        try:
            return Every(max(1, nanoseconds(text[len("@every "):]) // 10**9))
        except ValueError as error:
            raise ValueError(f"failed to parse duration {text}: {error}") from None
    raise ValueError(f"unrecognized descriptor: {text}")


def _calendar(fields: list[str], zone: str) -> Calendar:
    minutes, hours, days, months, weekdays = [_field(text, bounds) for text, bounds in zip(fields, _FIELDS, strict=True)]
    return Calendar(minutes[0], hours[0], days[0], months[0], weekdays[0], days[1], weekdays[1], zone)


def _field(text: str, bounds: _Bounds) -> tuple[frozenset[int], bool]:
    """The values of a list of ranges, and whether one of them was `*`."""
    values: set[int] = set()
    star = False
    for part in text.split(","):
        if part:
            found, all_of_them = _range(part, bounds)
            values.update(found)
            star |= all_of_them
    return frozenset(values), star


def _range(text: str, bounds: _Bounds) -> tuple[range, bool]:
    span, *steps = text.split("/")
    ends = span.split("-")
    star = ends[0] in ("*", "?")
    if star:
        low, high = bounds.low, bounds.high
    else:
        low, high = _ends(ends, text, bounds)
    if len(steps) > 1:
        raise ValueError(f"too many slashes: {text}")
    step = _number(steps[0]) if steps else 1
    if steps and len(ends) == 1:
        high = bounds.high
    _check(low, high, step, text, bounds)
    return range(low, high + 1, step), star and step == 1


def _ends(ends: list[str], text: str, bounds: _Bounds) -> tuple[int, int]:
    low = _value(ends[0], bounds)
    if len(ends) > 2:
        raise ValueError(f"too many hyphens: {text}")
    return low, _value(ends[1], bounds) if len(ends) == 2 else low


def _check(low: int, high: int, step: int, text: str, bounds: _Bounds) -> None:
    if low < bounds.low:
        raise ValueError(f"beginning of range ({low}) below minimum ({bounds.low}): {text}")
    if high > bounds.high:
        raise ValueError(f"end of range ({high}) above maximum ({bounds.high}): {text}")
    if low > high:
        raise ValueError(f"beginning of range ({low}) beyond end of range ({high}): {text}")
    if step == 0:
        raise ValueError(f"step of range should be a positive number: {text}")


def _value(text: str, bounds: _Bounds) -> int:
    named = bounds.names.get(text.lower())
    return _number(text) if named is None else named


def _number(text: str) -> int:
    number = int(text) if _INTEGER.fullmatch(text) else None
    if number is None or not -(2**63) <= number < 2**63:
        why = "invalid syntax" if number is None else "value out of range"
        raise ValueError(f"failed to parse int from {text}: strconv.Atoi: parsing {show(text)}: {why}")
    if number < 0:
        raise ValueError(f"negative number ({number}) not allowed: {text}")
    return number
