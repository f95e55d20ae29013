"""Which pods would have to go for a more important pod to fit: a dry run on copies of nodes.

Called by `decide` when no node will do. Only pods of lower priority are victims; as many as possible are spared, the most important first.
PodDisruptionBudgets and nominations of other pods are not weighed. Cluster-wide filters are not dry-run: a pod they apply to preempts
nothing.
Source of the rule: pkg/scheduler/framework/preemption, plugins/defaultpreemption; https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from wherry.api.objects import is_deleting
from wherry.rules.scheduling.demand import PodInfo
from wherry.rules.scheduling.message import NO_CLAIMS, NO_VICTIMS, NOT_HELPFUL, fit_error
from wherry.rules.scheduling.node_info import NodeInfo
from wherry.rules.scheduling.plugin import Profile, Rejection
from wherry.rules.scheduling.snapshot import Snapshot
from wherry.rules.scheduling.view import first_rejection


class Preemption(NamedTuple):
    """`message` says why nothing is preempted; else `victims` on `node` make room."""

    message: str = ""
    node: str = ""
    victims: tuple[PodInfo, ...] = ()


def _importance(info: PodInfo) -> tuple[int, str]:
    """Sorts the more important first: higher priority, then longer running."""
    status = info.pod.get("status") or {}
    return (-info.demand.priority, status.get("startTime") or "~")


def _victims(info: PodInfo, node: NodeInfo, profile: Profile) -> tuple[PodInfo, ...] | Rejection:
    lower = sorted((p for p in node.pods.values() if p.demand.priority < info.demand.priority), key=_importance)
    if not lower:
        return Rejection("DefaultPreemption", (NO_VICTIMS,))
    gone = {p.key for p in lower}
    rejection = first_rejection(profile, info.demand, node.without(gone))
    if rejection is not None:
        return rejection
    for pod in lower:
        spared = gone - {pod.key}
        if first_rejection(profile, info.demand, node.without(spared)) is None:
            gone = spared
    return tuple(p for p in lower if p.key in gone)


def _cost(found: tuple[NodeInfo, tuple[PodInfo, ...]]) -> tuple[int, int, int]:
    """The least important highest victim, then the smallest sum of priorities, then the fewest victims."""
    priorities = [victim.demand.priority for victim in found[1]]
    return (max(priorities), sum(priority + 2**31 for priority in priorities), len(priorities))


def _ineligible(info: PodInfo, snapshot: Snapshot) -> str:
    if info.demand.spec.get("preemptionPolicy") == "Never":
        return "not eligible due to preemptionPolicy=Never."
    nominated = snapshot.node((info.pod.get("status") or {}).get("nominatedNodeName") or "")
    if nominated and any(is_deleting(p.pod) and p.demand.priority < info.demand.priority for p in nominated.pods.values()):
        return "not eligible due to a terminating pod on the nominated node."
    return ""


def _dry_run(
    info: PodInfo, snapshot: Snapshot, profile: Profile, rejections: Sequence[Rejection | None]
) -> tuple[list[tuple[NodeInfo, tuple[PodInfo, ...]]], list[str]]:
    """Nodes where preemption would do, with their victims; and the reasons of the others."""
    helpful = not any(f.applies(info, snapshot) for f in profile.cluster_filters)
    candidates, reasons = [], []
    for node, rejection in zip(snapshot.order, rejections, strict=True):
        if rejection is None or not rejection.resolvable or not helpful:
            reasons.append(NOT_HELPFUL)
            continue
        found = _victims(info, node, profile)
        if isinstance(found, Rejection):
            reasons.extend(found.reasons)
        else:
            candidates.append((node, found))
    return candidates, reasons


def preempt(info: PodInfo, snapshot: Snapshot, profile: Profile, rejections: Sequence[Rejection | None]) -> Preemption:
    """`rejections` follow `snapshot.order`; None stands for a node that was not looked at."""
    why_not = _ineligible(info, snapshot)
    if why_not:
        return Preemption(f"{NO_CLAIMS}, preemption: {why_not}")
    candidates, reasons = _dry_run(info, snapshot, profile, rejections)
    if not candidates:
        return Preemption(f"{NO_CLAIMS}, preemption: {fit_error(len(snapshot.order), reasons)}")
    node, victims = min(candidates, key=_cost)
    return Preemption(node=node.name, victims=victims)
