"""The ReplicaSet controller. Rules: `wherry.rules.workloads.replicaset`. Source of the wiring: pkg/controller/replicaset/replica_set.go."""

from __future__ import annotations

from collections.abc import Iterable

from wherry.api import objects
from wherry.api.errors import StatusError
from wherry.api.objects import Obj
from wherry.api.resources import resource
from wherry.controllers.replicas import ReplicasController
from wherry.rules.objects.plan import Plan
from wherry.rules.workloads.replicaset.known_pods import Standing
from wherry.rules.workloads.replicaset.status import plan_status


class ReplicaSetController(ReplicasController):
    """Its keys are those of ReplicaSets."""

    name = "replicaset-controller"
    owners = resource("replicasets", "apps")

    def shaped(self, owner: Obj) -> Obj | None:
        return owner

    def plan_status(self, owner: Obj, pods: Standing, error: StatusError | None, now: float) -> Plan:
        return plan_status(owner, pods, error, now)

    def related(self, owner: Obj) -> Iterable[Obj]:
        """All ReplicaSets of the same owner."""
        ref = objects.controller_of(owner)
        return self._sets.by_index("owner", ref["uid"]) if ref is not None else (owner,)
