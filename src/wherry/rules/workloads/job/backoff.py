"""How long a Job waits before it replaces failed pods: 10 seconds after the first failure, twice as long after each further one.

The controller keeps a `Record` per Job in memory; `after` adds the pods that have ended since. With a back-off limit per index each
index waits for itself, by its last failed pod. A success starts the count anew. Source: pkg/controller/job/backoff_utils.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from wherry.api.objects import Obj
from wherry.rules.workloads.job import tracked

FIRST = 10.0
LONGEST = 600.0


class Record(NamedTuple):
    failures: int = 0
    last: float = 0.0


def after(record: Record, succeeded: Sequence[Obj], failed: Sequence[Obj]) -> Record:
    """`succeeded`, `failed`: pods that were not counted before."""
    failures = [tracked.finished_at(p) for p in failed]
    if not succeeded:
        return Record(record.failures + len(failures), max(failures)) if failures else record
    last_success = max(map(tracked.finished_at, succeeded))
    since = [t for t in failures if t > last_success]
    return Record(len(since), max(since)) if since else Record()


def remaining(record: Record, now: float) -> float:
    """Seconds to wait; 0 for none."""
    if record.failures == 0:
        return 0.0
    pause = min(LONGEST, FIRST * (1 << min(record.failures - 1, 16)))
    return max(0.0, pause - (now - record.last))


def remaining_for_index(last_failed: Obj | None, now: float) -> float:
    """The same for one index, by the annotations of its last failed pod."""
    if last_failed is None:
        return 0.0
    failures = tracked.index_failures(last_failed) + tracked.ignored_index_failures(last_failed) + 1
    return remaining(Record(failures, tracked.finished_at(last_failed)), now)
