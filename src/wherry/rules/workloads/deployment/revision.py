"""The revision of a Deployment: kept in step with its new ReplicaSet, before anything else is done.

Called by `plan` in every reconciliation. The new ReplicaSet's revision is above that of all others; the Deployment takes it over. One
write at a time: after each the controller looks again.
Invariant: revisions only grow.
Source of the rule: pkg/controller/deployment getNewReplicaSet.
"""

from __future__ import annotations

from wherry.api import objects
from wherry.api.objects import Obj
from wherry.rules.objects import conditions
from wherry.rules.objects.plan import Update
from wherry.rules.workloads.deployment import annotations as notes
from wherry.rules.workloads.deployment.rollout import Rollout


def next_revision(rollout: Rollout) -> int:
    """One more than the highest among the old ReplicaSets."""
    return max((notes.revision(rs) or 0 for rs in rollout.old), default=0) + 1


def take_over(rollout: Rollout, revision: str, progressing: Obj | None) -> Update | None:
    """Write revision and Progressing condition into the Deployment, in one write; None when both are there."""
    current, status = objects.annotations_of(rollout.deployment), rollout.status
    before: list[Obj] = status.get("conditions") or []
    after = before if progressing is None else conditions.updated(before, progressing)
    if after is before and current.get(notes.REVISION) == revision:
        return None
    if after is not before:
        status = {**status, "conditions": after}
    return rollout.write_status(status, annotations={**current, notes.REVISION: revision})


def _sync_new(rollout: Rollout, new: Obj) -> Update | None:
    """Bring the new ReplicaSet's annotations and minReadySeconds up to date."""
    wanted = notes.for_new_replica_set(rollout.deployment, new, next_revision(rollout))
    min_ready = rollout.deployment["spec"].get("minReadySeconds", 0)
    if wanted == objects.annotations_of(new) and new["spec"].get("minReadySeconds", 0) == min_ready:
        return None
    spec = {k: v for k, v in new["spec"].items() if k != "minReadySeconds"} | ({"minReadySeconds": min_ready} if min_ready else {})
    return Update({**objects.with_metadata(new, annotations=wanted), "spec": spec})


def sync_revision(rollout: Rollout) -> Update | None:
    """The next write that brings new ReplicaSet and Deployment into step, None when they are (or there is no new one yet)."""
    new = rollout.new
    if new is None:
        return None
    if (update := _sync_new(rollout, new)) is not None:
        return update
    found = None
    if rollout.deadline is not None and conditions.find(rollout.status.get("conditions") or (), "Progressing") is None:
        message = f'Found new replica set "{objects.name(new)}"'
        found = rollout.condition("Progressing", "True", "FoundNewReplicaSet", message)
    return take_over(rollout, objects.annotations_of(new).get(notes.REVISION, ""), found)
