"""The ReplicaSet controller: gathers a ReplicaSet with its pods, asks the rules what to create or delete, applies it, writes the status.

Watches ReplicaSets and pods (own ones, and orphans that a selector might match). The informers read their owner's writes, so no
expectations are kept: what was created counts at once. Rules: `wherry.rules.replicaset`.
Source of the wiring: pkg/controller/replicaset/replica_set.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from wherry.api import objects
from wherry.api.errors import NotFound, StatusError
from wherry.api.objects import Obj
from wherry.api.resources import resource
from wherry.controllers.patience import patience, respecified
from wherry.controllers.standings import Standings
from wherry.reconcile import Applied, Controller, Parts
from wherry.rules import ownership
from wherry.rules.plan import Create, Delete, Plan
from wherry.rules.replicaset.plan import OwnPods, gather
from wherry.rules.replicaset.replicas import creation_events, deletion_events, plan_replicas, real_error
from wherry.rules.replicaset.standing import Standing
from wherry.rules.replicaset.status import plan_status

REPLICA_SETS = resource("replicasets", "apps")
PODS = resource("pods")


class ReplicaSetController(Controller):
    """Its keys are those of ReplicaSets."""

    name = "replicaset-controller"

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._sets, self._pods = self.informer(REPLICA_SETS), self.informer(PODS)
        self._pods.add_index("orphan", ownership.orphan_of)
        self._standings: Standings[Standing] = Standings(self._pods)
        self.watch(REPLICA_SETS, self._of_set, self._patience, respecified)
        self.watch(PODS, self._of_pod, self._patience)

    async def reconcile(self, key: str) -> float | None:
        replica_set = self._sets.get(key)
        if replica_set is None:
            return None
        own = self._gather(replica_set)
        if own is None:
            return None
        if own.claims:
            self._standings.forget(replica_set)
            await self.claim(own.claims)
            return None
        return await self._manage(replica_set, self._told(replica_set, own))

    # --- who is there ---
    def _gather(self, replica_set: Obj) -> OwnPods | None:
        """Of the pods: those that its standing was not told of yet."""
        self._standings.check(replica_set, lambda standing: standing.is_of(replica_set))
        return gather(replica_set, [*self._standings.news(replica_set), *self._pods.by_index("orphan", objects.namespace(replica_set))])

    def _told(self, replica_set: Obj, own: OwnPods) -> Standing:
        standing = self._standings.get(replica_set, lambda: Standing(replica_set))
        gone = self._standings.gone(replica_set, (*own.active, *own.terminating))
        standing.take(own.active, own.terminating, gone, self.clock.now())
        self._standings.keep(replica_set, standing)
        return standing

    def _related(self, replica_set: Obj) -> Iterator[Standing]:
        """Of all ReplicaSets of the same owner: they say how crowded a node is. Only read when pods have to go."""
        ref = objects.controller_of(replica_set)
        for each in self._sets.by_index("owner", ref["uid"]) if ref is not None else [replica_set]:
            own = self._gather(each)
            if own is not None and not own.claims:
                yield self._told(each, own)

    # --- what to do about it ---
    async def _manage(self, replica_set: Obj, pods: Standing) -> float | None:
        now = self.clock.now()
        plan = plan_replicas(replica_set, pods, self._related(replica_set), iter(self.parts.suffix, ""), now)
        applied = await self.apply(plan)
        await self._tell(replica_set, plan, applied)
        error = real_error(applied.error)
        status = plan_status(replica_set, pods, error, now)
        written = await self.apply(status)
        _raise(error)
        _raise(written.error)
        return status.requeue_after

    async def _tell(self, replica_set: Obj, plan: Plan, applied: Applied) -> None:
        """Events of what was done (deletions that succeeded are part of the plan)."""
        first = plan.actions[0] if plan.actions else None
        if isinstance(first, Create):
            await self.apply(Plan(creation_events(replica_set, applied.results, applied.error)))
        elif isinstance(first, Delete) and applied.error is not None:
            await self.apply(Plan(deletion_events(replica_set, applied.error)))

    # --- whom a change concerns ---
    def _of_set(self, old: Obj | None, new: Obj | None) -> Iterable[str]:
        if old is not None and (new is None or objects.uid(new) != objects.uid(old)):
            self._standings.forget(old)
        return (objects.key(new or old or {}),)

    def _of_pod(self, old: Obj | None, new: Obj | None) -> Iterable[str]:
        self._standings.note(old, new)
        keys = ownership.owner_keys_of_change(old, new, "ReplicaSet")
        if new is not None and ownership.may_be_newly_orphaned(old, new):
            return {*keys, *ownership.possible_owners(new, self._sets.by_index("namespace", objects.namespace(new)))}
        return keys

    def _patience(self, key: str) -> float:
        replica_set = self._sets.get(key)
        return patience(self._pods.count("owner", objects.uid(replica_set))) if replica_set is not None else 0.0


def _raise(error: StatusError | None) -> None:
    """An object that is gone needs nothing more; all else is tried again."""
    if error is not None and not isinstance(error, NotFound):
        raise error
