"""What parts count of their work: cheap where it is counted, named where it is read.

A part keeps plain numbers and `Histogram`s. Whoever shows them (the server's `/metrics`) asks a `Source` for families, each made of those
numbers at that moment: nothing is registered, nothing is global, and a cluster that nobody asks pays only for the counting.
Model: the families of Prometheus (https://prometheus.io/docs/concepts/metric_types/).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, NamedTuple

#: of the durations of commits, in seconds: the reference's of requests to etcd, without the longest
COMMIT_BOUNDS = (0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 2.0, 5.0, 10.0)


class Histogram:
    """How many values fell into each bucket, `bounds` being the upper ends of all but the last, and their sum."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def buckets(self) -> list[tuple[str, float]]:
        """(upper end, how many values are at most that), as Prometheus shows them."""
        shown, seen = [], 0
        for bound, count in zip((*map(str, self.bounds), "+Inf"), self.counts, strict=True):
            seen += count
            shown.append((bound, float(seen)))
        return shown


class Family(NamedTuple):
    """One metric: its name (a counter's without `_total`), what it says, the names of its labels, and pairs of their values and a value."""

    kind: Literal["counter", "gauge", "histogram"]
    name: str
    help: str
    labels: tuple[str, ...]
    values: Iterable[tuple[Sequence[str], float | Histogram]]


Source = Callable[[], Iterable[Family]]


def exponential(start: float, factor: float, count: int) -> tuple[float, ...]:
    """Bounds of buckets, each `factor` times the one before."""
    return tuple(float(f"{start * factor**n:.12g}") for n in range(count))
