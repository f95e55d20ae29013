"""Which pods would have to go for a more important pod to fit: a dry run on imagined snapshots.

Called by `decide` when no node will do. Only pods of lower priority are victims; as many as possible are spared, first those that a
PodDisruptionBudget protects, then the most important. All filters are asked, so also a volume or a topology domain can be freed.
Source of the rule: pkg/scheduler/framework/preemption, plugins/defaultpreemption; https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from wherry.api import timestamps
from wherry.api.objects import condition, is_deleting
from wherry.rules.placing.scheduling.budgets import split_protected
from wherry.rules.placing.scheduling.demand import PodInfo
from wherry.rules.placing.scheduling.fitting import refusal_on
from wherry.rules.placing.scheduling.message import NO_VICTIMS, NOT_HELPFUL, fit_error
from wherry.rules.placing.scheduling.plugin import Profile, Rejection
from wherry.rules.placing.scheduling.snapshot import Snapshot


class Preemption(NamedTuple):
    """`message` says why nothing is preempted; else `victims` on `node` make room. `node` None: what was promised before stands."""

    message: str = ""
    node: str | None = ""
    victims: tuple[PodInfo, ...] = ()


class _Candidate(NamedTuple):
    node: str
    victims: tuple[PodInfo, ...]
    unprotected: int


def _importance(info: PodInfo) -> tuple[int, str]:
    """Sorts the more important first: higher priority, then longer running."""
    status = info.pod.get("status") or {}
    return (-info.demand.priority, status.get("startTime") or "~")


def _candidate(info: PodInfo, index: int, snapshot: Snapshot, profile: Profile) -> _Candidate | Rejection:
    node = snapshot.order[index]
    lower = sorted((p for p in node.pods.values() if p.demand.priority < info.demand.priority), key=_importance)
    if not lower:
        return Rejection("DefaultPreemption", (NO_VICTIMS,))

    def refusal(gone: Collection[PodInfo]) -> Rejection | None:
        return refusal_on(info, index, snapshot.imagine(index, gone), snapshot, profile)

    rejection = refusal(lower)
    if rejection is not None:
        return rejection
    gone, violations = {p.key: p for p in lower}, 0
    protected, others = split_protected(lower, snapshot.budgets())
    for pod in (*protected, *others):
        spared = [p for p in gone.values() if p is not pod]
        if refusal(spared) is None:
            del gone[pod.key]
        else:
            violations += any(pod is p for p in protected)
    return _Candidate(node.name, tuple(p for p in lower if p.key in gone), violations)


def _cost(found: _Candidate) -> tuple[int, int, int, int, float]:
    """The fewest broken budgets, the least important highest victim, the smallest sum of priorities, the fewest and youngest victims."""
    priorities = [victim.demand.priority for victim in found.victims]
    most = max(priorities, default=0)
    started = [_started(v) for v in found.victims if v.demand.priority == most]
    return (found.unprotected, most, sum(priority + 2**31 for priority in priorities), len(priorities), -min(started, default=0.0))


def _started(info: PodInfo) -> float:
    """A pod that has not begun counts as the youngest."""
    at = (info.pod.get("status") or {}).get("startTime")
    return timestamps.parse(at) if at else float("inf")


def _goes_by_preemption(info: PodInfo) -> bool:
    found = condition(info.pod, "DisruptionTarget")
    return is_deleting(info.pod) and found is not None and (found.get("status"), found.get("reason")) == ("True", "PreemptionByScheduler")


def _ineligible(info: PodInfo, snapshot: Snapshot, rejections: Sequence[Rejection | None]) -> str:
    if info.demand.spec.get("preemptionPolicy") == "Never":
        return "not eligible due to preemptionPolicy=Never."
    name = (info.pod.get("status") or {}).get("nominatedNodeName") or ""
    promised = next((i for i, node in enumerate(snapshot.order) if node.name == name), None) if name else None
    rejection = rejections[promised] if promised is not None else None
    if promised is None or rejection is None or not rejection.resolvable:
        return ""
    lower = (p for p in snapshot.order[promised].pods.values() if p.demand.priority < info.demand.priority)
    return "not eligible due to a terminating pod on the nominated node." if any(map(_goes_by_preemption, lower)) else ""


def _dry_run(
    info: PodInfo, snapshot: Snapshot, profile: Profile, rejections: Sequence[Rejection | None], pick: Callable[[int], int]
) -> tuple[list[_Candidate], list[str]]:
    """Nodes where preemption would do, with their victims; and the reasons of the others."""
    helped = [i for i, r in enumerate(rejections) if r is not None and r.resolvable]
    reasons = [NOT_HELPFUL] * (len(rejections) - len(helped))
    enough = max(len(helped) * profile.candidates_percent // 100, profile.candidates_least)
    begin = pick(len(helped)) if len(helped) > enough else 0
    candidates: list[_Candidate] = []
    for index in (*helped[begin:], *helped[:begin]):
        found = _candidate(info, index, snapshot, profile)
        if isinstance(found, Rejection):
            reasons.extend(found.reasons)
        else:
            candidates.append(found)
            if len(candidates) >= enough:
                break
    return candidates, reasons


def preempt(
    info: PodInfo, snapshot: Snapshot, profile: Profile, rejections: Sequence[Rejection | None], pick: Callable[[int], int]
) -> Preemption:
    """`rejections` follow `snapshot.order`; None stands for a node that was not looked at. `pick` says where to begin among very many."""
    why_not = _ineligible(info, snapshot, rejections)
    if why_not:
        return Preemption(f"preemption: {why_not}", None)
    candidates, reasons = _dry_run(info, snapshot, profile, rejections, pick)
    if not candidates:
        return Preemption(f"preemption: {fit_error(len(snapshot.order), reasons)}")
    best = min(candidates, key=_cost)
    return Preemption(node=best.node, victims=best.victims)
