"""The revisions of a DaemonSet: which one its pods should be made from, and which ones may be forgotten.

Called by the DaemonSet controller before and after the pods are looked at. Whatever has to be written comes first; the controller then
looks again. Several revisions of one template are made one: pods of the others are relabelled, the others deleted.
Source of the rule: pkg/controller/daemon constructHistory, dedupCurHistories, cleanupHistory.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from wherry.api import objects
from wherry.api.objects import Obj
from wherry.rules.objects.plan import NOTHING, Action, Create, Delete, Patch, Plan, Update
from wherry.rules.workloads import revisions
from wherry.rules.workloads.revisions import POD_LABEL

HASH_LABEL = POD_LABEL


class History(NamedTuple):
    """`present` None: it has to be written first (`plan`). `old`: the other revisions, in order."""

    plan: Plan
    present: Obj | None = None
    old: tuple[Obj, ...] = ()


def code_of(revision: Obj) -> str:
    """The hash that the revision's pods are labelled with."""
    return objects.labels(revision).get(HASH_LABEL, "")


def plan_history(daemon_set: Obj, own: Sequence[Obj], pods: Iterable[Obj]) -> History:
    """`own`: its revisions, in order."""
    if unlabelled := [r for r in own if HASH_LABEL not in objects.labels(r)]:
        return History(Plan(tuple(map(_labelled, unlabelled))))
    equal = [r for r in own if revisions.is_of(r, daemon_set)]
    old = tuple(r for r in own if r not in equal)
    value = revisions.next_number(old)
    if not equal:
        return History(Plan((Create(revisions.new_revision(daemon_set, value, HASH_LABEL)),)))
    present = equal[-1]
    if len(equal) > 1:
        return History(Plan(_merged(present, equal[:-1], pods)))
    if revisions.number(present) < value:
        return History(Plan((revisions.renumbered(present, value),)))
    return History(NOTHING, present, old)


def _labelled(revision: Obj) -> Update:
    return Update(objects.with_metadata(revision, labels={**objects.labels(revision), HASH_LABEL: objects.name(revision)}))


def _merged(kept: Obj, others: Sequence[Obj], pods: Iterable[Obj]) -> tuple[Action, ...]:
    code = code_of(kept)
    relabel = {"metadata": {"labels": {POD_LABEL: code}}}
    moved = [Patch(pod, relabel, "application/merge-patch+json") for pod in pods if objects.labels(pod).get(POD_LABEL) != code]
    return (*moved, *map(Delete, others))


def truncated(daemon_set: Obj, old: Sequence[Obj], pods: Iterable[Obj]) -> tuple[Delete, ...]:
    """The oldest revisions beyond the limit; those of pods that are there stay."""
    limit = daemon_set["spec"].get("revisionHistoryLimit")
    surplus = len(old) - (10 if limit is None else int(limit))
    live = {objects.labels(pod).get(POD_LABEL) for pod in pods}
    return tuple(Delete(r) for r in old if code_of(r) not in live)[: max(0, surplus)]
