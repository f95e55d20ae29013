"""Scaling a Deployment that is not just being rolled out: a new `.spec.replicas`, or a paused Deployment.

Called by `plan`. With one active ReplicaSet it simply gets the size. In the middle of an update every active ReplicaSet gets its share, by
its present size, so that scaling does not hurry the update on: the risk stays what it was.
Source of the rule: pkg/controller/deployment scale, isScalingEvent; deployment/util GetReplicaSetProportion;
https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#proportional-scaling.
"""

from __future__ import annotations

import math

from wherry.api.objects import Obj
from wherry.rules.objects.plan import Action
from wherry.rules.workloads.deployment import annotations as notes
from wherry.rules.workloads.deployment import strategy
from wherry.rules.workloads.deployment.replica_sets import active, active_or_latest, largest_first, observed, size, total_size
from wherry.rules.workloads.deployment.rollout import Rollout


def is_scaling_event(rollout: Rollout) -> bool:
    """An active ReplicaSet remembers another size of the Deployment."""
    noted = (notes.count(rs, notes.DESIRED_REPLICAS) for rs in active(rollout.all))
    return any(n is not None and n != rollout.desired for n in noted)


def _is_saturated(rollout: Rollout) -> bool:
    """The new ReplicaSet has all replicas, was told so, and all of them are available."""
    new = rollout.new
    if new is None or notes.count(new, notes.DESIRED_REPLICAS) is None:
        return False
    sizes = (size(new), notes.count(new, notes.DESIRED_REPLICAS), observed(new, "availableReplicas"))
    return all(n == rollout.desired for n in sizes)


def _round(value: float) -> int:
    """To the nearest whole number, halves away from zero."""
    return math.floor(value + 0.5) if value >= 0 else math.ceil(value - 0.5)


def _fraction(rollout: Rollout, replica_set: Obj) -> int:
    """How many replicas more (or fewer) are the ReplicaSet's share of the Deployment's new size."""
    if rollout.desired == 0:
        return -size(replica_set)
    before = notes.count(replica_set, notes.MAX_REPLICAS) or rollout.status.get("replicas", 0)
    if not before:
        return 0  # nobody knows the size before: this one stays, the largest takes what is left
    return _round(size(replica_set) * rollout.most / before) - size(replica_set)


def _proportion(rollout: Rollout, replica_set: Obj, left: int) -> int:
    """The ReplicaSet's share, never more than is `left` to add (or, when negative, to take away)."""
    if left == 0 or size(replica_set) == 0:
        return 0
    fraction = _fraction(rollout, replica_set)
    return min(fraction, left) if left > 0 else max(fraction, left)


def _newest_first(rollout: Rollout) -> list[Obj]:
    return [*reversed(rollout.old), *([rollout.new] if rollout.new is not None else [])]


def proportional_sizes(rollout: Rollout) -> list[tuple[Obj, int]]:
    """The new size of every active ReplicaSet, the largest first; it also takes what rounding leaves over."""
    running = active(_newest_first(rollout))
    allowed = rollout.most if rollout.desired > 0 else 0
    to_add = allowed - total_size(running)
    if to_add:
        running = largest_first(running, newer_first=to_add > 0)
    sizes, left = [], to_add
    for replica_set in running:
        share = _proportion(rollout, replica_set, left)
        left -= share
        sizes.append(size(replica_set) + share)
    if to_add and sizes:
        sizes[0] = max(sizes[0] + left, 0)
    return list(zip(running, sizes, strict=True))


def scale(rollout: Rollout) -> tuple[Action, ...]:
    """One round of scaling."""
    single = active_or_latest(rollout.new, rollout.old)
    if single is not None:
        # a size that is right by chance must be noted too, or the update would wait for it for ever (as in the reference it does)
        return rollout.scale(single, rollout.desired, force=not rollout.is_paused)
    if _is_saturated(rollout):
        return tuple(action for rs in reversed(active(rollout.old)) for action in rollout.scale(rs, 0))
    if not strategy.is_rolling(rollout.deployment):
        return ()
    return tuple(action for rs, to in proportional_sizes(rollout) for action in rollout.scale(rs, to, force=True))
