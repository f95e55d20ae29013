"""What the scheduler writes into the status of pods: why one was not scheduled, and that one is preempted.

Called by the shell with the text of a decision.

Source of the rule: pkg/scheduler/schedule_one.go handleSchedulingFailure, updatePod; UpdatePodCondition.
"""

from __future__ import annotations

from wherry.api.objects import Obj, condition

UNSCHEDULABLE = "Unschedulable"


def failure_patch(pod: Obj, message: str, now: str, nominated: str | None = None) -> Obj | None:
    """A strategic merge patch of the pod's status; None when it says all that already. `nominated` None leaves the nomination."""
    status: Obj = {}
    old = condition(pod, "PodScheduled")
    changed = old is None or (old.get("status"), old.get("reason"), old.get("message")) != ("False", UNSCHEDULABLE, message)
    if changed:
        since = old["lastTransitionTime"] if old and old.get("status") == "False" and old.get("lastTransitionTime") else now
        entry: Obj = {"type": "PodScheduled", "status": "False", "lastProbeTime": None, "lastTransitionTime": since,
                      "reason": UNSCHEDULABLE, "message": message}
        generation = pod["metadata"].get("generation")
        if generation:
            entry["observedGeneration"] = generation
        status["conditions"] = [entry]
    if nominated is not None and nominated != ((pod.get("status") or {}).get("nominatedNodeName") or ""):
        status["nominatedNodeName"] = nominated or None
    return {"status": status} if status else None


def preempted(scheduler: str, now: str) -> Obj:
    """The condition of a pod that has to go for a more important one."""
    message = f"{scheduler}: preempting to accommodate a higher priority pod"
    return {"type": "DisruptionTarget", "status": "True", "lastProbeTime": None, "lastTransitionTime": now,
            "reason": "PreemptionByScheduler", "message": message}
