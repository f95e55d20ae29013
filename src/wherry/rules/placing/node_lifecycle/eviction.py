"""When a pod has to leave a node that is tainted with NoExecute.

Called by the taint eviction controller for one pod. Invariant: the time a pod is given counts from when it was first told.
Source of the rule: pkg/controller/tainteviction processPodOnNode; https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from wherry.api import objects
from wherry.api.objects import Obj
from wherry.rules.objects.plan import Delete, Emit, Plan
from wherry.rules.pods import disruption_target as target
from wherry.rules.pods.tolerations import tolerates

MESSAGE = "Taint manager: deleting due to NoExecute taint"


class Sentence(NamedTuple):
    """The pod was told at `since` that it leaves at `due`."""

    since: float
    due: float


def given_seconds(pod: Obj, taints: Sequence[Obj]) -> float | None:
    """How long it may stay with these taints; 0: not at all, None: for ever."""
    used: list[Obj] = []
    for taint in taints:
        match = next((t for t in pod["spec"].get("tolerations") or () if tolerates(t, taint)), None)
        if match is None:
            return 0.0
        used.append(match)
    limits = [max(0, t["tolerationSeconds"]) for t in used if t.get("tolerationSeconds") is not None]
    return float(min(limits)) if limits else None


def judge(pod: Obj, taints: Sequence[Obj], before: Sentence | None, now: float) -> Sentence | None:
    """The pod's sentence from now on; None: it may stay. A longer time than it was given does not help."""
    seconds = given_seconds(pod, taints) if taints else None
    if seconds is None:
        return None
    if before is not None and seconds > 0:
        return before if before.since + seconds < now + seconds else Sentence(before.since, now + seconds)
    return Sentence(now, now + seconds)


def plan_deletion(pod: Obj, now: float) -> Plan:
    told = Emit(_reference(pod), "Normal", "TaintManagerEviction", f"Marking for deletion Pod {objects.key(pod)}")
    new = target.condition(pod, "True", "DeletionByTaintManager", MESSAGE, now)
    return Plan((told, target.mark(pod, new), Delete(pod)))


def plan_cancelled(pod: Obj) -> Plan:
    return Plan((Emit(_reference(pod), "Normal", "TaintManagerEviction", f"Cancelling deletion of Pod {objects.key(pod)}"),))


def _reference(pod: Obj) -> Obj:
    """The reference's events name no uid."""
    return {"apiVersion": "v1", "kind": "Pod", "name": objects.name(pod), "namespace": objects.namespace(pod)}
