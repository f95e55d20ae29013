"""Pods that nobody will end: on nodes that are gone or out of service, going without a node, or ended and too many.

Called by the pod garbage collector every 20 seconds. What is collected is marked as failed, so that its controller sees an end, and deleted
without grace. Source of the rule: pkg/controller/podgc; https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-garbage-collection.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

from wherry.api import objects
from wherry.api.objects import Obj
from wherry.rules.objects.plan import Action, Delete, Patch, Plan
from wherry.rules.placing.node_lifecycle import taints
from wherry.rules.placing.node_lifecycle.health import ready_status
from wherry.rules.pods import disruption_target as target
from wherry.rules.pods import states as pod_rules

EVERY, QUARANTINE, TERMINATED_LIMIT = 20.0, 40.0, 12500


def ended(pods: Iterable[Obj], limit: int = TERMINATED_LIMIT) -> list[Obj]:
    """Those above the limit: evicted ones first, then the oldest."""
    found = [p for p in pods if pod_rules.is_terminal(p)]
    over = len(found) - limit
    return sorted(found, key=_age)[:over] if over > 0 and limit > 0 else []


def _age(pod: Obj) -> tuple[bool, str, str]:
    status, meta = pod.get("status") or {}, pod["metadata"]
    evicted = status.get("phase") == "Failed" and status.get("reason") == "Evicted"
    return not evicted, meta.get("creationTimestamp", ""), meta["name"]


def going(pods: Iterable[Obj], node: Callable[[str], Obj | None]) -> list[Obj]:
    """Being deleted, and on no node, or on one that is not ready and out of service."""
    return [p for p in pods if objects.is_deleting(p) and _is_left(p, node)]


def _is_left(pod: Obj, node: Callable[[str], Obj | None]) -> bool:
    name = pod["spec"].get("nodeName")
    if not name:
        return True
    there = node(name)
    return there is not None and ready_status(there) != "True" and any(t["key"] == taints.OUT_OF_SERVICE for t in taints.of(there))


def orphans(pods: Iterable[Obj], gone: Collection[str]) -> list[Obj]:
    return [p for p in pods if p["spec"].get("nodeName") in gone] if gone else []


def plan(pod: Obj, now: float, *, orphan: bool = False) -> Plan:
    """Marks one pod as failed and deletes it."""
    actions: Sequence[Action] = ()
    if not pod_rules.is_terminal(pod):
        status: Obj = {"phase": "Failed", "observedGeneration": pod["metadata"].get("generation")}
        if orphan:
            reason = target.condition(pod, "True", "DeletionByPodGC", "PodGC: node no longer exists", now)
            actions = (target.mark(pod, reason, **status),)
        else:
            actions = (Patch(pod, {"metadata": {"uid": objects.uid(pod)}, "status": status}, subresource="status"),)
    return Plan((*actions, Delete(pod, grace_period_seconds=0)))
