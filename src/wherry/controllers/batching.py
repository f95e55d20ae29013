"""How long the controller of a large set waits for more news before it looks again.

Used by the controllers of sets that may be large: changes that come together are looked at, and told in the status, together. A small set
never waits, and neither does a change of what the user asked for.
"""

from __future__ import annotations

from wherry.api.objects import Obj

#: a set of at least this many pods collects changes for SECONDS_PER_POD each
LARGE = 50
SECONDS_PER_POD = 0.00005
LONGEST_WAIT = 0.25


def patience(pods: int, seconds_per_pod: float = SECONDS_PER_POD) -> float:
    """Seconds."""
    return min(pods * seconds_per_pod, LONGEST_WAIT) if pods >= LARGE else 0.0


def respecified(old: Obj | None, new: Obj | None) -> bool:
    """Not only its status changed."""
    return old is None or new is None or old["metadata"].get("generation") != new["metadata"].get("generation")
