"""The status of a DaemonSet: how many nodes have what they should.

Called by the controller after it created and deleted, with the pods as they are then. A node counts by its oldest pod.
Source of the rule: pkg/controller/daemon updateDaemonSetStatus, storeDaemonSetStatus.
"""

from __future__ import annotations

from typing import Any

from wherry.api.objects import Obj
from wherry.rules.objects.plan import Plan, Update
from wherry.rules.pods.state_of_replica import is_ready
from wherry.rules.workloads.daemonset.pod import oldest_first
from wherry.rules.workloads.daemonset.view import View
from wherry.rules.workloads.replicaset.status import next_available

_ALWAYS = ("desiredNumberScheduled", "currentNumberScheduled", "numberMisscheduled", "numberReady")


def _counts(view: View) -> dict[str, int]:
    wanted = [(verdict.run, view.on.get(node)) for node, verdict in view.verdicts.items()]
    pods = [oldest_first(pods)[0] if len(pods) > 1 else pods[0] for run, pods in wanted if run and pods]
    ready = [pod for pod in pods if is_ready(pod)]
    desired, available = sum(run for run, _ in wanted), sum(map(view.is_available, ready)) if view.min_ready else len(ready)
    return {
        "desiredNumberScheduled": desired,
        "currentNumberScheduled": len(pods),
        "numberMisscheduled": sum(not run and bool(pods) for run, pods in wanted),
        "numberReady": len(ready),
        "updatedNumberScheduled": sum(map(view.is_updated, pods)),
        "numberAvailable": available,
        "numberUnavailable": desired - available,
    }


def _look_again(view: View) -> float | None:
    """When the next ready pod has been ready for long enough; with surge that may be one that does not count yet."""
    if not view.min_ready:
        return None
    return next_available((pod for pods in view.on.values() for pod in pods), view.min_ready, view.now)


def plan_status(view: View) -> Plan:
    """Write the status if it says something new; look again when a ready pod may become available."""
    daemon_set, counts = view.daemon_set, _counts(view)
    old: Obj = daemon_set.get("status") or {}
    again = _look_again(view)
    generation = daemon_set["metadata"].get("generation", 0)
    if all(old.get(k, 0) == v for k, v in counts.items()) and old.get("observedGeneration", 0) >= generation:
        return Plan((), again)
    kept = {k: v for k, v in old.items() if k not in counts}
    status: dict[str, Any] = {**kept, "observedGeneration": generation, **{k: v for k, v in counts.items() if v or k in _ALWAYS}}
    return Plan((Update({**daemon_set, "status": status}, "status"),), again)
