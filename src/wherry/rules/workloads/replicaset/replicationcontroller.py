"""A ReplicationController works like a ReplicaSet: the same rules, behind this one door.

Called by `wherry.controllers.replicationcontroller`. The differences: its selector is a plain map of labels, and its status does not count
terminating pods. Source of the rule: pkg/controller/replication (an adapter there, too).
"""

from __future__ import annotations

from wherry.api.errors import StatusError
from wherry.api.objects import Obj
from wherry.rules.objects.plan import Action, Plan, Update
from wherry.rules.workloads.replicaset import status
from wherry.rules.workloads.replicaset.known_pods import Standing


def as_replica_set(controller: Obj) -> Obj:
    """The ReplicationController in the shape that the ReplicaSet rules read. Kind and name stay: owner references and events name it."""
    selector = {"matchLabels": controller["spec"].get("selector") or {}}
    return {**controller, "spec": {**controller["spec"], "selector": selector}}


def plan_status(controller: Obj, pods: Standing, error: StatusError | None, now: float) -> Plan:
    """As for a ReplicaSet."""
    shaped = {**controller, "status": {**(controller.get("status") or {}), "terminatingReplicas": pods.terminating}}
    plan = status.plan_status(shaped, pods, error, now)
    return Plan(tuple(_own(controller, action) for action in plan.actions), plan.requeue_after)


def _own(controller: Obj, action: Action) -> Action:
    if not isinstance(action, Update):
        return action
    said = {k: v for k, v in action.obj["status"].items() if k != "terminatingReplicas"}
    return Update({**controller, "status": said}, "status")
