"""How far an Indexed Job is: which indexes succeeded, which failed for good, and which failed pods wait for their replacement.

Called by `view`. Jobs with a limit per index keep the last failed pod of an index until its replacement is there, because the number
of failures goes from pod to pod as an annotation.
Source: pkg/controller/job calculateSucceededIndexes, calculateFailedIndexes, getPodsWithDelayedDeletionPerIndex; KEP-3850.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from wherry.api.objects import Obj
from wherry.rules.workloads.job import indexes, tracked
from wherry.rules.workloads.job.failure_policy import judge
from wherry.rules.workloads.job.finished import limits_each_index
from wherry.rules.workloads.job.indexes import Intervals


class Progress(NamedTuple):
    """`counted`: succeeded, as the status says. `failed`: None without a limit per index. `kept`: the pods that wait, by index."""

    counted: Intervals
    succeeded: Intervals
    failed: Intervals | None
    kept: Mapping[int, Obj]


def progress(job: Obj, pods: Iterable[Obj], active: Iterable[Obj]) -> Progress:
    status, completions = job.get("status") or {}, job["spec"].get("completions") or 0
    counted = indexes.parse(status.get("completedIndexes") or "", completions)
    uncounted = [(index, p) for p in pods if tracked.is_tracked(p) and (index := tracked.valid_index(p, job)) is not None]
    succeeded = indexes.union(counted, indexes.single(i for i, p in uncounted if tracked.phase(p) == "Succeeded"))
    if not limits_each_index(job):
        return Progress(counted, succeeded, None, {})
    before = indexes.parse(status.get("failedIndexes") or "", completions)
    failed = indexes.union(before, indexes.single(i for i, p in uncounted if _fails_its_index(job, p)))
    settled = indexes.union(succeeded, failed, indexes.single(i for p in active if (i := tracked.index_of(p)) is not None))
    return Progress(counted, succeeded, failed, _kept(job, uncounted, settled))


def _fails_its_index(job: Obj, pod: Obj) -> bool:
    if not tracked.has_failed(pod, job):
        return False
    judgement = judge(job["spec"].get("podFailurePolicy"), pod)
    spent = tracked.index_failures(pod) >= job["spec"]["backoffLimitPerIndex"]
    return judgement.action == "FailIndex" or (judgement.counts and spent)


def _kept(job: Obj, uncounted: Iterable[tuple[int, Obj]], settled: Intervals) -> dict[int, Obj]:
    kept: dict[int, Obj] = {}
    for index, pod in uncounted:
        if not tracked.has_failed(pod, job) or indexes.has(settled, index):
            continue
        if index not in kept or _is_later(pod, kept[index]):
            kept[index] = pod
    return kept


def _is_later(pod: Obj, other: Obj) -> bool:
    return _failures(pod) >= _failures(other) and tracked.finished_at(pod) >= tracked.finished_at(other)


def _failures(pod: Obj) -> int:
    return tracked.index_failures(pod) + tracked.ignored_index_failures(pod)
