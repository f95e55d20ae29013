"""Counting a Job's pods without losing or doubling any: first written down, then their finalizers go, then they are added up.

Called by the Job controller after it carried out a `Decision`. `tally` gives the status to write before the finalizers are taken off
(ended pods by uid in `uncountedTerminatedPods`, the condition that announces the end), `concluded` the status when they are. A crash
in between loses nothing: the list in the status and the finalizers on the pods say what was already done.
Source: pkg/controller/job trackJobStatusAndRemoveFinalizers, flushUncountedAndRemoveFinalizers, enactJobFinished; KEP-2307.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from wherry.api import objects
from wherry.api.objects import Obj
from wherry.rules.objects.plan import Emit
from wherry.rules.workloads.job import indexes, tracked
from wherry.rules.workloads.job.conditions import ensured, made, true
from wherry.rules.workloads.job.failure_policy import judge
from wherry.rules.workloads.job.plan import Decision
from wherry.rules.workloads.job.running import Outcome, started
from wherry.rules.workloads.job.verdict import failed_for
from wherry.rules.workloads.job.view import View

#: as many ended pods are written down at a time, so that no status grows too large
MOST = 500


class Tally(NamedTuple):
    """`job`: with the status to write, when `changed`. `untracked`: the pods whose finalizers go then; `tracked`: uids of all that had one.

    `end`: the last condition to come.
    """

    job: Obj
    changed: bool
    untracked: tuple[Obj, ...]
    tracked: frozenset[str]
    end: Obj | None
    told: tuple[Emit, ...]


def tally(view: View, decision: Decision, outcome: Outcome) -> Tally:
    """`outcome`: what became of the decision."""
    draft = started(view, decision, outcome)
    tracked_uids = frozenset(objects.uid(p) for p in view.pods if tracked.is_tracked(p))
    status, changed = draft.status, draft.changed
    changed |= _add_up(status, tracked_uids)
    counted = _Count(view, draft.verdict, status)
    changed |= counted.changed | _write_indexes(view, status, counted.indexes)
    end = draft.verdict
    if end is not None:
        announced, end = _announced(view, end)
        if announced is not None:
            status["conditions"] = [*(status.get("conditions") or ()), announced]
            changed = True
    job = {**view.job, "status": status}
    return Tally(job, changed, tuple(counted.untracked), tracked_uids, None if counted.full else end, draft.told)


def concluded(job: Obj, found: Tally, untracked: Collection[str], now: float) -> tuple[Obj, tuple[Emit, ...]] | None:
    """The Job as it is to be written once the pods with the uids `untracked` have no finalizer any more, and what to tell."""
    status = _own(job.get("status") or {})
    changed = _add_up(status, found.tracked.difference(untracked))
    if found.end is None or any(status["uncountedTerminatedPods"].values()) or status.get("terminating"):
        return ({**job, "status": status}, ()) if changed else None
    end = made(found.end["type"], found.end["reason"], found.end["message"], now)
    conditions = ensured(status.get("conditions") or (), end)
    status["conditions"] = status.get("conditions") if conditions is None else conditions
    if end["type"] == "Complete":
        status["completionTime"] = end["lastTransitionTime"]
    ended = {**job, "status": status}
    return ended, tuple(_told_at_the_end(ended, end))


def _told_at_the_end(job: Obj, end: Obj) -> Iterator[Emit]:
    if end["type"] != "Complete":
        yield Emit(job, "Warning", end["reason"], end["message"])
        return
    completions = job["spec"].get("completions")
    if completions is not None and job["status"].get("succeeded", 0) > completions:
        yield Emit(job, "Warning", "TooManySucceededPods", "Too many succeeded pods running after completion count reached")
    yield Emit(job, "Normal", "Completed", "Job completed")


def _announced(view: View, verdict: Obj) -> tuple[Obj | None, Obj]:
    """The condition to write before the finalizers go (None: it is there), and the last one."""
    if verdict["type"] == "FailureTarget":
        return verdict, failed_for(verdict, view.now)
    if verdict["type"] == "SuccessCriteriaMet":
        there = true(view.job, "SuccessCriteriaMet") is not None
        return None if there else verdict, made("Complete", verdict.get("reason", ""), verdict.get("message", ""), view.now)
    return None, verdict


class _Count:
    """The ended pods, written down in `status`: who they are, and which indexes succeeded with them."""

    def __init__(self, view: View, verdict: Obj | None, status: Obj) -> None:
        self.view, self.verdict = view, verdict
        self.lists: dict[str, list[str]] = status["uncountedTerminatedPods"]
        self.untracked: list[Obj] = []
        self.indexes: list[int] = []
        self.changed = self.full = False
        listed = (view.job.get("status") or {}).get("uncountedTerminatedPods") or {}
        self.seen = {part: frozenset(listed.get(part) or ()) for part in ("succeeded", "failed")}
        for pod in self._in_order():
            if not tracked.is_tracked(pod) or not self._may_go(pod):
                continue
            self.untracked.append(pod)
            self._write_down(pod)
            if len(self.indexes) + sum(map(len, self.lists.values())) >= MOST:
                self.full = True
                break

    def _in_order(self) -> list[Obj]:
        if self.view.progress is None:
            return list(self.view.pods)
        return sorted(self.view.pods, key=lambda p: -1 if (index := tracked.index_of(p)) is None else index)

    def _may_go(self, pod: Obj) -> bool:
        if objects.is_deleting(self.view.job) or self.verdict is not None or tracked.phase(pod) == "Succeeded":
            return True
        kept = self.view.progress.kept.values() if self.view.progress is not None else ()
        return tracked.has_failed(pod, self.view.job) and not any(k is pod for k in kept)

    def _write_down(self, pod: Obj) -> None:
        uid, failing = objects.uid(pod), self.verdict is not None and self.verdict["type"] != "SuccessCriteriaMet"
        if tracked.phase(pod) == "Succeeded" and uid not in self.seen["failed"]:
            self._succeeded(pod, uid)
        elif (tracked.has_failed(pod, self.view.job) or failing) and uid not in self.seen["failed"]:
            has_place = self.view.progress is None or tracked.valid_index(pod, self.view.job) is not None
            if has_place and judge(self.view.spec.get("podFailurePolicy"), pod).counts:
                self.lists.setdefault("failed", []).append(uid)
                self.changed = True

    def _succeeded(self, pod: Obj, uid: str) -> None:
        if self.view.progress is None:
            if uid not in self.seen["succeeded"]:
                self.lists.setdefault("succeeded", []).append(uid)
                self.changed = True
            return
        index = tracked.valid_index(pod, self.view.job)
        if index is not None and not indexes.has(self.view.progress.counted, index):
            self.indexes.append(index)
            self.changed = True


def _write_indexes(view: View, status: Obj, succeeded: list[int]) -> bool:
    """The indexes need no list of uids: they are counted as they are written."""
    if view.progress is None:
        return False
    done = indexes.union(view.progress.succeeded, indexes.single(succeeded))
    failed = None if view.progress.failed is None else indexes.text(view.progress.failed)
    said = {"completedIndexes": indexes.text(done) or None, "failedIndexes": failed, "succeeded": indexes.total(done) or None}
    changed = any((status.get(k) or None if k != "failedIndexes" else status.get(k)) != v for k, v in said.items() if k != "succeeded")
    _put(status, said)
    return changed


def _add_up(status: Obj, still_tracked: Collection[str]) -> bool:
    """Pods whose finalizers are gone move from the list into the counts."""
    lists, changed = status["uncountedTerminatedPods"], False
    for part in ("succeeded", "failed"):
        left = [uid for uid in lists.get(part) or () if uid in still_tracked]
        gone = len(lists.get(part) or ()) - len(left)
        if gone:
            status[part] = status.get(part, 0) + gone
            changed = True
        lists.pop(part, None)
        if left:
            lists[part] = left
    return changed


def _put(status: Obj, said: dict[str, Any]) -> None:
    for field, value in said.items():
        if value is None:
            status.pop(field, None)
        else:
            status[field] = value


def _own(status: Obj) -> Obj:
    """A draft whose lists may be changed."""
    lists = status.get("uncountedTerminatedPods") or {}
    return {**status, "uncountedTerminatedPods": {part: list(uids) for part, uids in lists.items()}}
