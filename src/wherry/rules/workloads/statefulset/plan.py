"""What a StatefulSet's reconciliation does now: the three steps in order, as stages of writes.

Called by the StatefulSet controller once pods and revisions are known. A stage that fails ends the reconciliation; the status is written
all the same. Claims come before the pods that use them; replacements for an update come last, and only when nothing else stood in the way.
Invariant: with ordered management at most one pod is created or deleted, and never one whose predecessors are not there.
Source of the rule: pkg/controller/statefulset updateStatefulSet.
"""

from __future__ import annotations

from typing import NamedTuple

from wherry.api import objects
from wherry.api.objects import Obj
from wherry.rules.objects.plan import Action, Create, Delete, Emit, Update
from wherry.rules.workloads.statefulset import condemned, replicas
from wherry.rules.workloads.statefulset.known_pods import Standing
from wherry.rules.workloads.statefulset.storage import Lookup
from wherry.rules.workloads.statefulset.update import replacements
from wherry.rules.workloads.statefulset.view import View

_RANK: dict[type, int] = {Emit: 0, Create: 1, Update: 2, Delete: 3}


class Decision(NamedTuple):
    """`claims`, `pods` and `updates` are carried out in this order; `obstacle`: why it must be tried again, "" when nothing is wrong."""

    view: View
    claims: tuple[Action, ...] = ()
    pods: tuple[Action, ...] = ()
    updates: tuple[Delete, ...] = ()
    obstacle: str = ""

    @property
    def stages(self) -> tuple[tuple[Action, ...], ...]:
        return tuple(stage for stage in (self.claims, self.pods, self.updates) if stage)


def decide(stateful_set: Obj, standing: Standing, current: Obj, update: Obj, claim: Lookup, now: float) -> Decision:
    """`standing`: of all pods that it owns, in whatever state; `current`, `update`: its revisions."""
    view = View(stateful_set, current, update, standing, claim, now)
    if objects.is_deleting(stateful_set):
        return Decision(view)
    actions, stopped, obstacle = _replicas(view)
    if obstacle or (stopped and view.ordered):
        return _staged(view, actions, [], obstacle)
    if standing.condemned():
        actions += condemned.claim_owners(view)
        actions += condemned.deletions(view)
        if view.ordered:
            return _staged(view, actions, [], "")
    return _staged(view, actions, replacements(view), "")


def _replicas(view: View) -> tuple[list[Action], bool, str]:
    actions: list[Action] = []
    stopped, obstacles = False, []
    for member in view.standing.open_replicas():
        step = replicas.process(view, member)
        actions += step.actions
        stopped = stopped or step.stop
        if step.obstacle:
            obstacles.append(step.obstacle)
        if step.stop and view.ordered:
            break
    return actions, stopped, "; ".join(obstacles)


def _is_claim(action: Action) -> bool:
    return isinstance(action, Create) and action.obj["kind"] == "PersistentVolumeClaim"


def _staged(view: View, actions: list[Action], updates: list[Delete], obstacle: str) -> Decision:
    claims = tuple(a for a in actions if _is_claim(a))
    others = sorted((a for a in actions if not _is_claim(a)), key=lambda a: _RANK[type(a)])
    return Decision(view, claims, tuple(others), tuple(updates), obstacle)
