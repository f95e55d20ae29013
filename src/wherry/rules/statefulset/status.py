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
from wherry.rules import revisions
from wherry.rules.plan import Update
from wherry.rules.replicaset.status import next_available
from wherry.rules.statefulset import identity, strategy
from wherry.rules.statefulset.view import Member, View, min_ready_seconds

_COMPARED = ("replicas", "readyReplicas", "availableReplicas", "currentReplicas", "updatedReplicas", "currentRevision", "updateRevision")
_ALWAYS = ("replicas", "availableReplicas", "collisionCount")


def new_status(view: View, deleted: Iterable[str] = ()) -> Obj:
    """`deleted`: names of the pods that this reconciliation deleted to update them."""
    stateful_set, gone = view.stateful_set, set(deleted)
    current, update = objects.name(view.current), objects.name(view.update)
    members = [m for m in (*view.replicas, *view.condemned) if m.pod is not None]
    staying = [m for m in members if not m.terminating]
    ready = sum(m.ready for m in members)
    status: dict[str, Any] = {
        "observedGeneration": stateful_set["metadata"].get("generation", 0),
        "replicas": len(members),
        "readyReplicas": ready,
        "availableReplicas": sum(m.ready and m.available for m in members),
        "currentReplicas": sum(m.revision == current and not _is_in(m, gone) for m in staying),
        "updatedReplicas": sum(m.revision == update for m in staying),
        "currentRevision": current,
        "updateRevision": update,
        "collisionCount": revisions.collision_count(stateful_set) or 0,
    }
    if strategy.is_rolling(stateful_set) and len(members) == ready == status["updatedReplicas"] == identity.replicas(stateful_set):
        status["currentReplicas"], status["currentRevision"] = status["updatedReplicas"], update
    return {k: v for k, v in status.items() if v or k in _ALWAYS}


def _is_in(member: Member, names: set[str]) -> bool:
    return member.pod is not None and objects.name(member.pod) in names


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
    pods = [m.pod for m in (*view.replicas, *view.condemned) if m.pod is not None]
    left = next_available(pods, min_ready, view.now)
    return float(min_ready) if left is None else left
