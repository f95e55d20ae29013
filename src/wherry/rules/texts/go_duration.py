"""Durations as Go writes them: `1h30m`, `1.5s`, `-2ms` to nanoseconds.

Called by the cron schedules (`@every 90m`). The texts of errors are those clients see.
Source: the Go standard library, time.ParseDuration.
"""

from __future__ import annotations

import re

from wherry.api.field import show

_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_PART = re.compile(r"([0-9]+)?(?:\.([0-9]+)?)?([^.0-9]*)")


def nanoseconds(text: str) -> int:
    """Raises ValueError."""
    negative, rest = text.startswith("-"), text[1:] if text[:1] in ("+", "-") else text
    if rest == "0":
        return 0
    total = at = 0
    while at < len(rest) or not rest:
        part = _PART.match(rest, at)
        if part is None or not (part[1] or part[2]):
            raise ValueError(f"time: invalid duration {show(text)}")
        total, at = total + _part(part, text), part.end()
    if total >= 2**63 + negative:
        raise ValueError(f"time: invalid duration {show(text)}")
    return -total if negative else total


def _part(part: re.Match[str], text: str) -> int:
    whole, fraction, unit = part[1] or "0", part[2] or "", part[3]
    if not unit:
        raise ValueError(f"time: missing unit in duration {show(text)}")
    if unit not in _UNITS:
        raise ValueError(f"time: unknown unit {show(unit)} in duration {show(text)}")
    scale: int = 10 ** len(fraction)
    return int(whole) * _UNITS[unit] + int(fraction or "0") * _UNITS[unit] // scale
