"""RFC 3339 times as Kubernetes writes them: `metav1.Time` in whole seconds, `MicroTime` with six digits; both in UTC.

Inside wherry a moment is a float: seconds since the Unix epoch, from the cluster's one clock.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache


@lru_cache(maxsize=256)
def _whole(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def time(moment: float) -> str:
    """`2026-01-02T03:04:05Z`: fractions of a second are cut off, as metav1.Time does."""
    return _whole(int(moment))


def micro_time(moment: float) -> str:
    """`2026-01-02T03:04:05.000006Z`."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@lru_cache(maxsize=4096)
def parse(text: str) -> float:
    """Seconds since the epoch. Raises ValueError for what is not RFC 3339."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"time without zone: {text}")
    return moment.timestamp()
