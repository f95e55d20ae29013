"""How long the controller of a large set waits for more news before it looks again.

Used by the controllers whose every look costs time for every pod: changes that come together are looked at together, so the cost of a
rollout grows with its pods and not with their square. A small set never waits, and neither does a change of what the user asked for.
"""

from __future__ import annotations

from wherry.api.objects import Obj

#: a set of at least this many pods collects changes for SECONDS_PER_POD each
LARGE = 50
SECONDS_PER_POD = 0.0001
LONGEST_WAIT = 0.25


def patience(pods: int) -> float:
    """Seconds, for a controller whose look costs time for that many pods."""
    return min(pods * SECONDS_PER_POD, LONGEST_WAIT) if pods >= LARGE else 0.0


def respecified(old: Obj | None, new: Obj | None) -> bool:
    """Not only its status changed."""
    return old is None or new is None or old["metadata"].get("generation") != new["metadata"].get("generation")
