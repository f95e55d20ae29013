"""As many pods as a ReplicaSet wants: create the missing ones, delete the superfluous ones.

Called by the ReplicaSet controller with what its pods are. Creations stand together, so that the executor can start them
slowly (1, 2, 4, ... at a time); `creation_events` then tells of those that were made. Deletions stand together
as well. At most BURST pods change in one go; the rest follows when those are seen.
Source of the rule: pkg/controller/replicaset manageReplicas; pkg/controller RealPodControl (events).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from wherry.api import objects
from wherry.api.errors import NotFound, StatusError
from wherry.api.objects import Obj
from wherry.rules.objects.plan import NOTHING, Create, Delete, Emit, Plan
from wherry.rules.workloads.replicaset.deletion_order import to_delete
from wherry.rules.workloads.replicaset.known_pods import Standing
from wherry.rules.workloads.replicaset.template import pod_from_template

BURST = 500


def wanted(replica_set: Obj) -> int:
    """`.spec.replicas`, 1 when not given."""
    replicas = replica_set["spec"].get("replicas")
    return 1 if replicas is None else int(replicas)


def _create(replica_set: Obj, count: int, pods: Standing, names: Iterator[str]) -> Plan:
    template, taken = replica_set["spec"]["template"], set[str]()
    actions: list[Create] = []
    while len(actions) < count:
        pod = pod_from_template(template, replica_set, next(names))
        name = objects.name(pod)
        if name not in pods and name not in taken:
            taken.add(name)
            actions.append(Create(pod))
    return Plan(tuple(actions))


def _delete(replica_set: Obj, doomed: Iterable[Obj]) -> Plan:
    pods = list(doomed)
    told = (Emit(replica_set, "Normal", "SuccessfulDelete", f"Deleted pod: {objects.name(pod)}") for pod in pods)
    return Plan((*map(Delete, pods), *told))


def plan_replicas(replica_set: Obj, pods: Standing, related: Iterable[Standing], names: Iterator[str], now: float) -> Plan:
    """`pods`: its own. `related`: those of all ReplicaSets of the same owner. `names` gives 5 random characters at a time."""
    if objects.is_deleting(replica_set):
        return NOTHING
    missing = wanted(replica_set) - len(pods)
    if missing > 0:
        return _create(replica_set, min(missing, BURST), pods, names)
    if missing < 0:
        return _delete(replica_set, to_delete(pods, related, min(-missing, BURST), now))
    return NOTHING


def is_namespace_terminating(error: StatusError) -> bool:
    """The namespace is being deleted: every creation fails, and nobody needs to hear of it."""
    return any(c.get("reason") == "NamespaceTerminating" for c in (error.details or {}).get("causes") or ())


def real_error(error: StatusError | None) -> StatusError | None:
    """The error that counts for status and back-off: not those that say that nothing is left to do."""
    return None if error is None or isinstance(error, NotFound) or is_namespace_terminating(error) else error


def creation_events(owner: Obj, created: Iterable[Obj], error: StatusError | None) -> tuple[Emit, ...]:
    """What to tell after creations: one event for each pod that was made, and one for the error that ended it."""
    told = [Emit(owner, "Normal", "SuccessfulCreate", f"Created pod: {objects.name(pod)}") for pod in created]
    if error is not None and not is_namespace_terminating(error):
        told.append(Emit(owner, "Warning", "FailedCreate", f"Error creating: {error.message}"))
    return tuple(told)


def deletion_events(owner: Obj, error: StatusError) -> tuple[Emit, ...]:
    """What to tell when a deletion failed (those that succeeded told themselves)."""
    if isinstance(error, NotFound):
        return ()
    return (Emit(owner, "Warning", "FailedDelete", f"Error deleting: {error.message}"),)
