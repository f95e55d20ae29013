"""Counters of the server, in the text form of Prometheus: requests and their durations by verb and resource, watches under way.

Counted once per request by `app.ApiServer`; read at `/metrics`. Names are the reference's (k8s.io/apiserver/pkg/endpoints/metrics).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)


class _Durations:
    """A histogram: how many requests fell into each bucket."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(_BUCKETS) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(_BUCKETS, seconds)] += 1
        self.total += seconds


class Metrics:
    def __init__(self) -> None:
        self._requests: dict[tuple[str, str, int], int] = {}
        self._durations: dict[tuple[str, str], _Durations] = {}

    def count(self, verb: str, resource: str, code: int, seconds: float) -> None:
        key = verb, resource, code
        self._requests[key] = self._requests.get(key, 0) + 1
        durations = self._durations.get((verb, resource))
        if durations is None:
            durations = self._durations[verb, resource] = _Durations()
        durations.add(seconds)

    def text(self, watches: int) -> str:
        """The exposition; `watches`: long requests under way."""
        return "".join(line + "\n" for line in self._lines(watches))

    def _lines(self, watches: int) -> Iterator[str]:
        yield "# HELP apiserver_request_total Requests answered, by verb, resource and HTTP code."
        yield "# TYPE apiserver_request_total counter"
        for (verb, resource, code), count in sorted(self._requests.items()):
            yield f'apiserver_request_total{{verb="{verb}",resource="{resource}",code="{code}"}} {count}'
        yield "# HELP apiserver_request_duration_seconds Time from a request's head to its answer, without watches."
        yield "# TYPE apiserver_request_duration_seconds histogram"
        for (verb, resource), durations in sorted(self._durations.items()):
            yield from _histogram(f'verb="{verb}",resource="{resource}"', durations)
        yield "# HELP apiserver_longrunning_requests Watches and log streams under way."
        yield "# TYPE apiserver_longrunning_requests gauge"
        yield f"apiserver_longrunning_requests {watches}"


def _histogram(labels: str, durations: _Durations) -> Iterator[str]:
    name, seen = "apiserver_request_duration_seconds", 0
    for bound, count in zip((*map(str, _BUCKETS), "+Inf"), durations.counts, strict=True):
        seen += count
        yield f'{name}_bucket{{{labels},le="{bound}"}} {seen}'
    yield f"{name}_sum{{{labels}}} {durations.total}"
    yield f"{name}_count{{{labels}}} {seen}"
