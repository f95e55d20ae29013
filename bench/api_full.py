"""API, in full: every verb at 1, 16 and 128 connections, plain and with TLS: requests per second, p50 and p99."""

from __future__ import annotations

from collections.abc import Iterator

from bench.api import measured, servers
from bench.setup import SERIES, SETTINGS

CONNECTIONS = (1, 16, 128)
JOBS = ("get", "list 500 pods", "list 5,000 pods", "create", "update", "patch", "status patch", "apply")


def run() -> Iterator[tuple[str, float]]:
    connections = CONNECTIONS if SETTINGS.size >= 1 else (1, 4)
    with servers() as targets:
        for mark, target in targets:
            curve: dict[str, list[float]] = {"connections": [float(each) for each in connections]}
            for job in JOBS:
                for count in connections:
                    found = measured(target, job, count)
                    curve.setdefault(job, []).append(found.rate)
                    name = f"{job}, {count} connection{'s' if count > 1 else ''}{mark}"
                    yield f"{name}: req/s", found.rate
                    yield f"{name}: p50 ms", found.p50
                    yield f"{name}: p99 ms", found.p99
            SERIES[f"requests per second{mark or ' (plain)'}"] = curve
