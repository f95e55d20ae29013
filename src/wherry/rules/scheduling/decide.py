"""The decision: a pod and a snapshot to a node, or to the sentence why there is none.

Called by the scheduler's shell for one pod at a time, and by rehearsals. Pure: ties are broken by the `pick` passed in; what a snapshot
remembers (views) never changes an answer.
Source of the rule: pkg/scheduler/schedule_one.go (schedulingCycle, selectHost), default plug-ins of v1.36.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from wherry.rules.scheduling import message, volume_gate
from wherry.rules.scheduling.demand import PodInfo
from wherry.rules.scheduling.plugin import Profile, Rejection
from wherry.rules.scheduling.preemption import Preemption, preempt
from wherry.rules.scheduling.profile import DEFAULT
from wherry.rules.scheduling.snapshot import Snapshot
from wherry.rules.scheduling.view import View, first_rejection, view_of

#: given n, one of 0..n-1 (random.Random().randrange, or a round robin)
Pick = Callable[[int], int]


@dataclass(frozen=True, slots=True)
class Bind:
    node: str


@dataclass(frozen=True, slots=True)
class Unschedulable:
    """`diagnosis`: what each node that was looked at said. With victims gone, the pod would fit on `nominated`."""

    message: str
    diagnosis: dict[str, Rejection]
    nominated: str = ""
    victims: tuple[PodInfo, ...] = ()


Decision = Bind | Unschedulable


def decide(info: PodInfo, snapshot: Snapshot, pick: Pick, profile: Profile = DEFAULT) -> Decision:
    """Where the pod goes."""
    if not snapshot.order:
        return Unschedulable(message.NO_NODES, {})
    everywhere = volume_gate.refusal(info.pod, snapshot.volumes)
    if everywhere is not None:
        text = message.refused_before(len(snapshot.order), ", ".join(everywhere.reasons))
        return Unschedulable(text, {node.name: everywhere for node in snapshot.order})
    if info.demand.only_nodes is not None:
        return _among_named(info, info.demand.only_nodes, snapshot, profile)
    view = view_of(info.demand, profile, snapshot)
    candidates, refused = _through_cluster_filters(info, snapshot, view.feasible, profile)
    if candidates:
        return Bind(snapshot.order[_best(view, snapshot, candidates, pick)].name)
    rejections = [refused.get(i, rejection) for i, rejection in enumerate(view.rejections)] if refused else view.rejections
    return _nowhere(info, snapshot, profile, rejections)


def _through_cluster_filters(
    info: PodInfo, snapshot: Snapshot, candidates: list[int], profile: Profile
) -> tuple[list[int], dict[int, Rejection]]:
    refused: dict[int, Rejection] = {}
    for filter_ in profile.cluster_filters:
        if candidates and filter_.applies(info, snapshot):
            found = filter_.check_all(info, snapshot, candidates)
            refused.update(found)
            candidates = [i for i in candidates if i not in found]
    return candidates, refused


def _best(view: View, snapshot: Snapshot, candidates: list[int], pick: Pick) -> int:
    if len(candidates) == 1:
        return candidates[0]
    totals = view.totals(snapshot, candidates)
    best = max(totals)
    ties = [i for i, total in zip(candidates, totals, strict=True) if total == best]
    return ties[pick(len(ties))] if len(ties) > 1 else ties[0]


def _among_named(info: PodInfo, names: frozenset[str], snapshot: Snapshot, profile: Profile) -> Decision:
    """The pod's affinity names its nodes (a DaemonSet's does): only they are looked at, in the order of their names."""
    rejections: list[Rejection | None] = [None] * len(snapshot.order)
    for i, node in enumerate(snapshot.order):
        if node.name in names:
            rejection = first_rejection(profile, info.demand, node)
            if rejection is None:
                rejection = _through_cluster_filters(info, snapshot, [i], profile)[1].get(i)
            if rejection is None:
                return Bind(node.name)
            rejections[i] = rejection
    return _nowhere(info, snapshot, profile, rejections)


_NOT_NAMED = "node(s) didn't satisfy plugin(s) [NodeAffinity]"


def _nowhere(info: PodInfo, snapshot: Snapshot, profile: Profile, rejections: list[Rejection | None]) -> Unschedulable:
    reasons = [reason for r in rejections for reason in (r.reasons if r is not None else (_NOT_NAMED,))]
    outcome: Preemption = preempt(info, snapshot, profile, rejections)
    diagnosis = {node.name: r for node, r in zip(snapshot.order, rejections, strict=True) if r is not None}
    text = message.fit_error(len(snapshot.order), reasons, outcome.message)
    return Unschedulable(text, diagnosis, outcome.node, outcome.victims)
