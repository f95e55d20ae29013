"""Which active pods of a Job go when there are too many.

Called by `plan`. Of an Indexed Job first those without an index, with one that it does not have, and all but one of each index; then
those that have come least far. Source: pkg/controller/job activePodsForRemoval; pkg/controller ActivePods.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from wherry.api import timestamps
from wherry.api.objects import Obj
from wherry.rules.pods import states as pod_rules
from wherry.rules.workloads.job import tracked
from wherry.rules.workloads.job.finished import is_indexed

_PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}


def superfluous(job: Obj, active: Sequence[Obj], at_least: int) -> list[Obj]:
    doomed, left = _odd_ones(active, job["spec"].get("completions") or 0) if is_indexed(job) else ([], list(active))
    more = at_least - len(doomed)
    return [*doomed, *sorted(left, key=_distance)[:more]] if more > 0 else doomed


def _odd_ones(active: Iterable[Obj], completions: int) -> tuple[list[Obj], list[Obj]]:
    """Those that no index has a use for, and the one of each index that stays."""

    def index(pod: Obj) -> int:
        found = tracked.index_of(pod)
        return -1 if found is None else found

    doomed: list[Obj] = []
    left: list[Obj] = []
    for at, group in groupby(sorted(active, key=index), index):
        same = sorted(group, key=_distance)
        keep = 1 if 0 <= at < completions else 0
        doomed += same[: len(same) - keep]
        left += same[len(same) - keep :]
    return doomed, left


def _distance(pod: Obj) -> tuple[Any, ...]:
    """How far it has come: assigned, phase, ready, ready for long, seldom restarted, old."""
    ready_since, created = pod_rules.ready_since(pod), pod["metadata"].get("creationTimestamp")
    restarts = max((s.get("restartCount") or 0 for s in (pod.get("status") or {}).get("containerStatuses") or ()), default=0)
    return (
        bool(pod["spec"].get("nodeName")), _PHASES.get(tracked.phase(pod), 0), pod_rules.is_ready(pod),
        -(ready_since or 0.0), -restarts, -timestamps.parse(created) if created else 0.0,
    )  # fmt: skip
