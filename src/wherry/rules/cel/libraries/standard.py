"""The operators and functions of the language itself: arithmetic, comparison, `in`, `size`, strings, times.

Overflow, division by zero and mixed types are errors, as in cel-go.
Source of the rule: https://github.com/google/cel-spec/blob/master/doc/langdef.md#list-of-standard-definitions
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any

from wherry.rules.cel.errors import CelError
from wherry.rules.cel.library import Functions
from wherry.rules.cel.literals import INT_MAX, INT_MIN, UINT_MAX
from wherry.rules.cel.values import Duration, Timestamp, UInt, equal, less, less_equal

SECOND = 1_000_000_000
MIN_TIME, MAX_TIME = -62135596800 * SECOND, 253402300799 * SECOND + SECOND - 1


def _int(value: int) -> int:
    if not INT_MIN <= value <= INT_MAX:
        raise CelError("integer overflow")
    return value


def _uint(value: int) -> UInt:
    if not 0 <= value <= UINT_MAX:
        raise CelError("unsigned integer overflow")
    return UInt(value)


def _time(nanos: int) -> Timestamp:
    if not MIN_TIME <= nanos <= MAX_TIME:
        raise CelError("timestamp overflow")
    return Timestamp(nanos)


def _span(nanos: int) -> Duration:
    if not INT_MIN <= nanos <= INT_MAX:
        raise CelError("duration overflow")
    return Duration(nanos)


def quotient(a: int, b: int) -> int:
    """Division that rounds toward zero."""
    if b == 0:
        raise CelError("division by zero")
    q = abs(a) // abs(b)
    return q if (a < 0) == (b < 0) else -q


def remainder(a: int, b: int) -> int:
    if b == 0:
        raise CelError("modulus by zero")
    return a - b * quotient(a, b)


def _double_quotient(a: float, b: float) -> float:
    if b == 0:
        if a == 0 or math.isnan(a):
            return math.nan
        return math.copysign(math.inf, a) * math.copysign(1, b)
    return a / b


def _contains(needle: Any, items: Any) -> bool:
    return any(equal(needle, item) for item in items)


def _has_key(needle: Any, items: Any) -> bool:
    return (type(needle) is str and needle in items) or any(equal(needle, key) for key in items if type(key) is not str)


def _both(a: Any, b: Any) -> int:
    return (len(a) + len(b)) // 10 + 1


def _product(a: Any, b: Any) -> int:
    return (len(a) * max(1, len(b))) // 10 + 1 if len(b) < 100 else len(a) + len(b)


def size_cost(value: Any) -> int:
    """How much there is to look at in a value, nested parts included."""
    if type(value) in (str, bytes):
        return len(value) // 10 + 1
    if type(value) is list:
        return 1 + sum(map(size_cost, value))
    if type(value) is dict:
        return 1 + sum(map(size_cost, value.values()))
    return 1


def _pair(a: Any, b: Any) -> int:
    return min(size_cost(a), size_cost(b))


def declare(known: Functions) -> None:
    d = known.declare
    d("@@_==_(A, A): bool", equal, cost=_pair)
    d("@@_!=_(A, A): bool", lambda a, b: not equal(a, b), cost=_pair)
    _order(known)
    d("@@!_(bool): bool", lambda a: not a)
    d("@@_&&_(bool, bool): bool", lambda a, b: a and b)
    d("@@_||_(bool, bool): bool", lambda a, b: a or b)
    d("@@_?_:_(bool, A, A): A", lambda t, a, b: a if t else b)
    d("@@@in(A, list(A)): bool", _contains, cost=lambda needle, items: len(items) + 1)
    d("@@@in(A, map(A, B)): bool", _has_key, cost=lambda needle, items: 1)
    _arithmetic(known)
    for kind in ("string", "bytes", "list(A)", "map(A, B)"):
        d(f"@@size({kind}): int", len, cost=lambda v: 1)
        d(f"{kind}.size(): int", len, cost=lambda v: 1)
    d("string.startsWith(string): bool", str.startswith, cost=lambda a, b: len(b) // 10 + 1)
    d("string.endsWith(string): bool", str.endswith, cost=lambda a, b: len(b) // 10 + 1)
    d("string.contains(string): bool", str.__contains__, cost=_product)
    _times(known)


def _order(known: Functions) -> None:
    alike = ("bool", "string", "bytes", "timestamp", "duration")
    numbers = ("int", "uint", "double")
    pairs = [(k, k) for k in alike] + [(a, b) for a in numbers for b in numbers]
    for a, b in pairs:
        sized = _both if a in ("string", "bytes") else None
        known.declare(f"@@_<_({a}, {b}): bool", less, cost=sized)
        known.declare(f"@@_<=_({a}, {b}): bool", less_equal, cost=sized)
        known.declare(f"@@_>_({a}, {b}): bool", lambda x, y: less(y, x), cost=sized)
        known.declare(f"@@_>=_({a}, {b}): bool", lambda x, y: less_equal(y, x), cost=sized)


def _arithmetic(known: Functions) -> None:
    d = known.declare
    d("@@_+_(int, int): int", lambda a, b: _int(a + b))
    d("@@_-_(int, int): int", lambda a, b: _int(a - b))
    d("@@_*_(int, int): int", lambda a, b: _int(a * b))
    d("@@_/_(int, int): int", lambda a, b: _int(quotient(a, b)))
    d("@@_%_(int, int): int", remainder)
    d("@@-_(int): int", lambda a: _int(-a))
    d("@@_+_(uint, uint): uint", lambda a, b: _uint(a + b))
    d("@@_-_(uint, uint): uint", lambda a, b: _uint(int(a) - int(b)))
    d("@@_*_(uint, uint): uint", lambda a, b: _uint(a * b))
    d("@@_/_(uint, uint): uint", lambda a, b: _uint(quotient(a, b)))
    d("@@_%_(uint, uint): uint", lambda a, b: _uint(remainder(a, b)))
    d("@@_+_(double, double): double", float.__add__)
    d("@@_-_(double, double): double", float.__sub__)
    d("@@_*_(double, double): double", float.__mul__)
    d("@@_/_(double, double): double", _double_quotient)
    d("@@-_(double): double", float.__neg__)
    d("@@_+_(string, string): string", str.__add__, cost=_both)
    d("@@_+_(bytes, bytes): bytes", bytes.__add__, cost=_both)
    d("@@_+_(list(A), list(A)): list(A)", list.__add__, cost=_both)
    d("@@_+_(duration, duration): duration", lambda a, b: _span(a.nanos + b.nanos))
    d("@@_+_(timestamp, duration): timestamp", lambda a, b: _time(a.nanos + b.nanos))
    d("@@_+_(duration, timestamp): timestamp", lambda a, b: _time(a.nanos + b.nanos))
    d("@@_-_(timestamp, timestamp): duration", lambda a, b: _span(a.nanos - b.nanos))
    d("@@_-_(timestamp, duration): timestamp", lambda a, b: _time(a.nanos - b.nanos))
    d("@@_-_(duration, duration): duration", lambda a, b: _span(a.nanos - b.nanos))


_PARTS: dict[str, Callable[[datetime], int]] = {
    "getFullYear": lambda t: t.year,
    "getMonth": lambda t: t.month - 1,
    "getDayOfYear": lambda t: t.timetuple().tm_yday - 1,
    "getDayOfMonth": lambda t: t.day - 1,
    "getDate": lambda t: t.day,
    "getDayOfWeek": lambda t: t.isoweekday() % 7,
    "getHours": lambda t: t.hour,
    "getMinutes": lambda t: t.minute,
    "getSeconds": lambda t: t.second,
}


def _times(known: Functions) -> None:
    for name, part in _PARTS.items():
        known.declare(f"timestamp.{name}(): int", lambda t, part=part: part(_datetime(t, UTC)))
        known.declare(f"timestamp.{name}(string): int", lambda t, zone, part=part: part(_datetime(t, _zone(zone))))
    known.declare("timestamp.getMilliseconds(): int", _milliseconds)
    known.declare("timestamp.getMilliseconds(string): int", lambda t, zone: _milliseconds(t))
    for name, unit in (
        ("getHours", 3600 * SECOND),
        ("getMinutes", 60 * SECOND),
        ("getSeconds", SECOND),
        ("getMilliseconds", SECOND // 1000),
    ):
        known.declare(f"duration.{name}(): int", lambda d, unit=unit: quotient(d.nanos, unit))


def _milliseconds(moment: Timestamp) -> int:
    return moment.nanos // 1_000_000 % 1000


def _datetime(moment: Timestamp, zone: tzinfo) -> datetime:
    seconds = moment.nanos // SECOND
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).astimezone(zone)


def _zone(name: str) -> tzinfo:
    from zoneinfo import ZoneInfo

    sign, _, rest = (name[0], "", name[1:]) if name[:1] in ("+", "-") else ("+", "", name)
    hours, colon, minutes = rest.partition(":")
    if colon and hours.isdigit() and minutes.isdigit():
        offset = timedelta(hours=int(hours), minutes=int(minutes))
        return timezone(-offset if sign == "-" else offset)
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise CelError(f"unknown time zone {name}") from None
