"""What a pod counts as for its controller: active, terminating, ready, available. Pure questions about one pod.

Source of the rule: pkg/api/v1/pod, pkg/controller IsPodActive.
"""

from __future__ import annotations

from wherry.api import objects, timestamps
from wherry.api.objects import Obj


def is_terminal(pod: Obj) -> bool:
    return (pod.get("status") or {}).get("phase") in ("Failed", "Succeeded")


def is_active(pod: Obj) -> bool:
    return not is_terminal(pod) and not objects.is_deleting(pod)


def is_terminating(pod: Obj) -> bool:
    return not is_terminal(pod) and objects.is_deleting(pod)


def is_ready(pod: Obj) -> bool:
    condition = objects.condition(pod, "Ready")
    return condition is not None and condition.get("status") == "True"


def is_available(pod: Obj, min_ready_seconds: int, now: float) -> bool:
    condition = objects.condition(pod, "Ready")
    if condition is None or condition.get("status") != "True":
        return False
    since = condition.get("lastTransitionTime")
    return min_ready_seconds == 0 or bool(since and timestamps.parse(since) + min_ready_seconds <= now)
