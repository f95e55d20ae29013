"""Lengths of time as people write them: "10m", "1h30m", "250ms", seconds as a number, or a timedelta.

Used by whatever takes a length of time from a test or a file. The notation is Go's, which Kubernetes uses everywhere, and days.
"""

from __future__ import annotations

import math
import re
from datetime import timedelta

Duration = str | float | timedelta

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h|d)")


def seconds(duration: Duration) -> float:
    """Raises ValueError for what is no length of time, or a negative one."""
    if isinstance(duration, timedelta):
        value = duration.total_seconds()
    elif isinstance(duration, str):
        value = _parse(duration)
    else:
        value = float(duration)
    if not math.isfinite(value) or value < 0:
        raise ValueError(f"{duration!r} is not a length of time: it must be finite and not negative")
    return value


def _parse(text: str) -> float:
    total, at = 0.0, 0
    while found := _PART.match(text, at):
        total += float(found[1]) * _UNITS[found[2]]
        at = found.end()
    if at == 0 or at < len(text):
        raise ValueError(f'{text!r} is not a length of time: write it as "90s", "10m" or "1h30m"')
    return total
