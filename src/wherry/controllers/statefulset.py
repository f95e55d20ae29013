"""The StatefulSet controller: gathers a StatefulSet with its pods, claims and revisions, asks the rules what to do, applies it, writes the
status.

Watches StatefulSets, their pods (and orphans that a selector might match), their revisions, and the end of claims: a new pod may wait for
that. Rules: `wherry.rules.workloads.statefulset`. Source of the wiring: pkg/controller/statefulset/stateful_set.go.
"""

from __future__ import annotations

from collections.abc import Iterable

from wherry.api import objects
from wherry.api.errors import StatusError
from wherry.api.objects import Obj
from wherry.api.resources import resource
from wherry.controllers import revisions
from wherry.controllers.batching import patience, respecified
from wherry.controllers.pods_by_owner import Standings
from wherry.controllers.revisions import REVISIONS
from wherry.reconcile import Controller, Parts, raise_unless_gone
from wherry.rules.objects import ownership
from wherry.rules.objects.plan import Delete, Plan
from wherry.rules.pods import changes as pod_changes
from wherry.rules.workloads.statefulset import events, identity, status, storage
from wherry.rules.workloads.statefulset.gather import Own, gather
from wherry.rules.workloads.statefulset.history import plan_history, truncated
from wherry.rules.workloads.statefulset.known_pods import Standing
from wherry.rules.workloads.statefulset.plan import Decision, decide

STATEFUL_SETS = resource("statefulsets", "apps")
PODS = resource("pods")
CLAIMS = resource("persistentvolumeclaims")


class StatefulSetController(Controller):
    """Its keys are those of StatefulSets."""

    name = "statefulset-controller"

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._sets, self._pods, self._claims, self._revisions = map(self.informer, (STATEFUL_SETS, PODS, CLAIMS, REVISIONS))
        for informer in (self._pods, self._revisions):
            informer.add_index("orphan", ownership.orphan_of)
        self._standings: Standings[Standing] = Standings(self._pods)
        self.watch(STATEFUL_SETS, self._of_set, self._patience, respecified)
        self.watch(PODS, self._of_pod, self._patience)
        self.watch(REVISIONS, self._of_owned)
        self.watch(CLAIMS, self._of_claim)

    async def reconcile(self, key: str) -> float | None:
        stateful_set = self._sets.get(key)
        own = self._gather(stateful_set) if stateful_set is not None else None
        if stateful_set is None or own is None:
            return None
        if own.claims:
            self._standings.forget(stateful_set)
            await self.claim(own.claims)
            return None
        now = self.clock.now()
        standing = self._told(stateful_set, own, now)
        history = plan_history(stateful_set, own.revisions)
        if history.current is None or history.update is None:
            await revisions.write(self, stateful_set, history.plan)
            return None
        decision = decide(stateful_set, standing, history.current, history.update, self._claim_of(stateful_set), now)
        deleted, error = await self._carry_out(stateful_set, decision)
        said = status.new_status(decision.view, deleted)
        forgotten = truncated(stateful_set, own.revisions, (history.current, history.update), standing.revisions())
        written = await self.apply(Plan((*status.plan_status(stateful_set, said), *forgotten)))
        raise_unless_gone(error)
        raise_unless_gone(written.error)
        return status.look_again(decision.view, said)

    # --- who is there ---
    def _gather(self, stateful_set: Obj) -> Own | None:
        """Of the pods: those that its standing was not told of yet."""
        self._standings.check(stateful_set, lambda standing: standing.is_of(stateful_set))
        uid, namespace = objects.uid(stateful_set), objects.namespace(stateful_set)
        pods = [*self._standings.news(stateful_set), *self._pods.by_index("orphan", namespace)]
        return gather(stateful_set, pods, [*self._revisions.by_index("owner", uid), *self._revisions.by_index("orphan", namespace)])

    def _told(self, stateful_set: Obj, own: Own, now: float) -> Standing:
        standing, name = self._standings.get(stateful_set, lambda: Standing(stateful_set)), objects.name(stateful_set)
        gone = [identity.ordinal_of(name, pod) for pod in self._standings.gone(stateful_set, own.pods)]
        standing.take(stateful_set, own.pods, gone, self._claim_of(stateful_set), now)
        self._standings.keep(stateful_set, standing)
        return standing

    def _claim_of(self, stateful_set: Obj) -> storage.Lookup:
        namespace = objects.namespace(stateful_set)
        return lambda name: self._claims.get(f"{namespace}/{name}")

    async def _carry_out(self, stateful_set: Obj, decision: Decision) -> tuple[list[str], StatusError | None]:
        """(pods that were deleted to be updated, what went wrong)."""
        deleted: list[str] = []
        for stage in decision.stages:
            applied = await self.apply(Plan(stage))
            await self.apply(Plan(events.told(stateful_set, applied.done, applied.failed, applied.error)))
            if stage is decision.updates:
                deleted = [objects.name(action.target) for action in applied.done if isinstance(action, Delete)]
            if applied.error is not None:
                return deleted, applied.error
        return deleted, StatusError(decision.obstacle) if decision.obstacle else None

    # --- whom a change concerns ---
    def _of_set(self, old: Obj | None, new: Obj | None) -> Iterable[str]:
        self._standings.note_owner(old, new)
        return (objects.key(new or old or {}),)

    def _patience(self, key: str) -> float:
        """A look costs time for every pod that is on its way: when many are, they are looked at together."""
        stateful_set = self._sets.get(key)
        standing = self._standings.find(stateful_set) if stateful_set is not None else None
        return patience(len(standing.open_pods())) if standing is not None else 0.0

    def _of_pod(self, old: Obj | None, new: Obj | None) -> Iterable[str]:
        self._standings.note(old, new)
        return self._of_owned(old, new) if pod_changes.matters(old, new) else ()

    def _of_owned(self, old: Obj | None, new: Obj | None) -> Iterable[str]:
        owners = self._sets.by_index("namespace", objects.namespace(new)) if new is not None else ()
        return ownership.keys_of(old, new, "StatefulSet", owners)

    def _of_claim(self, old: Obj | None, new: Obj | None) -> Iterable[str]:
        """Its pod is to be seen again; and when the claim is gone at once, for the pod may be created now."""
        claim = new or old or {}
        found = []
        for each in self._sets.by_index("namespace", objects.namespace(claim)):
            if pod := storage.pod_of_claim(each, objects.name(claim)):
                self._standings.mark(each, pod)
                found.append(objects.key(each))
        return found if new is None else ()
