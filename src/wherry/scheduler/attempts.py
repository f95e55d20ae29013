"""What the scheduler counts: how attempts ended, and how long deciding took; and the questions about a pod that it asks everywhere.

Read by the cluster's metrics. Source: pkg/scheduler/metrics/metrics.go.
"""

from __future__ import annotations

from wherry.api.objects import Obj
from wherry.kit.metrics import Histogram, exponential
from wherry.rules.placing.scheduling.setup import DEFAULT_SCHEDULER


class Attempts:
    """`ended`: (result, profile) -> how many; `decided`: seconds that decisions took."""

    def __init__(self) -> None:
        self.ended: dict[tuple[str, str], int] = {}
        self.decided = Histogram(exponential(0.001, 2, 15))

    def end(self, result: str, pod: Obj) -> None:
        at = result, scheduler_of(pod)
        self.ended[at] = self.ended.get(at, 0) + 1


def scheduler_of(pod: Obj) -> str:
    return pod["spec"].get("schedulerName") or DEFAULT_SCHEDULER


def has_ended(pod: Obj) -> bool:
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def same_demand(old: Obj, new: Obj) -> bool:
    """Nothing that a decision reads changed between two versions of a pod."""
    a, b = old["metadata"], new["metadata"]
    if a.get("uid") != b.get("uid") or a.get("labels") != b.get("labels") or ("deletionTimestamp" in a) != ("deletionTimestamp" in b):
        return False
    return {**old["spec"], "nodeName": ""} == {**new["spec"], "nodeName": ""}
