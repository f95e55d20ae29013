"""The status of a ReplicaSet: what its pods are at this moment.

Called by the ReplicaSet controller after it managed the pods, with what they were before, and with the error if managing failed
(which becomes the ReplicaFailure condition). Says also when the next pod becomes available without anything changing.
Source of the rule: pkg/controller/replicaset calculateStatus; pkg/controller FindMinNextPodAvailabilityCheck.
"""

from __future__ import annotations

from collections.abc import Iterable

from wherry.api import objects, timestamps
from wherry.api.errors import StatusError
from wherry.api.objects import Obj
from wherry.rules.objects import conditions
from wherry.rules.objects.plan import Plan, Update
from wherry.rules.pods import state_of_replica as pod_rules
from wherry.rules.workloads.replicaset.known_pods import Standing
from wherry.rules.workloads.replicaset.replicas import wanted

REPLICA_FAILURE = "ReplicaFailure"


def _conditions(replica_set: Obj, count: int, error: StatusError | None, now: float) -> list[Obj]:
    current: list[Obj] = (replica_set.get("status") or {}).get("conditions") or []
    if error is None:
        return conditions.without(current, REPLICA_FAILURE)
    if conditions.find(current, REPLICA_FAILURE) is not None:
        return current
    surplus = count - wanted(replica_set)
    prefix = "unable to delete pods: " if surplus > 0 else ""
    failure = {"type": REPLICA_FAILURE, "status": "True", "lastTransitionTime": timestamps.time(now)}
    if surplus:
        failure["reason"] = "FailedCreate" if surplus < 0 else "FailedDelete"
    return [*current, {**failure, "message": prefix + error.message}]


def new_status(replica_set: Obj, pods: Standing, error: StatusError | None, now: float) -> Obj:
    counts = {"fullyLabeledReplicas": pods.labelled, "readyReplicas": pods.ready, "availableReplicas": pods.available}
    status: Obj = {"replicas": len(pods), **{k: v for k, v in counts.items() if v}, "terminatingReplicas": pods.terminating}
    if generation := replica_set["metadata"].get("generation"):
        status["observedGeneration"] = generation
    if kept := _conditions(replica_set, len(pods), error, now):
        status["conditions"] = kept
    return status


def next_available(pods: Iterable[Obj], min_ready_seconds: int, now: float) -> float | None:
    """Seconds until the next ready pod has been ready for long enough, None when there is none to wait for."""
    moments = []
    for pod in pods:
        since = pod_rules.is_ready(pod) and (objects.condition(pod, "Ready") or {}).get("lastTransitionTime")
        if since and (left := timestamps.parse(since) + min_ready_seconds - now) > 0:
            moments.append(left)
    return min(moments, default=None)


def _look_again(pods: Standing, now: float) -> float | None:
    if pods.ready == pods.available:
        return None
    moment = pods.next_available
    return float(pods.min_ready) if moment is None else moment - now


def plan_status(replica_set: Obj, pods: Standing, error: StatusError | None, now: float) -> Plan:
    """Write the status if it changed; look again when the next pod becomes available."""
    status = new_status(replica_set, pods, error, now)
    again = None if error is not None else _look_again(pods, now)
    if _says(replica_set.get("status") or {}) == _says(status):
        return Plan((), again)
    return Plan((Update({**replica_set, "status": status}, "status"),), again)


def _says(status: Obj) -> Obj:
    """A status without the zeros that say nothing."""
    return {k: v for k, v in status.items() if v or k == "terminatingReplicas"}
