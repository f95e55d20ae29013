"""Recreate: all old pods go, and only when none is left the new ReplicaSet is made.

Called by `plan`. Source of the rule: pkg/controller/deployment/recreate.go.
"""

from __future__ import annotations

from wherry.api import objects
from wherry.rules.objects.plan import Action
from wherry.rules.workloads.deployment.replica_sets import active, total
from wherry.rules.workloads.deployment.rollout import Rollout


def scale_down_old(rollout: Rollout) -> tuple[Action, ...]:
    return tuple(action for rs in active(rollout.old) for action in rollout.scale(rs, 0))


def old_pods_running(rollout: Rollout) -> bool:
    """An old ReplicaSet believes it has pods, or has one that is not at its end (a terminating one still runs)."""
    if total(rollout.old, "replicas") > 0:
        return True
    new_uid = objects.uid(rollout.new) if rollout.new is not None else None
    return any(
        (pod.get("status") or {}).get("phase") not in ("Failed", "Succeeded")
        for uid, pods in rollout.pods.items()
        if uid != new_uid
        for pod in pods
    )
