"""A DaemonSet held at a share of new pods by OnDelete: its controller replaces the pods that are deleted here, and no others.

Pods are deleted in groups of the owner's maxUnavailable, those that are not ready first, then by the names of their nodes; the next group
goes when the last one is ready. A surge cannot be had this way, since a pod that is not deleted is not replaced: then it is one at a time.
Source: https://kubernetes.io/docs/tasks/manage-daemon/update-daemon-set/#daemonset-update-strategy
"""

from __future__ import annotations

from typing import Any

from wherry.api.int_or_percent import scaled
from wherry.api.objects import Obj
from wherry.rules.workloads.steps.move import ARRIVED, WAIT, Fields, Move, NoSteps
from wherry.rules.workloads.steps.view import View, available, ready_since

_OWN = "updateStrategy"
_HELD = {"type": "OnDelete"}


def own(workload: Obj) -> dict[str, Any]:
    """Raises NoSteps."""
    if (workload["spec"].get(_OWN) or {}).get("type", "RollingUpdate") != "RollingUpdate":
        raise NoSteps("its update strategy is OnDelete: nothing would roll it out after the last step")
    return {_OWN: workload["spec"].get(_OWN)}


def opening(view: View, own_fields: Fields, target: int) -> Fields:
    return {_OWN: _HELD}


def _group(view: View, own_fields: Fields) -> int:
    """How many pods may be gone at once."""
    rolling = (own_fields.get(_OWN) or {}).get("rollingUpdate") or {}
    return max(1, scaled(rolling.get("maxUnavailable", 1), view.wanted, True))


def _node(pod: Obj) -> str:
    return str(pod["spec"].get("nodeName") or "")


def move(view: View, own_fields: Fields, target: int) -> Move:
    """The next deletions towards `target` new pods."""
    if view.workload["spec"].get(_OWN) != _HELD:
        return Move({_OWN: _HELD})
    if not view.is_observed or view.newest is None:
        return WAIT
    min_ready = float(view.workload["spec"].get("minReadySeconds") or 0)
    ready, at = available(view.new_pods, min_ready, view.now)
    new = {pod["metadata"]["name"] for pod in view.new_pods}
    if len(new) >= target:
        return ARRIVED if ready >= target else Move(at=at)
    old = [pod for pod in view.own_pods if pod["metadata"]["name"] not in new]
    broken = [pod for pod in old if ready_since(pod) is None]
    gone = view.wanted - ready - (len(old) - len(broken))
    most = min(len(broken) + max(0, _group(view, own_fields) - gone), target - len(new))
    chosen = sorted(old, key=lambda pod: (ready_since(pod) is not None, _node(pod)))[:most]
    return Move(deletes=chosen) if chosen else Move(at=at)


def surplus(view: View, target: int) -> int:
    """Pods that are new already stay: nothing puts one back."""
    return 0


def catch(view: View, own_fields: Fields, target: int) -> Move:
    return ARRIVED


def is_complete(view: View) -> bool:
    status = view.workload.get("status") or {}
    counts = (status.get(name, 0) for name in ("updatedNumberScheduled", "numberAvailable"))
    return view.is_observed and all(count >= view.wanted for count in counts)
