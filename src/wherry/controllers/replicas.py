"""What the controllers of ReplicaSets and ReplicationControllers share: all but the shape of their objects.

Gathers an owner with its pods, asks the rules what to create or delete, applies it, writes the status. Watches owners and pods (own ones,
and orphans that a selector might match). The informers read their owner's writes, so no expectations are kept: what was created counts at
once. Rules: `wherry.rules.workloads.replicaset`. Source of the wiring: pkg/controller/replicaset/replica_set.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from wherry.api import objects
from wherry.api.errors import StatusError
from wherry.api.objects import Obj
from wherry.api.resources import Resource, resource
from wherry.controllers.batching import patience, respecified
from wherry.controllers.pods_by_owner import Standings
from wherry.reconcile import Applied, Controller, Parts, raise_unless_gone
from wherry.rules.objects import ownership
from wherry.rules.objects.plan import Create, Delete, Plan
from wherry.rules.workloads.replicaset.known_pods import Standing
from wherry.rules.workloads.replicaset.plan import OwnPods, gather
from wherry.rules.workloads.replicaset.replicas import creation_events, deletion_events, plan_replicas, real_error

PODS = resource("pods")


class ReplicasController(Controller):
    """Its keys are those of the owners of pods, `owners`. Subclass it: say what they are, and what becomes of their status."""

    owners: Resource

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._sets, self._pods = self.informer(self.owners), self.informer(PODS)
        self._pods.add_index("orphan", ownership.orphan_of)
        self._standings: Standings[Standing] = Standings(self._pods)
        self.watch(self.owners, self._of_set, self._patience, respecified)
        self.watch(PODS, self._of_pod, self._patience)

    def shaped(self, owner: Obj) -> Obj | None:
        """The owner as the rules read it, a ReplicaSet; None when it has no selector."""
        raise NotImplementedError

    def plan_status(self, owner: Obj, pods: Standing, error: StatusError | None, now: float) -> Plan:
        """What to write of what its pods are."""
        raise NotImplementedError

    def related(self, owner: Obj) -> Iterable[Obj]:
        """The owners whose pods say how crowded a node is."""
        return (owner,)

    async def reconcile(self, key: str) -> float | None:
        owner = self._sets.get(key)
        replica_set = self.shaped(owner) if owner is not None else None
        own = self._gather(replica_set) if replica_set is not None else None
        if owner is None or replica_set is None or own is None:
            return None
        if own.claims:
            self._standings.forget(owner)
            await self.claim(own.claims)
            return None
        return await self._manage(owner, replica_set, self._told(replica_set, own))

    # --- who is there ---
    def _gather(self, replica_set: Obj) -> OwnPods | None:
        """Of the pods: those that its standing was not told of yet."""
        self._standings.check(replica_set, lambda standing: standing.is_of(replica_set))
        orphans = self._pods.by_index("orphan", objects.namespace(replica_set))
        return gather(replica_set, [*self._standings.news(replica_set), *orphans])

    def _told(self, replica_set: Obj, own: OwnPods) -> Standing:
        standing = self._standings.get(replica_set, lambda: Standing(replica_set))
        gone = self._standings.gone(replica_set, (*own.active, *own.terminating))
        standing.take(own.active, own.terminating, gone, self.clock.now())
        self._standings.keep(replica_set, standing)
        return standing

    def _neighbours(self, owner: Obj) -> Iterator[Standing]:
        """Only read when pods have to go."""
        for each in self._shaped(self.related(owner)):
            own = self._gather(each)
            if own is not None and not own.claims:
                yield self._told(each, own)

    # --- what to do about it ---
    async def _manage(self, owner: Obj, replica_set: Obj, pods: Standing) -> float | None:
        now = self.clock.now()
        plan = plan_replicas(replica_set, pods, self._neighbours(owner), iter(self.parts.suffix, ""), now)
        applied = await self.apply(plan)
        await self._tell(owner, plan, applied)
        error = real_error(applied.error)
        status = self.plan_status(owner, pods, error, now)
        written = await self.apply(status)
        raise_unless_gone(error)
        raise_unless_gone(written.error)
        return status.requeue_after

    async def _tell(self, owner: Obj, plan: Plan, applied: Applied) -> None:
        """Events of what was done (deletions that succeeded are part of the plan)."""
        first = plan.actions[0] if plan.actions else None
        if isinstance(first, Create):
            await self.apply(Plan(creation_events(owner, applied.results, applied.error)))
        elif isinstance(first, Delete) and applied.error is not None:
            await self.apply(Plan(deletion_events(owner, applied.error)))

    # --- whom a change concerns ---
    def _of_set(self, old: Obj | None, new: Obj | None) -> Iterable[str]:
        self._standings.note_owner(old, new)
        return (objects.key(new or old or {}),)

    def _of_pod(self, old: Obj | None, new: Obj | None) -> Iterable[str]:
        self._standings.note(old, new)
        return ownership.keys_of(old, new, self.owners.kind, self._near(new))

    def _near(self, pod: Obj | None) -> Iterator[Obj]:
        """All owners in the pod's namespace; only read when it may be adopted."""
        if pod is not None:
            yield from self._shaped(self._sets.by_index("namespace", objects.namespace(pod)))

    def _shaped(self, owners: Iterable[Obj]) -> Iterator[Obj]:
        return (replica_set for owner in owners if (replica_set := self.shaped(owner)) is not None)

    def _patience(self, key: str) -> float:
        owner = self._sets.get(key)
        return patience(self._pods.count("owner", objects.uid(owner))) if owner is not None else 0.0
