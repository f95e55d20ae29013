"""The status of a Deployment: the sums of its ReplicaSets' statuses, and whether enough pods are available.

Called by `plan` (scaling, pause, deletion) and by `progress` (which adds the Progressing condition).
Source of the rule: pkg/controller/deployment calculateStatus; KEP-3973 (terminatingReplicas).
"""

from __future__ import annotations

from collections.abc import Iterable

from wherry.api.objects import Obj
from wherry.rules.objects import conditions
from wherry.rules.objects.plan import Update
from wherry.rules.workloads.deployment.replica_sets import observed, total, total_size
from wherry.rules.workloads.deployment.rollout import Rollout


def _terminating(replica_sets: Iterable[Obj]) -> int | None:
    """The sum; None when a ReplicaSet that was looked at does not say (one never looked at has none)."""
    count = 0
    for replica_set in replica_sets:
        own = (replica_set.get("status") or {}).get("terminatingReplicas")
        if own is None and observed(replica_set, "observedGeneration"):
            return None
        count += own or 0
    return count


def _availability(rollout: Rollout, available: int) -> Obj:
    if available >= rollout.min_available:
        return rollout.condition("Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    return rollout.condition("Available", "False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")


def without_zeros(status: Obj) -> Obj:
    """A status without what says nothing; terminatingReplicas says something even when it is 0."""
    return {k: v for k, v in status.items() if v or (v is not None and k in ("terminatingReplicas", "collisionCount"))}


def new_status(rollout: Rollout) -> Obj:
    """The status as the ReplicaSets have it now, with every zero written out."""
    available = total(rollout.all, "availableReplicas")
    before: list[Obj] = rollout.status.get("conditions") or []
    return {
        "observedGeneration": rollout.deployment["metadata"].get("generation", 0),
        "replicas": total(rollout.all, "replicas"),
        "updatedReplicas": observed(rollout.new, "replicas") if rollout.new is not None else 0,
        "readyReplicas": total(rollout.all, "readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(total_size(rollout.all) - available, 0),
        "terminatingReplicas": _terminating(rollout.all),
        "conditions": conditions.updated(before, _availability(rollout, available)),
        "collisionCount": rollout.status.get("collisionCount"),
    }


def write(rollout: Rollout, status: Obj) -> tuple[Update, ...]:
    """Write the status if it says something new."""
    status = without_zeros(status)
    return () if status == without_zeros(rollout.status) else (rollout.write_status(status),)
