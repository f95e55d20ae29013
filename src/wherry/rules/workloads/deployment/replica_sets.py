"""A Deployment's ReplicaSets: their sizes, their order, and which one is the new one.

Called by all Deployment rules. Ages go by creationTimestamp; within the same second the lower revision is the older one, so that quick
rollouts have an order, too.
Source of the rule: pkg/controller/deployment/util FindNewReplicaSet, FindActiveOrLatest; pkg/controller ReplicaSetsBy*.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from wherry.api import objects
from wherry.api.objects import Obj
from wherry.rules.workloads.deployment.annotations import revision
from wherry.rules.workloads.template_hash import same_template


def size(replica_set: Obj) -> int:
    """`.spec.replicas`, 1 when not given."""
    replicas = replica_set["spec"].get("replicas")
    return 1 if replicas is None else int(replicas)


def observed(replica_set: Obj, field: str) -> int:
    """A count in the status, 0 when it is not there."""
    return (replica_set.get("status") or {}).get(field) or 0


def total(replica_sets: Iterable[Obj], field: str) -> int:
    return sum(observed(rs, field) for rs in replica_sets)


def total_size(replica_sets: Iterable[Obj]) -> int:
    return sum(map(size, replica_sets))


def active(replica_sets: Iterable[Obj]) -> list[Obj]:
    """Those that should have pods."""
    return [rs for rs in replica_sets if size(rs) > 0]


def _age(replica_set: Obj) -> tuple[str, int, str]:
    return replica_set["metadata"].get("creationTimestamp") or "", revision(replica_set) or 0, objects.name(replica_set)


def oldest_first(replica_sets: Iterable[Obj]) -> list[Obj]:
    return sorted(replica_sets, key=_age)


def largest_first(replica_sets: Iterable[Obj], *, newer_first: bool) -> list[Obj]:
    """By size; among equals the newer (or the older) first."""
    by_age = sorted(replica_sets, key=_age, reverse=newer_first)
    return sorted(by_age, key=size, reverse=True)


def by_revision(replica_sets: Iterable[Obj]) -> list[Obj]:
    """From the lowest revision to the highest; among equals, or where one has no number, the older first."""
    return sorted(replica_sets, key=lambda rs: (revision(rs) or 0, _age(rs)))


def find_new(deployment: Obj, replica_sets: Iterable[Obj]) -> Obj | None:
    """The ReplicaSet whose template is the Deployment's; the oldest if there are several."""
    template = deployment["spec"]["template"]
    return next((rs for rs in oldest_first(replica_sets) if same_template(rs["spec"]["template"], template)), None)


def active_or_latest(new: Obj | None, old: Sequence[Obj]) -> Obj | None:
    """The only active ReplicaSet; the newest when none is active; None when several are."""
    running = active([*old, new] if new is not None else old)
    if len(running) == 1:
        return running[0]
    if running or (new is None and not old):
        return None
    return new if new is not None else oldest_first(old)[-1]
