"""The ReplicationController controller: a ReplicaSet's rules at work for the older kind.

Watches ReplicationControllers and pods (own ones, and orphans that a selector might match). Rules: `wherry.rules.replicationcontroller`,
`wherry.rules.replicaset`. Source of the wiring: pkg/controller/replication/replication_controller.go.
"""

from __future__ import annotations

from collections.abc import Iterable

from wherry.api import objects
from wherry.api.errors import NotFound, StatusError
from wherry.api.objects import Obj
from wherry.api.resources import resource
from wherry.controllers import revisions
from wherry.controllers.standings import Standings
from wherry.reconcile import Applied, Controller, Parts
from wherry.rules import ownership
from wherry.rules.plan import Create, Delete, Plan
from wherry.rules.replicaset.plan import OwnPods, gather
from wherry.rules.replicaset.replicas import creation_events, deletion_events, plan_replicas, real_error
from wherry.rules.replicaset.standing import Standing
from wherry.rules.replicationcontroller import as_replica_set, plan_status

REPLICATION_CONTROLLERS = resource("replicationcontrollers")
PODS = resource("pods")


class ReplicationControllerController(Controller):
    """Its keys are those of ReplicationControllers."""

    name = "replication-controller"

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._controllers, self._pods = self.informer(REPLICATION_CONTROLLERS), self.informer(PODS)
        self._pods.add_index("orphan", ownership.orphan_of)
        self._standings: Standings[Standing] = Standings(self._pods)
        self.watch(REPLICATION_CONTROLLERS, self._of_controller)
        self.watch(PODS, self._of_pod)

    async def reconcile(self, key: str) -> float | None:
        controller = self._controllers.get(key)
        own = self._gather(controller) if controller is not None else None
        if controller is None or own is None:
            return None
        if own.claims:
            self._standings.forget(controller)
            await self.claim(own.claims)
            return None
        return await self._manage(controller, own)

    def _gather(self, controller: Obj) -> OwnPods | None:
        """Of the pods: those that its standing was not told of yet."""
        if not controller["spec"].get("selector"):
            return None
        replica_set = as_replica_set(controller)
        self._standings.check(controller, lambda standing: standing.is_of(replica_set))
        return gather(replica_set, [*self._standings.news(controller), *self._pods.by_index("orphan", objects.namespace(controller))])

    async def _manage(self, controller: Obj, own: OwnPods) -> float | None:
        now, replica_set = self.clock.now(), as_replica_set(controller)
        pods = self._standings.get(controller, lambda: Standing(replica_set))
        pods.take(own.active, own.terminating, self._standings.gone(controller, (*own.active, *own.terminating)), now)
        self._standings.keep(controller, pods)
        plan = plan_replicas(replica_set, pods, (pods,), iter(self.parts.suffix, ""), now)
        applied = await self.apply(plan)
        await self._tell(controller, plan, applied)
        error = real_error(applied.error)
        status = plan_status(controller, pods, error, now)
        written = await self.apply(status)
        _raise(error)
        _raise(written.error)
        return status.requeue_after

    async def _tell(self, controller: Obj, plan: Plan, applied: Applied) -> None:
        """Events of what was done (deletions that succeeded are part of the plan)."""
        first = plan.actions[0] if plan.actions else None
        if isinstance(first, Create):
            await self.apply(Plan(creation_events(controller, applied.results, applied.error)))
        elif isinstance(first, Delete) and applied.error is not None:
            await self.apply(Plan(deletion_events(controller, applied.error)))

    def _of_controller(self, old: Obj | None, new: Obj | None) -> Iterable[str]:
        if old is not None and (new is None or objects.uid(new) != objects.uid(old)):
            self._standings.forget(old)
        return (objects.key(new or old or {}),)

    def _of_pod(self, old: Obj | None, new: Obj | None) -> Iterable[str]:
        self._standings.note(old, new)
        found = self._controllers.by_index("namespace", objects.namespace(new)) if new is not None else ()
        return revisions.keys_of(old, new, "ReplicationController", map(as_replica_set, (c for c in found if c["spec"].get("selector"))))


def _raise(error: StatusError | None) -> None:
    """An object that is gone needs nothing more; all else is tried again."""
    if error is not None and not isinstance(error, NotFound):
        raise error
