"""The first step of a StatefulSet's reconciliation: every ordinal that there should be, in order.

Called by `plan`. A missing pod is created (its claims first), a finished one deleted, one whose identity or claims are wrong repaired.
Ordered management stops at the first member that is not available; parallel management stops at nothing but errors.
Source of the rule: pkg/controller/statefulset processReplica.
"""

from __future__ import annotations

from typing import NamedTuple

from wherry.api import objects
from wherry.api.objects import Obj
from wherry.rules.objects.plan import Action, Create, Delete, Emit, Update
from wherry.rules.workloads.statefulset import identity, retention, storage, strategy
from wherry.rules.workloads.statefulset.known_pods import Member
from wherry.rules.workloads.statefulset.pod import new_pod, repaired, wanted_revision
from wherry.rules.workloads.statefulset.view import View


class Step(NamedTuple):
    """What to do for one member; `stop`: ordered management waits here; `obstacle`: why nothing can be done, to be tried again."""

    actions: tuple[Action, ...] = ()
    stop: bool = False
    obstacle: str = ""


_DONE = Step()
_WAIT = Step(stop=True)


def process(view: View, member: Member) -> Step:
    if member.pod is None:
        return _create(view, member)
    if member.phase in ("Failed", "Succeeded"):
        return _WAIT if member.terminating else Step((Delete(member.pod),), stop=True)
    if _is_stuck(view, member):
        return _replace(view, member, member.pod)
    pending = _pending(view, member.pod) if member.phase == "Pending" else _DONE
    if pending.obstacle:
        return pending
    if view.ordered and (member.unavailable or not member.ready):
        return Step(pending.actions, stop=True)
    return Step((*pending.actions, *_repair(view, member.pod, claims=not pending.actions)))


def _claims(view: View, pod: Obj) -> list[Action]:
    if not storage.templates(view.stateful_set):
        return []
    return [Create(claim) for claim in storage.missing(view.stateful_set, objects.name(pod), view.claim)]


def _create(view: View, member: Member) -> Step:
    stateful_set, pod = view.stateful_set, new_pod(view, member.ordinal)
    if retention.is_doomed(stateful_set, pod, view.claim):
        return _WAIT
    claims = _claims(view, pod)
    if obstacle := "; ".join(storage.leaving(stateful_set, objects.name(pod), view.claim)):
        text = f"Create Pod {objects.name(pod)} in StatefulSet {objects.name(stateful_set)} failed error: {obstacle}"
        return Step((*claims, Emit(stateful_set, "Warning", "FailedCreate", text)), True, obstacle)
    return Step((*claims, Create(pod), *retention.corrections(stateful_set, pod, view.claim)), stop=view.ordered)


def _pending(view: View, pod: Obj) -> Step:
    """A pod that waits may wait for a claim that somebody deleted."""
    if not storage.templates(view.stateful_set):
        return _DONE
    obstacle = "; ".join(storage.leaving(view.stateful_set, objects.name(pod), view.claim))
    actions = (*_claims(view, pod), *(() if obstacle else retention.corrections(view.stateful_set, pod, view.claim)))
    return Step(actions, bool(obstacle), obstacle)


def _is_stuck(view: View, member: Member) -> bool:
    """Asked for by annotation: the pod does not work, and it is not what it should be. Its revision never comes to work by waiting."""
    if member.terminating or member.ready or not strategy.forces_rollback(view.stateful_set):
        return False
    return member.revision != objects.name(wanted_revision(view, member.ordinal))


def _replace(view: View, member: Member, pod: Obj) -> Step:
    text = f"Pod {objects.name(pod)} is not ready and its revision {member.revision} is no longer wanted: replacing it"
    return Step((Emit(view.stateful_set, "Normal", "ForcedRollback", text), Delete(pod)), stop=True)


def _repair(view: View, pod: Obj, *, claims: bool) -> list[Action]:
    """What makes the pod a proper member again. `claims`: look at the owners of its claims as well."""
    stateful_set = view.stateful_set
    fits = storage.fits(stateful_set, pod)
    owners: list[Action] = []
    if claims and not retention.is_satisfied(stateful_set, pod, view.claim):
        owners = retention.corrections(stateful_set, pod, view.claim)
    if identity.is_labelled(pod) and fits and not owners:
        return []
    return [*([] if fits else _claims(view, pod)), *owners, Update(repaired(stateful_set, pod))]
