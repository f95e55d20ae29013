"""The Deployment controller: gathers a Deployment with its ReplicaSets, asks the rules for the next step, applies it.

Watches Deployments, ReplicaSets (own ones, and orphans that a selector might match) and, for Recreate, the end of pods.
Rules: `wherry.rules.workloads.deployment`. Source of the wiring: pkg/controller/deployment/deployment_controller.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from wherry.api import objects
from wherry.api.errors import AlreadyExists, Conflict, NotFound, StatusError
from wherry.api.objects import Obj
from wherry.api.resources import resource
from wherry.reconcile import Applied, Controller, Parts
from wherry.rules.objects import ownership
from wherry.rules.objects.plan import Create, Plan
from wherry.rules.workloads.deployment import strategy
from wherry.rules.workloads.deployment.create import plan_create_failed
from wherry.rules.workloads.deployment.plan import plan_deployment
from wherry.rules.workloads.replicaset.replicas import is_namespace_terminating

DEPLOYMENTS = resource("deployments", "apps")
REPLICA_SETS = resource("replicasets", "apps")
PODS = resource("pods")


class DeploymentController(Controller):
    """Its keys are those of Deployments."""

    name = "deployment-controller"

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._deployments, self._sets, self._pods = map(self.informer, (DEPLOYMENTS, REPLICA_SETS, PODS))
        self._sets.add_index("orphan", ownership.orphan_of)
        self.watch(DEPLOYMENTS)
        self.watch(REPLICA_SETS, self._of_replica_set)
        self.watch(PODS, self._of_pod)

    async def reconcile(self, key: str) -> float | None:
        deployment = self._deployments.get(key)
        if deployment is None:
            return None
        candidates = [*self._sets.by_index("owner", objects.uid(deployment)), *self._sets.by_index("orphan", objects.namespace(deployment))]
        plan = plan_deployment(deployment, candidates, self._pods_of(deployment, candidates), self.clock.now())
        applied = await self.apply(plan)
        if applied.error is not None:
            await self._failed(deployment, plan, applied, applied.error)
        return plan.requeue_after

    def _of_replica_set(self, old: Obj | None, new: Obj | None) -> Iterable[str]:
        keys = {*ownership.owner_keys(old, "Deployment"), *ownership.owner_keys(new, "Deployment")}
        if new is not None and ownership.may_be_newly_orphaned(old, new):
            keys.update(ownership.possible_owners(new, self._deployments.by_index("namespace", objects.namespace(new))))
        return keys

    def _of_pod(self, old: Obj | None, new: Obj | None) -> Iterable[str]:
        """The end of a pod: a Recreate Deployment may be waiting for it."""
        if new is not None or old is None:
            return ()
        owners = [self._sets.get(key) for key in ownership.owner_keys(old, "ReplicaSet")]
        keys = [key for replica_set in owners for key in ownership.owner_keys(replica_set, "Deployment")]
        return [key for key in keys if (found := self._deployments.get(key)) is not None and not strategy.is_rolling(found)]

    def _pods_of(self, deployment: Obj, replica_sets: Iterable[Obj]) -> Mapping[str, Sequence[Obj]]:
        """Only Recreate looks at pods."""
        if strategy.is_rolling(deployment):
            return {}
        own = (objects.uid(rs) for rs in replica_sets if objects.is_controlled_by(rs, deployment))
        return {uid: self._pods.by_index("owner", uid) for uid in own}

    async def _failed(self, deployment: Obj, plan: Plan, applied: Applied, error: StatusError) -> None:
        """A failed creation is told in status and events; every failure is tried again, unless the namespace is going anyway."""
        first = plan.actions[0]
        if isinstance(first, Create) and not applied.results and not isinstance(error, Conflict):
            existing = await self._existing(first.obj) if isinstance(error, AlreadyExists) else None
            await self.apply(plan_create_failed(deployment, first.obj, error, existing, self.clock.now()))
        if not is_namespace_terminating(error):
            raise error

    async def _existing(self, replica_set: Obj) -> Obj | None:
        try:
            return await self.parts.client.get(REPLICA_SETS, objects.namespace(replica_set), objects.name(replica_set))
        except NotFound:
            return None
