"""RollingUpdate: the new ReplicaSet grows and the old ones shrink, within maxSurge and maxUnavailable.

Called by `plan`. One round: the new ReplicaSet is brought as far up as the surge allows; if it is there, old ones shrink, pods that do
not work first (they only hold the update up), then the oldest ReplicaSets, as far as enough pods stay available.
Invariant: the sizes never sum up to more than replicas + maxSurge by growing, and shrinking never takes an available pod that is needed.
Source of the rule: pkg/controller/deployment/rolling.go.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from wherry.api import objects
from wherry.api.objects import Obj
from wherry.rules.objects.plan import Action
from wherry.rules.workloads.deployment import strategy
from wherry.rules.workloads.deployment.replica_sets import active, observed, size, total, total_size
from wherry.rules.workloads.deployment.rollout import Rollout

AVAILABLE = "availableReplicas"


def scale_new(rollout: Rollout, new: Obj) -> tuple[Action, ...]:
    """Bring the new ReplicaSet to its size, or as near as the surge allows."""
    if size(new) == rollout.desired:
        return ()
    if size(new) > rollout.desired:
        return rollout.scale(new, rollout.desired)
    return rollout.scale(new, strategy.new_size(rollout.deployment, total_size(rollout.all), size(new)))


@dataclass(slots=True)
class _Shrinking:
    """The old ReplicaSets while they shrink: sizes as this plan leaves them."""

    rollout: Rollout
    sizes: dict[str, int]
    actions: list[Action] = field(default_factory=list)

    def shrink(self, replica_set: Obj, by: int) -> None:
        key = objects.name(replica_set)
        was = self.sizes[key]
        to = self.sizes[key] = was - by
        is_first = was == size(replica_set)
        self.actions.extend(self.rollout.scale(replica_set, to) if is_first else self.rollout.scale_again(replica_set, was, to))


def _shrink_unhealthy(shrinking: _Shrinking, old: list[Obj], most: int) -> bool:
    """Take away what is not available, `most` pods at most. False when a status lags behind its size: then nothing is sure."""
    for replica_set in old:
        if most <= 0:
            break
        unhealthy = size(replica_set) - observed(replica_set, AVAILABLE)
        if unhealthy < 0:
            return False
        if unhealthy:
            shrinking.shrink(replica_set, min(most, unhealthy))
            most -= min(most, unhealthy)
    return True


def _shrink_healthy(shrinking: _Shrinking, old: list[Obj], most: int) -> None:
    for replica_set in old:
        left = shrinking.sizes[objects.name(replica_set)]
        if most <= 0:
            break
        if left:
            shrinking.shrink(replica_set, min(most, left))
            most -= min(most, left)


def scale_old(rollout: Rollout, new: Obj) -> tuple[tuple[Action, ...], bool]:
    """Shrink the old ReplicaSets; says also whether the round is over with that."""
    old = active(rollout.old)
    if not old:
        return (), False
    new_available = min(observed(new, AVAILABLE), size(new))  # its status may still count pods that are about to go
    most = total_size(old) + new_available - rollout.min_available
    if most <= 0:
        return (), False
    shrinking = _Shrinking(rollout, {objects.name(rs): size(rs) for rs in old})
    if not _shrink_unhealthy(shrinking, old, most):
        return tuple(shrinking.actions), False
    available = total(old, AVAILABLE) + new_available
    _shrink_healthy(shrinking, old, available - rollout.min_available)
    return tuple(shrinking.actions), bool(shrinking.actions)
