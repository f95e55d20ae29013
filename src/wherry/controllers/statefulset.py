"""The StatefulSet controller: gathers a StatefulSet with its pods, claims and revisions, asks the rules what to do, applies it, writes the
status.

Watches StatefulSets, their pods (and orphans that a selector might match), their revisions, and the end of claims: a new pod may wait for
that. Rules: `wherry.rules.statefulset`. Source of the wiring: pkg/controller/statefulset/stateful_set.go.
"""

from __future__ import annotations

from collections.abc import Iterable

from wherry.api import objects
from wherry.api.errors import NotFound, StatusError
from wherry.api.objects import Obj
from wherry.api.resources import resource
from wherry.controllers import revisions
from wherry.controllers.patience import patience, respecified
from wherry.controllers.revisions import REVISIONS
from wherry.reconcile import Controller, Parts
from wherry.rules import ownership, pod_changes
from wherry.rules.plan import Delete, Plan
from wherry.rules.statefulset import events, status, storage
from wherry.rules.statefulset.gather import Own, gather
from wherry.rules.statefulset.history import plan_history, truncated
from wherry.rules.statefulset.plan import Decision, decide
from wherry.rules.statefulset.view import Member

STATEFUL_SETS = resource("statefulsets", "apps")
PODS = resource("pods")
CLAIMS = resource("persistentvolumeclaims")
#: about what a look costs
SECONDS_PER_POD = 0.000005


class StatefulSetController(Controller):
    """Its keys are those of StatefulSets."""

    name = "statefulset-controller"

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        #: by the uid of the set: its members that work, as they were last seen
        self._known: dict[str, dict[str, Member]] = {}
        self._sets, self._pods, self._claims, self._revisions = map(self.informer, (STATEFUL_SETS, PODS, CLAIMS, REVISIONS))
        for informer in (self._pods, self._revisions):
            informer.add_index("orphan", ownership.orphan_of)
        self.watch(STATEFUL_SETS, self._of_set, delay=self._patience, at_once=respecified)
        self.watch(PODS, self._of_pod, self._patience)
        self.watch(REVISIONS, self._of_owned)
        self.watch(CLAIMS, self._of_claim)

    async def reconcile(self, key: str) -> float | None:
        stateful_set = self._sets.get(key)
        own = self._gather(stateful_set) if stateful_set is not None else None
        if stateful_set is None or own is None:
            return None
        if own.claims:
            await self.claim(own.claims)
            return None
        history = plan_history(stateful_set, own.revisions)
        if history.current is None or history.update is None:
            await revisions.write(self, stateful_set, history.plan)
            return None
        decision = decide(stateful_set, own.pods, history.current, history.update, self._claim_of(stateful_set), self.clock.now(),
                          self._known.get(objects.uid(stateful_set), {}))
        self._known[objects.uid(stateful_set)] = decision.view.settled()
        deleted, error = await self._carry_out(stateful_set, decision)
        said = status.new_status(decision.view, deleted)
        forgotten = truncated(stateful_set, own.revisions, (history.current, history.update), own.pods)
        written = await self.apply(Plan((*status.plan_status(stateful_set, said), *forgotten)))
        _raise(error)
        _raise(written.error)
        return status.look_again(decision.view, said)

    def _gather(self, stateful_set: Obj) -> Own | None:
        uid, namespace = objects.uid(stateful_set), objects.namespace(stateful_set)
        pods, history = (
            [*informer.by_index("owner", uid), *informer.by_index("orphan", namespace)] for informer in (self._pods, self._revisions)
        )
        return gather(stateful_set, pods, history, self._known.get(uid, {}))

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

    def _of_set(self, old: Obj | None, new: Obj | None) -> Iterable[str]:
        if new is None and old is not None:
            self._known.pop(objects.uid(old), None)
        return (objects.key(new or old or {}),)

    def _patience(self, key: str) -> float:
        top = self._sets.get(key)
        return patience(self._pods.count("owner", objects.uid(top)), SECONDS_PER_POD) if top is not None else 0.0

    def _of_pod(self, old: Obj | None, new: Obj | None) -> Iterable[str]:
        return self._of_owned(old, new) if pod_changes.matters(old, new) else ()

    def _of_owned(self, old: Obj | None, new: Obj | None) -> Iterable[str]:
        owners = self._sets.by_index("namespace", objects.namespace(new)) if new is not None else ()
        return revisions.keys_of(old, new, "StatefulSet", owners)

    def _of_claim(self, old: Obj | None, new: Obj | None) -> Iterable[str]:
        """A claim is gone: the pod that it was for may be created now."""
        if new is not None or old is None:
            return ()
        sets = self._sets.by_index("namespace", objects.namespace(old))
        return [objects.key(each) for each in sets if storage.pod_of_claim(each, objects.name(old))]


def _raise(error: StatusError | None) -> None:
    """An object that is gone needs nothing more; all else is tried again."""
    if error is not None and not isinstance(error, NotFound):
        raise error
