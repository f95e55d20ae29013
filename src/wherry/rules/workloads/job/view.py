"""A Job and its pods, looked at once: what all further Job rules decide upon.

Made by the Job controller at each look. Nothing in it changes. Source: pkg/controller/job syncJob (its context).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from wherry.api import objects
from wherry.api.objects import Obj
from wherry.rules.pods.state_of_replica import is_active, is_ready, is_terminating
from wherry.rules.workloads.job import backoff, indexes, tracked
from wherry.rules.workloads.job.backoff import Record
from wherry.rules.workloads.job.failure_policy import judge
from wherry.rules.workloads.job.finished import is_indexed
from wherry.rules.workloads.job.progress import Progress, progress


class View(NamedTuple):
    """`succeeded`, `failed`: pods (of an Indexed Job: indexes that succeeded), those that are not counted yet included."""

    job: Obj
    pods: tuple[Obj, ...]
    now: float
    active: tuple[Obj, ...]
    ready: int
    terminating: int
    succeeded: int
    failed: int
    record: Record
    progress: Progress | None

    @classmethod
    def of(cls, job: Obj, pods: Sequence[Obj], record: Record, now: float) -> View:
        status = job.get("status") or {}
        listed = status.get("uncountedTerminatedPods") or {}
        seen_succeeded, seen_failed = set(listed.get("succeeded") or ()), set(listed.get("failed") or ())
        succeeded = _new(job, (p for p in pods if tracked.phase(p) == "Succeeded"), seen_succeeded)
        failed = _new(job, (p for p in pods if tracked.has_failed(p, job)), seen_failed)
        active = tuple(p for p in pods if is_active(p))
        how_far = progress(job, pods, active) if is_indexed(job) else None
        counting = [p for p in failed if judge(job["spec"].get("podFailurePolicy"), p).counts]
        return cls(
            job=job, pods=tuple(pods), now=now, active=active, ready=sum(map(is_ready, active)),
            terminating=sum(map(is_terminating, pods)),
            succeeded=status.get("succeeded", 0) + len(succeeded) + len(seen_succeeded) if how_far is None
            else indexes.total(how_far.succeeded),
            failed=status.get("failed", 0) + len(counting) + len(seen_failed),
            record=backoff.after(record, succeeded, failed), progress=how_far,
        )  # fmt: skip

    @property
    def spec(self) -> Obj:
        spec: Obj = self.job["spec"]
        return spec

    @property
    def completions(self) -> int | None:
        completions: int | None = self.spec.get("completions")
        return completions


def _new(job: Obj, pods: Iterable[Obj], seen: set[str]) -> list[Obj]:
    """Those that nobody has written down yet."""
    tracked_ones = (p for p in pods if tracked.is_tracked(p) and objects.uid(p) not in seen)
    return [p for p in tracked_ones if not is_indexed(job) or tracked.valid_index(p, job) is not None]
