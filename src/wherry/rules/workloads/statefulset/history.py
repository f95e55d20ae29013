"""The revisions of a StatefulSet: which one its pods should be made from, which one they were, and which ones may be forgotten.

Called by the StatefulSet controller before and after the pods are looked at. One write at a time: after it the controller looks again.
Source of the rule: pkg/controller/statefulset getStatefulSetRevisions, truncateHistory.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from wherry.api import objects
from wherry.api.objects import Obj
from wherry.rules.objects.plan import NOTHING, Create, Delete, Plan
from wherry.rules.workloads import revisions

HASH_LABEL = "controller.kubernetes.io/hash"


class History(NamedTuple):
    """`update` None: it has to be written first (`plan`)."""

    plan: Plan
    current: Obj | None = None
    update: Obj | None = None


def plan_history(stateful_set: Obj, own: Sequence[Obj]) -> History:
    """`own`: its revisions, in order."""
    equal = [r for r in own if revisions.is_of(r, stateful_set)]
    if not equal:
        if objects.is_deleting(stateful_set):
            return History(NOTHING)  # what was deleted with it must not come back
        return History(Plan((Create(revisions.new_revision(stateful_set, revisions.next_number(own), HASH_LABEL)),)))
    update = equal[-1]
    if update is not own[-1]:
        return History(Plan((revisions.renumbered(update, revisions.next_number(own)),)))
    named = (stateful_set.get("status") or {}).get("currentRevision")
    current = next((r for r in own if objects.name(r) == named), update)
    return History(NOTHING, current, update)


def truncated(stateful_set: Obj, own: Sequence[Obj], live: Iterable[Obj], used: Iterable[str]) -> tuple[Delete, ...]:
    """The oldest revisions beyond the limit; those in `live` and those of pods (`used`: their names) neither count nor go."""
    kept = {*map(objects.name, live), *used}
    history = [r for r in own if objects.name(r) not in kept]
    limit = stateful_set["spec"].get("revisionHistoryLimit")
    return tuple(map(Delete, revisions.beyond_limit(history, 10 if limit is None else int(limit))))
