"""What to do about a Job's pods now: end those that run when the Job has to end, else keep as many running as it wants.

Called by the Job controller with a `View`. Gives a `Decision`: at most one of deletions and creations, or how long to wait before failed
pods are replaced. `ending` pods keep their finalizers until they are counted; `dropped` pods lose them first and never count. A Job never
has more active pods than `parallelism`, nor than it lacks completions. Source: pkg/controller/job syncJob, manageJob.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from wherry.api import objects
from wherry.api.objects import Obj
from wherry.rules.objects.plan import Create
from wherry.rules.pods.state_of_replica import is_terminating
from wherry.rules.workloads.job import backoff, indexes, tracked
from wherry.rules.workloads.job.finished import is_suspended, limits_each_index, replaces_only_failed
from wherry.rules.workloads.job.pod import new_indexed_pod, new_pod
from wherry.rules.workloads.job.removal import superfluous
from wherry.rules.workloads.job.verdict import verdict
from wherry.rules.workloads.job.view import View

BURST = 500


class Decision(NamedTuple):
    """`verdict`: the Job has to end, with this condition. `managed`: its pods were looked after as it goes on."""

    verdict: Obj | None = None
    managed: bool = False
    creates: tuple[Create, ...] = ()
    ending: tuple[Obj, ...] = ()
    dropped: tuple[Obj, ...] = ()
    wait: float | None = None


def decide(view: View, names: Iterator[str]) -> Decision:
    """`names` gives 5 random characters at a time."""
    found = verdict(view)
    if found is not None:
        return Decision(verdict=found, ending=view.active)
    if objects.is_deleting(view.job):
        return Decision()
    wanted = _wanted(view)
    too_many = superfluous(view.job, view.active, max(0, len(view.active) - wanted))
    if too_many:
        return Decision(managed=True, dropped=tuple(too_many if is_suspended(view.job) else too_many[:BURST]))
    waiting_for = view.terminating if replaces_only_failed(view.job) else 0
    missing = min(wanted - waiting_for - len(view.active), BURST)
    return _create(view, missing, names) if missing > 0 else Decision(managed=True)


def _wanted(view: View) -> int:
    """How many pods should be active."""
    if is_suspended(view.job):
        return 0
    parallelism: int = view.spec.get("parallelism", 1)
    if view.completions is None:
        return len(view.active) if view.succeeded > 0 else parallelism
    return max(0, min(view.completions - view.succeeded, parallelism))


def _create(view: View, count: int, names: Iterator[str]) -> Decision:
    wait = 0.0 if limits_each_index(view.job) else backoff.remaining(view.record, view.now)
    if wait > 0:
        return Decision(managed=True, wait=wait)
    if view.progress is None:
        taken = {objects.name(p) for p in view.pods}
        fresh = (pod for pod in (new_pod(view.job, suffix) for suffix in names) if objects.name(pod) not in taken)
        return Decision(managed=True, creates=_distinct(fresh, count))
    return _create_indexes(view, list(islice(_pending(view), count)), names)


def _distinct(pods: Iterable[Obj], count: int) -> tuple[Create, ...]:
    chosen: dict[str, Obj] = {}
    for pod in pods:
        chosen.setdefault(objects.name(pod), pod)
        if len(chosen) == count:
            break
    return tuple(map(Create, chosen.values()))


def _pending(view: View) -> Iterator[int]:
    """The indexes that no pod is busy with and that are not done, in order."""
    assert view.progress is not None
    busy = [*view.active, *(filter(is_terminating, view.pods) if replaces_only_failed(view.job) else ())]
    numbers = (i for p in busy if (i := tracked.index_of(p)) is not None)
    taken = indexes.union(view.progress.succeeded, view.progress.failed or (), indexes.single(numbers))
    return indexes.missing(taken, view.completions or 0)


def _create_indexes(view: View, pending: list[int], names: Iterator[str]) -> Decision:
    """With a limit per index each index waits for itself; when all have to wait, so does the Job."""
    kept = view.progress.kept if view.progress is not None else {}
    waits = {i: backoff.remaining_for_index(kept.get(i), view.now) for i in pending}
    due = [i for i in pending if waits[i] == 0]
    if not due and waits:
        return Decision(managed=True, wait=min(waits.values()))
    return Decision(managed=True, creates=tuple(Create(new_indexed_pod(view.job, i, kept.get(i), next(names))) for i in due))
