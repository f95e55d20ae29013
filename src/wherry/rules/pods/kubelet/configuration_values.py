"""The values of a KubeletConfiguration: lengths of time as Go writes them, amounts and percentages. Used by `configuration`.

Source: https://pkg.go.dev/time#ParseDuration; pkg/kubelet/eviction/helpers.go (parseThresholdStatement).
"""

from __future__ import annotations

import re
from typing import Any

from wherry.api import quantity

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"([0-9]*\.?[0-9]+)(ns|us|µs|ms|s|m|h)")


def duration(text: Any) -> float:
    """Seconds of "1m30s". Raises ValueError."""
    if text in (0, "0"):
        return 0.0
    if not isinstance(text, str) or not re.fullmatch(f"(?:{_PART.pattern})+", text):
        raise ValueError("a length of time like 1m30s is needed")
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))


def shown_duration(seconds: float) -> str:
    """As Go prints it: 5m0s, 1h0m0s, 100ms."""
    if 0 < seconds < 1:
        return f"{seconds * 1000:g}ms"
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    return (f"{hours}h" if hours else "") + (f"{minutes}m" if hours or minutes else "") + f"{rest:g}s"


def percent_of(text: str) -> tuple[float, int]:
    """A share (0 to 1), or an amount: the other is 0. Raises ValueError."""
    if text.endswith("%"):
        share = float(text[:-1]) / 100
        if not 0 <= share <= 1:
            raise ValueError("a percentage is between 0% and 100%")
        return share, 0
    amount = quantity.to_int(text)
    if amount < 0:
        raise ValueError("an amount is not less than 0")
    return 0.0, amount
