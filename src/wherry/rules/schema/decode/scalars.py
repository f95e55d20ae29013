"""Scalars with a form of their own: times and byte strings, as Go reads and writes them.

Called by the compiled normaliser and by the checker. Turns a text into its canonical text, or raises ValueError with the message
of the Go library behind the reference. Invariant: canonical texts come back unchanged.
Source: k8s.io/apimachinery/pkg/apis/meta/v1 time.go and micro_time.go; the documented behaviour of Go's time.Parse and encoding/base64.
"""

from __future__ import annotations

import binascii
import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

TIME_LAYOUT = "2006-01-02T15:04:05Z07:00"
MICRO_LAYOUT = "2006-01-02T15:04:05.000000Z07:00"
_ZERO = datetime(1, 1, 1, tzinfo=UTC)

#: the parts of a layout: its text, the pattern that a value must begin with there, the name in "out of range" messages
_DATE_PARTS = (
    ("2006", r"\d{4}", ""), ("-", "-", ""), ("01", r"\d\d", "month"), ("-", "-", ""), ("02", r"\d\d", "day"),
    ("T", "T", ""), ("15", r"\d\d?", "hour"), (":", ":", ""), ("04", r"\d\d", "minute"), (":", ":", ""), ("05", r"\d\d", "second"),
)  # fmt: skip
_FRACTION_OPTIONAL = ("", r"(?:[.,]\d+)?", "")
_FRACTION_SIX = (".000000", r"[.,]\d{6}", "")
_ZONE = ("Z07:00", r"Z|[+-]\d\d:\d\d", "")
_LIMITS = {"month": (1, 12), "day": (1, 31), "hour": (0, 23), "minute": (0, 59), "second": (0, 59)}


@lru_cache(maxsize=4096)
def time(text: str) -> str | None:
    """A `metav1.Time` in UTC and whole seconds; None for Go's zero time."""
    moment = _parse(text, TIME_LAYOUT, _FRACTION_OPTIONAL)
    return None if moment == _ZERO else f"{_date(moment)}Z"


@lru_cache(maxsize=1024)
def micro_time(text: str) -> str | None:
    """A `metav1.MicroTime` in UTC with six digits; None for Go's zero time."""
    moment = _parse(text, MICRO_LAYOUT, _FRACTION_SIX)
    return None if moment == _ZERO else f"{_date(moment)}.{moment.microsecond:06d}Z"


def _date(moment: datetime) -> str:
    return f"{moment.year:04d}-{moment.month:02d}-{moment.day:02d}T{moment.hour:02d}:{moment.minute:02d}:{moment.second:02d}"


def _parse(text: str, layout: str, fraction: tuple[str, str, str]) -> datetime:
    rest, found = text, []
    for part, pattern, name in (*_DATE_PARTS, fraction, _ZONE):
        match = re.match(pattern, rest, re.ASCII)
        if match is None:
            raise ValueError(
                f"parsing time {_quoted(text)} as {_quoted(layout)}: cannot parse {_quoted(rest)} as {_quoted(part)}"
            )
        rest = rest[match.end() :]
        found.append(match[0])
        if name and not _LIMITS[name][0] <= int(match[0]) <= _LIMITS[name][1]:
            raise ValueError(f"parsing time {_quoted(text)}: {name} out of range")
    if rest:
        raise ValueError(f"parsing time {_quoted(text)}: extra text: {_quoted(rest)}")
    return _moment(text, found)


def _quoted(text: str) -> str:
    """A text as Go's package of times quotes it: byte for byte where it is not printable ASCII."""
    shown = []
    for char in text:
        if char < " " or char >= "\x80":
            shown += [f"\\x{byte:02x}" for byte in char.encode("utf-8", "surrogatepass")]
        else:
            shown.append("\\" + char if char in '"\\' else char)
    return '"' + "".join(shown) + '"'


def _moment(text: str, found: list[str]) -> datetime:
    year, month, day, hour, minute, second = (int(found[i]) for i in (0, 2, 4, 6, 8, 10))
    micro = int((found[11][1:] + "000000")[:6])
    try:
        moment = datetime(year, month, day, hour, minute, second, micro, UTC)
        return moment - _offset(found[12])
    except (ValueError, OverflowError):
        raise ValueError(f"parsing time {_quoted(text)}: day out of range") from None


def _offset(zone: str) -> timedelta:
    if zone == "Z":
        return timedelta()
    size = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6]))
    return -size if zone[0] == "-" else size


def base64(text: str) -> str:
    """Bytes in standard base64, encoded anew when written otherwise (line breaks, loose trailing bits)."""
    compact = text.replace("\r", "").replace("\n", "")
    try:
        content = binascii.a2b_base64(compact, strict_mode=True)
    except ValueError:
        raise ValueError(f"illegal base64 data at input byte {_first_fault(text)}") from None
    canonical = binascii.b2a_base64(content, newline=False).decode()
    return text if canonical == text else canonical


_ALPHABET = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")


def _first_fault(text: str) -> int:
    """Where Go's decoder stops: at the first foreign byte, at misplaced padding, or where the last group begins or ends."""
    count = 0
    for i, char in enumerate(text):
        if char in "\r\n":
            continue
        if char == "=":
            return _padding_fault(text, i, count)
        if char not in _ALPHABET:
            return len(text[:i].encode())
        count += 1
    return len(text) - count % 4


def _padding_fault(text: str, at: int, count: int) -> int:
    if count % 4 < 2:
        return at
    end = at + 1
    if count % 4 == 2:
        while end < len(text) and text[end] in "\r\n":
            end += 1
        if end == len(text):
            return len(text)
        if text[end] != "=":
            return end - 1
        end += 1
    while end < len(text) and text[end] in "\r\n":
        end += 1
    return end
