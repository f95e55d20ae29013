"""The ReplicationController controller: a ReplicaSet's rules at work for the older kind.

Rules: `wherry.rules.workloads.replicaset.replicationcontroller`, `wherry.rules.workloads.replicaset`. Source of the wiring:
pkg/controller/replication/replication_controller.go.
"""

from __future__ import annotations

from wherry.api.errors import StatusError
from wherry.api.objects import Obj
from wherry.api.resources import resource
from wherry.controllers.replicas import ReplicasController
from wherry.rules.objects.plan import Plan
from wherry.rules.workloads.replicaset.known_pods import Standing
from wherry.rules.workloads.replicaset.replicationcontroller import as_replica_set, plan_status


class ReplicationControllerController(ReplicasController):
    """Its keys are those of ReplicationControllers."""

    name = "replication-controller"
    owners = resource("replicationcontrollers")

    def shaped(self, owner: Obj) -> Obj | None:
        return as_replica_set(owner) if owner["spec"].get("selector") else None

    def plan_status(self, owner: Obj, pods: Standing, error: StatusError | None, now: float) -> Plan:
        return plan_status(owner, pods, error, now)
