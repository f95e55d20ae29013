"""The status of a StatefulSet: what its pods are at this moment, and which revision the update has come to.

Called with the pods as they were before this reconciliation's writes; only pods that it deleted for an update are taken off already. A
rolling update is complete when every replica is updated and ready: then the updated revision becomes the current one.
Source of the rule: pkg/controller/statefulset computeReplicaStatus, completeRollingUpdate, inconsistentStatus.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from wherry.api import objects
from wherry.api.objects import Obj
from wherry.rules.objects.plan import Update
from wherry.rules.workloads import revisions
from wherry.rules.workloads.replicaset.status import next_available
from wherry.rules.workloads.statefulset import identity, strategy
from wherry.rules.workloads.statefulset.known_pods import min_ready_seconds
from wherry.rules.workloads.statefulset.view import View

_COMPARED = ("replicas", "readyReplicas", "availableReplicas", "currentReplicas", "updatedReplicas", "currentRevision", "updateRevision")
_ALWAYS = ("replicas", "availableReplicas", "collisionCount")


def new_status(view: View, deleted: Iterable[str] = ()) -> Obj:
    """`deleted`: names of the pods that this reconciliation deleted to update them."""
    stateful_set, standing = view.stateful_set, view.standing
    current, update = objects.name(view.current), objects.name(view.update)
    gone = {identity.ordinal_of(objects.name(stateful_set), name) for name in deleted}
    unsettled = standing.open_pods()
    total, ready = len(standing), len(standing) - sum(not m.ready for m in unsettled)
    status: dict[str, Any] = {
        "observedGeneration": stateful_set["metadata"].get("generation", 0),
        "replicas": total,
        "readyReplicas": ready,
        "availableReplicas": total - sum(not (m.ready and m.available) for m in unsettled),
        "currentReplicas": len(standing.staying(current) - gone),
        "updatedReplicas": len(standing.staying(update)),
        "currentRevision": current,
        "updateRevision": update,
        "collisionCount": revisions.collision_count(stateful_set) or 0,
    }
    if strategy.is_rolling(stateful_set) and total == ready == status["updatedReplicas"] == identity.replicas(stateful_set):
        status["currentReplicas"], status["currentRevision"] = status["updatedReplicas"], update
    return {k: v for k, v in status.items() if v or k in _ALWAYS}


def plan_status(stateful_set: Obj, status: Obj) -> tuple[Update, ...]:
    """Write the status if it says something new."""
    old: Obj = stateful_set.get("status") or {}
    same = all((old.get(k) or 0) == (status.get(k) or 0) for k in _COMPARED)
    if same and status.get("observedGeneration", 0) <= old.get("observedGeneration", 0):
        return ()
    return (Update({**stateful_set, "status": status}, "status"),)


def look_again(view: View, status: Obj) -> float | None:
    """Seconds until the next pod has been ready for long enough, None when there is none to wait for."""
    min_ready = min_ready_seconds(view.stateful_set)
    if not min_ready or status.get("readyReplicas", 0) == status["availableReplicas"]:
        return None
    pods = [m.pod for m in view.standing.open_pods() if m.pod is not None]
    left = next_available(pods, min_ready, view.now)
    return float(min_ready) if left is None else left
