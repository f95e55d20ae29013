"""What a pod counts as: active, ended, ready, available; its class and its requests. Pure questions about one pod.

Called by the pod's strategy, controllers and everything else that asks about a pod. Nothing here changes a pod.
Source: pkg/api/v1/pod, pkg/controller IsPodActive, pkg/apis/core/helper/qos.
"""

from __future__ import annotations

from wherry.api import objects, timestamps
from wherry.api.objects import Obj
from wherry.rules.pods.qos import qos_class
from wherry.rules.pods.requests import Amounts, of_spec
from wherry.rules.pods.state_of_replica import is_active, is_available, is_ready, is_terminal, is_terminating

__all__ = (
    "is_active", "is_available", "is_gated", "is_ready", "is_terminal", "is_terminating", "phase", "qos_class", "ready_since",
    "requests_of",
)  # fmt: skip


def phase(pod: Obj) -> str:
    return (pod.get("status") or {}).get("phase") or ""


def is_gated(pod: Obj) -> bool:
    """It waits for its scheduling gates (KEP-3521)."""
    return bool(pod["spec"].get("schedulingGates"))


def ready_since(pod: Obj) -> float | None:
    """The moment of the Ready condition's last change, of a pod that is ready; None when it is not or does not say."""
    condition = objects.condition(pod, "Ready")
    if condition is None or condition.get("status") != "True":
        return None
    since = condition.get("lastTransitionTime")
    return timestamps.parse(since) if since else None


def requests_of(pod: Obj) -> Amounts:
    """What it asks of a node: cpu in milli-units, everything else in units."""
    return of_spec(pod["spec"])
