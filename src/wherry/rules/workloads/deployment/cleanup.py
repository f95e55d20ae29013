"""Old revisions beyond revisionHistoryLimit are deleted, the lowest first.

Called by `plan` when a rollout is complete, and while a Deployment is paused. Only a ReplicaSet that has no pods and wants none goes.
Source of the rule: pkg/controller/deployment cleanupDeployment.
"""

from __future__ import annotations

from wherry.api import objects
from wherry.api.objects import Obj
from wherry.rules.objects.plan import Delete
from wherry.rules.workloads.deployment.replica_sets import by_revision, observed, size
from wherry.rules.workloads.deployment.rollout import NO_LIMIT, Rollout


def _is_empty(replica_set: Obj) -> bool:
    """Wants no pods, has none, and its status is about its present spec."""
    if size(replica_set) != 0 or observed(replica_set, "replicas") != 0:
        return False
    return int(replica_set["metadata"].get("generation") or 0) <= observed(replica_set, "observedGeneration")


def cleanup(rollout: Rollout) -> tuple[Delete, ...]:
    """The old ReplicaSets to delete."""
    limit = rollout.deployment["spec"].get("revisionHistoryLimit")
    if limit is None or limit == NO_LIMIT:
        return ()
    alive = [rs for rs in rollout.old if not objects.is_deleting(rs)]
    surplus = len(alive) - int(limit)
    return tuple(Delete(rs) for rs in by_revision(alive)[: max(surplus, 0)] if _is_empty(rs))
