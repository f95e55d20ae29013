"""Which IANA time zones there are: asked by the validation of CronJobs, and to compute when one runs.

A zone is looked up in the system's database, or in that of the `tzdata` package, the first time it is named; the answer is kept, so that
a rule that asks gets the same answer all through a process.
Source of the rule: Go's time.LoadLocation.
"""

from __future__ import annotations

from functools import lru_cache
from zoneinfo import ZoneInfo


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo | None:
    """The zone, or None when there is none of that name."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return None


def known(name: str) -> bool:
    return zone(name) is not None
