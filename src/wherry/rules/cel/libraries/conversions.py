"""Conversions between the types of CEL: `int(x)`, `string(x)`, `duration("1h")`, `timestamp("...")`, `type(x)`, `dyn(x)`.

Source of the rule: https://github.com/google/cel-spec/blob/master/doc/langdef.md#type-conversions
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from wherry.rules.cel.errors import CelError
from wherry.rules.cel.libraries.standard import MAX_TIME, MIN_TIME, SECOND
from wherry.rules.cel.library import Functions
from wherry.rules.cel.literals import INT_MAX, INT_MIN, UINT_MAX
from wherry.rules.cel.values import Duration, Timestamp, TypeValue, UInt, type_name

_INTEGER = re.compile(r"^[+-]?\d+$", re.ASCII)
_DURATION = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_UNITS = {"ns": 1, "us": 1000, "µs": 1000, "μs": 1000, "ms": 10**6, "s": SECOND, "m": 60 * SECOND, "h": 3600 * SECOND}
_TIME = re.compile(r"^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(Z|[+-]\d\d:\d\d)$", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_duration(text: str) -> Duration:
    """Go's form of a duration: `1h30m`, `-1.5s`, `0`. Raises CelError."""
    sign = -1 if text[:1] == "-" else 1
    body = text[1:] if text[:1] in ("-", "+") else text
    if body == "0":
        return Duration(0)
    total, at = 0, 0
    for match in _DURATION.finditer(body):
        if match.start() != at:
            break
        at = match.end()
        whole, _, part = match[1].partition(".")
        unit = _UNITS[match[2]]
        total += int(whole or 0) * unit + (int(part) * unit // 10 ** len(part) if part else 0)
    if not body or at != len(body) or total > INT_MAX:
        raise CelError(f'invalid duration: "{text}"')
    return Duration(sign * total)


def parse_timestamp(text: str) -> Timestamp:
    """RFC 3339. Raises CelError."""
    match = _TIME.match(text)
    if match is None:
        raise CelError(f'invalid timestamp: "{text}"')
    zone = match[8]
    minutes = 0 if zone == "Z" else (int(zone[1:3]) * 60 + int(zone[4:6])) * (-1 if zone[0] == "-" else 1)
    try:
        moment = datetime(*(int(match[i]) for i in range(1, 7)), tzinfo=UTC)  # type: ignore[misc,arg-type]
    except ValueError:
        raise CelError(f'invalid timestamp: "{text}"') from None
    seconds = (moment - _EPOCH) // timedelta(seconds=1) - minutes * 60
    nanos = seconds * SECOND + int((match[7] or "0")[:9].ljust(9, "0"))
    if not MIN_TIME <= nanos <= MAX_TIME:
        raise CelError("timestamp overflow")
    return Timestamp(nanos)


def show_duration(value: Duration) -> str:
    """Seconds with a fraction: `1.5s`."""
    sign, nanos = ("-", -value.nanos) if value.nanos < 0 else ("", value.nanos)
    seconds, rest = divmod(nanos, SECOND)
    return f"{sign}{seconds}" + (f".{rest:09d}".rstrip("0") if rest else "") + "s"


def show_timestamp(value: Timestamp) -> str:
    seconds, rest = divmod(value.nanos, SECOND)
    moment = _EPOCH + timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0") + (f".{rest:09d}".rstrip("0") if rest else "") + "Z"


def show_double(value: float) -> str:
    """Go's shortest form without an exponent unless it is far from 1: `1`, `0.5`, `1e+21`."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    text = repr(value)
    mantissa, _, exponent = text.partition("e")
    if exponent:
        power = int(exponent)
        return f"{mantissa.removesuffix('.0')}e{'+' if power >= 0 else '-'}{abs(power):02d}"
    return text.removesuffix(".0")


def _to_int(value: Any) -> int:
    if type(value) is float and not (INT_MIN < value < INT_MAX):
        raise CelError("integer overflow")
    number = int(value)
    if not INT_MIN <= number <= INT_MAX:
        raise CelError("integer overflow")
    return number


def _to_uint(value: Any) -> UInt:
    if type(value) is float and math.isnan(value):
        raise CelError("unsigned integer overflow")
    if not 0 <= value <= UINT_MAX:
        raise CelError("unsigned integer overflow")
    return UInt(int(value))


def _text_to_int(text: str) -> int:
    if not _INTEGER.match(text) or len(text) > 40 or not INT_MIN <= int(text) <= INT_MAX:
        raise CelError(f"strconv.ParseInt: parsing {quoted(text)}: {'value out of range' if _INTEGER.match(text) else 'invalid syntax'}")
    return int(text)


def _text_to_uint(text: str) -> UInt:
    if not text.isascii() or not text.isdigit() or len(text) > 40 or int(text) > UINT_MAX:
        raise CelError(f"strconv.ParseUint: parsing {quoted(text)}: invalid syntax")
    return UInt(int(text))


def _text_to_double(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise CelError(f"strconv.ParseFloat: parsing {quoted(text)}: invalid syntax") from None


def _text_to_bool(text: str) -> bool:
    if text in ("true", "TRUE", "True", "t", "1"):
        return True
    if text in ("false", "FALSE", "False", "f", "0"):
        return False
    raise CelError(f"strconv.ParseBool: parsing {quoted(text)}: invalid syntax")


def _bytes_to_text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise CelError("invalid UTF-8 in bytes, cannot convert to string") from None


def quoted(text: str) -> str:
    """A string in double quotes with Go's escapes."""
    import json

    return json.dumps(text, ensure_ascii=False)


def declare(known: Functions) -> None:
    d = known.declare
    for kind in ("int", "uint", "double"):
        d(f"@@int({kind}): int", _to_int)
        d(f"@@uint({kind}): uint", _to_uint)
        d(f"@@double({kind}): double", float)
    d("@@int(string): int", _text_to_int)
    d("@@int(timestamp): int", lambda t: t.nanos // SECOND)
    d("@@int(duration): int", lambda t: t.nanos)
    d("@@uint(string): uint", _text_to_uint)
    d("@@double(string): double", _text_to_double)
    d("@@bool(bool): bool", lambda v: v)
    d("@@bool(string): bool", _text_to_bool)
    d("@@string(string): string", lambda v: v)
    d("@@string(bool): string", lambda v: "true" if v else "false")
    d("@@string(int): string", str)
    d("@@string(uint): string", lambda v: str(int(v)))
    d("@@string(double): string", show_double)
    d("@@string(bytes): string", _bytes_to_text)
    d("@@string(duration): string", show_duration)
    d("@@string(timestamp): string", show_timestamp)
    d("@@bytes(bytes): bytes", lambda v: v)
    d("@@bytes(string): bytes", str.encode)
    d("@@duration(duration): duration", lambda v: v)
    d("@@duration(string): duration", parse_duration)
    d("@@duration(int): duration", lambda v: Duration(v))
    d("@@timestamp(timestamp): timestamp", lambda v: v)
    d("@@timestamp(string): timestamp", parse_timestamp)
    d("@@timestamp(int): timestamp", lambda v: Timestamp(v * SECOND))
    d("@@type(A): type(A)", lambda v: TypeValue(type_name(v)), cost=lambda v: 1)
    d("@@dyn(A): dyn", lambda v: v, cost=lambda v: 1)
