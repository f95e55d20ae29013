"""The DisruptionTarget condition of a pod: somebody is about to delete it, and why.

Called by eviction, taint eviction and pod garbage collection before they delete, and by the disruption controller, which takes it back
when the deletion does not come within two minutes. Source of the rule: KEP-3329, pkg/api/v1/pod UpdatePodCondition,
pkg/controller/disruption nonTerminatingPodHasStaleDisruptionCondition.
"""

from __future__ import annotations

from wherry.api import objects, timestamps
from wherry.api.objects import Obj
from wherry.rules.objects.plan import Patch
from wherry.rules.pods import states as pods

TYPE = "DisruptionTarget"
STALE_AFTER = 120.0
_BY_KUBELET = "TerminationByKubelet"


def condition(pod: Obj, status: str, reason: str, message: str, now: float, *, observed: bool = True) -> Obj:
    """The condition as it would be written; its time only moves with its status."""
    before = objects.condition(pod, TYPE)
    since = before.get("lastTransitionTime") if before is not None and before.get("status") == status else timestamps.time(now)
    made: Obj = {"type": TYPE, "status": status, "lastProbeTime": None, "lastTransitionTime": since}
    generation = pod["metadata"].get("generation")
    if observed and generation:
        made["observedGeneration"] = generation
    if reason:
        made["reason"] = reason
    if message:
        made["message"] = message
    return made


def with_condition(pod: Obj, new: Obj) -> list[Obj]:
    """The pod's conditions with `new` in its place."""
    given = (pod.get("status") or {}).get("conditions") or []
    if not any(c["type"] == TYPE for c in given):
        return [*given, new]
    return [new if c["type"] == TYPE else c for c in given]


def mark(pod: Obj, new: Obj, **status: object) -> Patch:
    """The write of the condition, with other fields of the status; only hits the pod that was looked at."""
    return Patch(pod, {"metadata": {"uid": objects.uid(pod)}, "status": {**status, "conditions": [new]}}, subresource="status")


def stale_in(pod: Obj, now: float) -> float | None:
    """Seconds until the condition counts as stale (0: it does now); None when there is nothing to take back."""
    found = objects.condition(pod, TYPE)
    if objects.is_deleting(pod) or found is None or found.get("status") != "True":
        return None
    if found.get("reason") == _BY_KUBELET or pods.is_terminal(pod):
        return None
    since = found.get("lastTransitionTime")
    return max(0.0, STALE_AFTER - (now - timestamps.parse(since))) if since else 0.0


def take_back(pod: Obj, now: float) -> Patch:
    """The condition is no longer true, and says nothing more."""
    return mark(pod, {**condition(pod, "False", "", "", now), "reason": None, "message": None})
