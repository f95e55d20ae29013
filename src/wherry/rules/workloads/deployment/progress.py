"""Is a rollout getting on? The Progressing condition, its deadline, and when to look again.

Called by `plan` at the end of every round of a rollout, and for pausing and resuming (which stop and restart the deadline's time).
A rollout that shows no progress for progressDeadlineSeconds gets ProgressDeadlineExceeded; any progress starts the time anew.
Source of the rule: pkg/controller/deployment/progress.go, checkPausedConditions; deployment/util DeploymentComplete, DeploymentTimedOut.
"""

from __future__ import annotations

from typing import Any

from wherry.api import objects, timestamps
from wherry.api.objects import Obj
from wherry.rules.objects import conditions
from wherry.rules.objects.plan import Action, Plan, Update
from wherry.rules.workloads.deployment import status as statuses
from wherry.rules.workloads.deployment.rollout import Rollout

PROGRESSING = "Progressing"
AVAILABLE = "NewReplicaSetAvailable"
TIMED_OUT = "ProgressDeadlineExceeded"
PAUSED = "DeploymentPaused"


def is_complete(rollout: Rollout, status: dict[str, Any]) -> bool:
    """All replicas are updated and available, and no old ones are left."""
    counts = (status.get(k) or 0 for k in ("updatedReplicas", "replicas", "availableReplicas"))
    generation = rollout.deployment["metadata"].get("generation", 0)
    return all(n == rollout.desired for n in counts) and (status.get("observedGeneration") or 0) >= generation


def _made_progress(rollout: Rollout, status: dict[str, Any]) -> bool:
    """More updated, ready or available pods than before, or fewer old ones."""
    old = {k: rollout.status.get(k) or 0 for k in ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")}
    fewer_old = status["replicas"] - status["updatedReplicas"] < old["replicas"] - old["updatedReplicas"]
    return fewer_old or any(status[k] > old[k] for k in ("updatedReplicas", "readyReplicas", "availableReplicas"))


def _time_left(rollout: Rollout, condition: Obj) -> float:
    """Seconds until the deadline, negative when it is over."""
    return timestamps.parse(condition["lastUpdateTime"]) + (rollout.deadline or 0) - rollout.now


def _timed_out(rollout: Rollout, current: Obj | None) -> bool:
    if current is None or current.get("reason") == AVAILABLE:
        return False
    return current.get("reason") == TIMED_OUT or _time_left(rollout, current) < 0


def _subject(rollout: Rollout) -> str:
    what = rollout.new if rollout.new is not None else rollout.deployment
    return f'{"ReplicaSet" if rollout.new is not None else "Deployment"} "{objects.name(what)}"'


def _progressing(rollout: Rollout, status: dict[str, Any], current: Obj | None) -> list[Obj]:
    """The conditions of `status` with the one that says how the rollout gets on."""
    kept: list[Obj] = status["conditions"]
    if is_complete(rollout, status):
        message = f"{_subject(rollout)} has successfully progressed."
        return conditions.updated(kept, rollout.condition(PROGRESSING, "True", AVAILABLE, message))
    if _made_progress(rollout, status):
        new = rollout.condition(PROGRESSING, "True", "ReplicaSetUpdated", f"{_subject(rollout)} is progressing.")
        if current is not None and current.get("status") == "True":
            new["lastTransitionTime"] = current.get("lastTransitionTime", rollout.time)
        return [*conditions.without(kept, PROGRESSING), new]  # also with the same reason: the time of the update is what counts
    if _timed_out(rollout, current):
        message = f"{_subject(rollout)} has timed out progressing."
        return conditions.updated(kept, rollout.condition(PROGRESSING, "False", TIMED_OUT, message))
    return kept


def _failure(rollout: Rollout) -> Obj | None:
    """The ReplicaFailure of the new ReplicaSet, else of an old one, as the Deployment's own condition."""
    for replica_set in ([rollout.new] if rollout.new is not None else []) + list(rollout.old):
        if (found := objects.condition(replica_set, "ReplicaFailure")) is not None:
            moved = found.get("lastTransitionTime")
            times = {"lastUpdateTime": moved, "lastTransitionTime": moved} if moved else {}
            rest = {k: found[k] for k in ("reason", "message") if found.get(k)}
            return {"type": found["type"], "status": found["status"], **times, **rest}
    return None


def rollout_status(rollout: Rollout) -> Obj:
    """The whole status of a Deployment that is being rolled out, or has been."""
    status = statuses.new_status(rollout)
    current = conditions.find(rollout.status.get("conditions") or (), PROGRESSING)
    if rollout.deadline is None:
        status["conditions"] = conditions.without(status["conditions"], PROGRESSING)
    else:
        at_rest = current is not None and current.get("reason") == AVAILABLE and status["replicas"] == status["updatedReplicas"]
        if not at_rest:
            status["conditions"] = _progressing(rollout, status, current)
    failure = _failure(rollout)
    kept = status["conditions"]
    status["conditions"] = conditions.updated(kept, failure) if failure else conditions.without(kept, "ReplicaFailure")
    return status


def look_again(rollout: Rollout, status: dict[str, Any]) -> float | None:
    """Seconds until the deadline is to be checked; None when the rollout is over, or nothing measures it."""
    current = conditions.find(rollout.status.get("conditions") or (), PROGRESSING)
    if rollout.deadline is None or current is None or current.get("reason") == TIMED_OUT or is_complete(rollout, status):
        return None
    left = _time_left(rollout, current)
    return left + 1 if left >= 1 else max(left, 0) + 0.01


def finish(rollout: Rollout, actions: tuple[Action, ...]) -> Plan:
    """The end of a round: what was decided, then the status, or else the time to look again."""
    status = rollout_status(rollout)
    written = statuses.write(rollout, status)
    return Plan((*actions, *written), None if written else look_again(rollout, status))


def pause_or_resume(rollout: Rollout) -> Update | None:
    """Say in the Progressing condition that the Deployment was paused or resumed, unless its deadline is over anyway."""
    before: list[Obj] = rollout.status.get("conditions") or []
    current = conditions.find(before, PROGRESSING) or {}
    if rollout.deadline is None or current.get("reason") == TIMED_OUT or rollout.is_paused == (current.get("reason") == PAUSED):
        return None
    reason, message = (PAUSED, "Deployment is paused") if rollout.is_paused else ("DeploymentResumed", "Deployment is resumed")
    after = conditions.updated(before, rollout.condition(PROGRESSING, "Unknown", reason, message))
    return rollout.write_status({**rollout.status, "conditions": after})
