"""What a rehearsal found: typed values, made from an observer's counts. Pure; printed by `text`, drawn by `chart`, kept as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, NamedTuple

from wherry.api.int_or_percent import scaled
from wherry.api.objects import Obj
from wherry.rehearse.observer import Count, Observer, Span


class Moment(NamedTuple):
    """The pods from `at` on, until the next moment: old and new ones that are available, those on the way, those about to go."""

    at: float
    available_old: int
    available_new: int
    starting: int
    ending: int
    unplaced: int

    @property
    def available(self) -> int:
        return self.available_old + self.available_new

    @property
    def pods(self) -> int:
        return self.available + self.starting + self.ending


@dataclass(frozen=True, slots=True)
class Budget:
    """A PodDisruptionBudget: `blocked` are the times in which it lets nobody evict a pod, `broken` those with fewer healthy than it asks.

    A rollout itself asks no budget: it can break one.
    """

    name: str
    wanted: int
    lowest_healthy: int
    blocked: tuple[tuple[float, float], ...]
    broken: tuple[tuple[float, float], ...]

    @property
    def blocked_seconds(self) -> float:
        return sum(end - start for start, end in self.blocked)


@dataclass(frozen=True, slots=True)
class Drain:
    """A fault's drain of a node: how often a budget refused an eviction, and when the node was empty (None: never)."""

    node: str
    at: float
    refused: int
    done_at: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """Times in seconds from the start of the rollout. `duration` None: it does not finish; `stopped` says why the play ended then.

    `steps`: when each step began, and where it stood then. `longest_wait`: the longest time without progress, to be held against
    `deadline_seconds`.
    """

    workload: str
    change: str
    strategy: str
    wanted: int
    duration: float | None
    stopped: str
    lowest_available: int
    lowest_at: float
    most_pods: int
    most_at: float
    deadline_seconds: int | None
    deadline_at: float | None
    longest_wait: float
    unplaced: tuple[Span, ...]
    refused: tuple[tuple[float, str], ...]
    budgets: tuple[Budget, ...]
    drains: tuple[Drain, ...]
    struck: tuple[tuple[str, str], ...]
    faults: tuple[str, ...]
    timings: tuple[str, ...]
    notes: tuple[str, ...]
    timeline: tuple[Moment, ...]
    took: float
    steps: tuple[tuple[float, str], ...] = ()

    @property
    def end(self) -> float:
        """Of what there is to see: the end of the rollout, or the last change and the deadline."""
        return end_of(self.duration, self.timeline[-1].at, self.deadline_at)

    def keeps(self, least: int | str) -> bool:
        """Is that number, or that share of the pods wanted (rounded up), always available?"""
        return self.lowest_available >= scaled(least, self.wanted, True)

    def to_json(self) -> dict[str, Any]:
        rows = {k: v for k, v in asdict(self).items() if k not in ("timeline", "unplaced", "refused", "struck")}
        return {
            **rows,
            "unplaced": [{"pod": s.name, "since": s.since, "until": s.until, "message": s.what} for s in self.unplaced],
            "refused": [{"at": at, "message": message} for at, message in self.refused],
            "struck": [{"pod": pod, "fault": what} for pod, what in self.struck],
            "timeline": [{**m._asdict(), "available": m.available, "pods": m.pods} for m in self.timeline],
        }


def end_of(duration: float | None, last: float, deadline_at: float | None) -> float:
    """Where a timeline ends."""
    return duration if duration is not None else max(last, deadline_at or 0.0) * 1.05


def moments(counts: Sequence[Count], new: str) -> tuple[Moment, ...]:
    """`new`: the hash of the revision that is rolled out."""
    found = []
    for c in counts:
        fresh = sum(available for revision, _, available in c.by_revision if revision == new)
        found.append(Moment(c.at, c.available - fresh, fresh, c.pods - c.ending - c.available, c.ending, c.unplaced))
    return tuple(found)


def budgets(observer: Observer, end: float) -> tuple[Budget, ...]:
    found = []
    for name, seen in sorted(observer.budgets.items()):
        times = [at for at, _ in seen[1:]] + [end]
        spans = [(at, min(until, end), budget.get("status") or {}) for (at, budget), until in zip(seen, times, strict=True) if at < end]
        if not any(status.get("expectedPods") for _, _, status in spans):
            continue
        healthy = [status.get("currentHealthy", 0) for _, _, status in spans]
        wanted = max(status.get("desiredHealthy", 0) for _, _, status in spans)
        found.append(Budget(name, wanted, min(healthy), _joined(spans, _is_blocked), _joined(spans, _is_broken)))
    return tuple(found)


def _is_blocked(status: Obj) -> bool:
    return bool(status.get("disruptionsAllowed", 0) <= 0)


def _is_broken(status: Obj) -> bool:
    return bool(status.get("currentHealthy", 0) < status.get("desiredHealthy", 0))


def _joined(spans: Sequence[tuple[float, float, Obj]], holds: Any) -> tuple[tuple[float, float], ...]:
    """The times in which it holds, neighbours as one."""
    out: list[tuple[float, float]] = []
    for at, until, status in spans:
        if holds(status) and until > at:
            if out and out[-1][1] == at:
                out[-1] = (out[-1][0], until)
            else:
                out.append((at, until))
    return tuple(out)


def longest_wait(progressed: Sequence[float], end: float) -> float:
    """The longest stretch without progress."""
    times = [0.0, *(t for t in progressed if 0 <= t <= end), end]
    return round(max((b - a for a, b in pairwise(times)), default=0.0), 3)
