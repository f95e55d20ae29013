"""A Deployment held at a share of new pods by its own controller, with no moment in which that controller would do more.

Two facts make it hold. A Deployment takes old pods away only for new ones that are *available*, and it never has more pods than replicas
+ maxSurge. So new pods are kept from ever counting as available (minReadySeconds of 68 years; whether they are ready is looked at here),
and then maxSurge = s, maxUnavailable = u has one fixed point: u + s new pods and replicas - u old ones, all of them serving. The next
wave is the next pair of numbers. Waves are as large as the owner's own maxSurge and maxUnavailable, and with a surge the old pods go only
when the new ones are ready. A paused Deployment would not hold: it adds its surge to the largest ReplicaSet. It is paused only while a
new ReplicaSet that is too large already is scaled down; the rest then goes to the old one.
Source of the rules: pkg/controller/deployment/rolling.go (reconcileNewReplicaSet, reconcileOldReplicaSets), sync.go (getNewReplicaSet
keeps minReadySeconds of the new ReplicaSet in step, scale), validation (progressDeadlineSeconds must be above minReadySeconds).
"""

from __future__ import annotations

from typing import Any

from wherry.api.objects import Obj
from wherry.rules.workloads.deployment import strategy
from wherry.rules.workloads.deployment.replica_sets import size, total_size
from wherry.rules.workloads.steps.move import ARRIVED, WAIT, Fields, Move, NoSteps, differing
from wherry.rules.workloads.steps.state import NEVER
from wherry.rules.workloads.steps.view import View, available

NO_LIMIT = 2**31 - 1
_OWN = ("strategy", "minReadySeconds", "progressDeadlineSeconds")


def is_held(workload: Obj) -> bool:
    return bool(workload["spec"].get("minReadySeconds") == NEVER)


def own(workload: Obj) -> dict[str, Any]:
    """The owner's fields that steps take over. Raises NoSteps."""
    if not strategy.is_rolling(workload):
        raise NoSteps("its strategy is Recreate: old and new pods are never there together, so there are no steps between")
    return {name: workload["spec"].get(name) for name in _OWN}


def _pair(surge: int, unavailable: int) -> dict[str, Any]:
    return {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}},
            "minReadySeconds": NEVER, "progressDeadlineSeconds": NO_LIMIT}


def _resting(target: int, wanted: int) -> tuple[int, int]:
    """(surge, unavailable) that hold the share; one old pod stays also where the share would be all pods."""
    return (1, wanted - 1) if target >= wanted else (0, target)


def _wave(view: View, own_fields: Fields, there: int, target: int) -> tuple[int, int]:
    """(surge, unavailable) of the next wave, after `there` new pods are ready."""
    wanted = view.wanted
    surge, unavailable = strategy.fenceposts({"spec": {"replicas": wanted, "strategy": own_fields.get("strategy")}})
    upto = min(target, there + max(1, surge + unavailable))
    spare = min(surge, upto - there)
    gone = min(upto - spare, wanted - 1)
    return upto - gone, gone


def opening(view: View, own_fields: Fields, target: int) -> Fields:
    """How a release is held from its very first pod on: written together with its template."""
    return _pair(*_wave(view, own_fields, 0, target)) if view.wanted else _pair(1, 0)


def _given(workload: Obj) -> tuple[int, int]:
    return strategy.fenceposts(workload)


def _aim(view: View, own_fields: Fields, target: int, ready: int) -> tuple[int, int]:
    """The pair to have now."""
    there, (surge, unavailable) = size(view.newest) if view.newest is not None else 0, _given(view.workload)
    on_its_way = is_held(view.workload) and there <= surge + unavailable <= max(target, there)
    if ready < there:
        return (surge, unavailable) if on_its_way else _frozen(view, there)
    if there >= target:
        return _resting(there, view.wanted)
    return (surge, unavailable) if on_its_way and surge + unavailable > there else _wave(view, own_fields, there, target)


def _frozen(view: View, there: int) -> tuple[int, int]:
    """What holds the sizes as they are."""
    old = total_size(view.sources) - there
    surge, unavailable = max(0, old + there - view.wanted), max(0, view.wanted - old)
    return (surge, unavailable) if surge or unavailable else (0, 1)


def move(view: View, own_fields: Fields, target: int) -> Move:
    """The next write towards `target` new pods."""
    if not view.wanted:
        return ARRIVED
    ready, at = available(view.new_pods, own_fields.get("minReadySeconds") or 0, view.now)
    pair = _aim(view, own_fields, target, ready)
    if fields := differing(view.workload["spec"], _pair(*pair)):
        return Move(fields)
    new = view.newest
    if not view.is_observed or new is None or ready < size(new) or size(new) < target:
        return Move(at=at)
    old = total_size(view.sources) - size(new)
    return ARRIVED if pair == _resting(size(new), view.wanted) and old == view.wanted - pair[1] else WAIT


def surplus(view: View, target: int) -> int:
    """How many new pods there are beyond the share, while there are old ones to go back to."""
    there = size(view.newest) if view.newest is not None else 0
    return there - target if there > target and total_size(view.sources) > there else 0


def catch(view: View, own_fields: Fields, target: int) -> Move:
    """A new ReplicaSet that is too large already is scaled down; while it is paused, the Deployment gives the old one what that frees."""
    paused = {**_pair(*_resting(target, view.wanted)), "paused": True}
    if fields := differing(view.workload["spec"], paused):
        return Move(fields)
    if not view.is_observed:
        return WAIT
    if view.newest is not None and size(view.newest) > target:
        return Move(scale=(view.newest, target))
    return ARRIVED if total_size(view.sources) >= view.wanted else WAIT


def surging(view: View) -> Fields:
    """As many pods again as there are."""
    return _pair(view.wanted or 1, 0)


def preview(view: View) -> Move:
    """All new pods beside all old ones: the surge is everything."""
    if not view.wanted:
        return ARRIVED
    if fields := differing(view.workload["spec"], surging(view)):
        return Move(fields)
    return ARRIVED if view.is_observed and view.newest is not None and size(view.newest) >= view.wanted else WAIT


def is_complete(view: View) -> bool:
    """As its own controller sees it."""
    status = view.workload.get("status") or {}
    counts = (status.get(name, 0) for name in ("replicas", "updatedReplicas", "availableReplicas"))
    return view.is_observed and all(count == view.wanted for count in counts)
