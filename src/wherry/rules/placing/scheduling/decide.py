"""The decision: a pod and a snapshot to a node, or to the sentence why there is none.

Called by the scheduler's shell for one pod at a time, and by rehearsals. Pure: ties are broken by the `pick` passed in; what a snapshot
remembers (views) never changes an answer.
Source of the rule: pkg/scheduler/schedule_one.go (schedulingCycle, selectHost), default plug-ins of v1.36.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from wherry.rules.placing.scheduling import message
from wherry.rules.placing.scheduling.demand import PodInfo
from wherry.rules.placing.scheduling.fitting import promised, refusal, refusal_on
from wherry.rules.placing.scheduling.plugin import Profile, Rejection
from wherry.rules.placing.scheduling.preemption import Preemption, preempt
from wherry.rules.placing.scheduling.profile import DEFAULT
from wherry.rules.placing.scheduling.snapshot import Snapshot
from wherry.rules.placing.scheduling.view import View, view_of
from wherry.rules.placing.volumes import gate as volume_gate

#: given n, one of 0..n-1 (random.Random().randrange, or a round robin)
Pick = Callable[[int], int]


#: percentageOfNodesToScore matters in larger clusters than that
LEAST_SCORED = 100


@dataclass(frozen=True, slots=True)
class Bind:
    node: str


@dataclass(frozen=True, slots=True)
class Unschedulable:
    """`diagnosis`: what each node that was looked at said. With victims gone, the pod would fit on `nominated`;
    None: what it was promised before stands."""

    message: str
    diagnosis: dict[str, Rejection]
    nominated: str | None = ""
    victims: tuple[PodInfo, ...] = ()


Decision = Bind | Unschedulable


def decide(info: PodInfo, snapshot: Snapshot, pick: Pick, profile: Profile = DEFAULT) -> Decision:
    """Where the pod goes."""
    if not snapshot.order:
        return Unschedulable(message.NO_NODES, {})
    everywhere = volume_gate.refusal(info.pod, snapshot.volumes, profile.volume_gates)
    if everywhere is not None:
        text = message.refused_before(len(snapshot.order), ", ".join(everywhere.reasons))
        return Unschedulable(text, {node.name: everywhere for node in snapshot.order})
    if info.demand.only_nodes is not None and profile.narrows:
        return _among_named(info, info.demand.only_nodes, snapshot, profile, pick)
    view = view_of(info.demand, profile, snapshot)
    candidates, refused = _through_cluster_filters(info, snapshot, view.feasible, profile)
    if candidates and snapshot.nominated:
        candidates = _without_promised(info, snapshot, candidates, refused, profile)
    if candidates:
        return Bind(snapshot.order[_promised_or_best(info, view, snapshot, candidates, pick)].name)
    rejections = [refused.get(i, rejection) for i, rejection in enumerate(view.rejections)] if refused else view.rejections
    return _nowhere(info, snapshot, profile, rejections, pick)


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


def _without_promised(
    info: PodInfo, snapshot: Snapshot, candidates: list[int], refused: dict[int, Rejection], profile: Profile
) -> list[int]:
    """Nodes where the pod would take the place that was promised to another go from the candidates to the refused."""
    left = []
    for i in candidates:
        coming = promised(info, snapshot.order[i].name, snapshot)
        rejection = refusal(info, i, snapshot.imagine(i, (), coming), profile) if coming else None
        if rejection is None:
            left.append(i)
        else:
            refused[i] = rejection
    return left


def _promised_or_best(info: PodInfo, view: View, snapshot: Snapshot, candidates: list[int], pick: Pick) -> int:
    """The node that the pod was promised, else one of the best."""
    if len(candidates) == 1:
        return candidates[0]
    mine = (info.pod.get("status") or {}).get("nominatedNodeName")
    named = next((i for i in candidates if snapshot.order[i].name == mine), None) if mine else None
    return _best(info, view, snapshot, _sample(candidates, view.profile, snapshot, pick), pick) if named is None else named


def _sample(candidates: list[int], profile: Profile, snapshot: Snapshot, pick: Pick) -> list[int]:
    """Of very many, as many as the profile says (percentageOfNodesToScore), beginning anywhere."""
    if profile.scored_percent is None:
        return candidates
    enough = max(len(snapshot.order) * profile.scored_percent // 100, LEAST_SCORED)
    if len(candidates) <= enough:
        return candidates
    begin = pick(len(candidates))
    return sorted((*candidates[begin:], *candidates[:begin])[:enough])


def _best(info: PodInfo, view: View, snapshot: Snapshot, candidates: list[int], pick: Pick) -> int:
    totals = view.totals(snapshot, candidates)
    for score in view.profile.cluster_scores:
        values = score.values(info, snapshot, candidates)
        if values is not None:
            totals = [total + score.weight * value for total, value in zip(totals, values, strict=True)]
    best = max(totals)
    ties = [i for i, total in zip(candidates, totals, strict=True) if total == best]
    return ties[pick(len(ties))] if len(ties) > 1 else ties[0]


def _among_named(info: PodInfo, names: frozenset[str], snapshot: Snapshot, profile: Profile, pick: Pick) -> Decision:
    """The pod's affinity names its nodes (a DaemonSet's does): only they are looked at, in the order of their names."""
    rejections: list[Rejection | None] = [None] * len(snapshot.order)
    for i, node in enumerate(snapshot.order):
        if node.name in names:
            rejection = refusal_on(info, i, snapshot, snapshot, profile)
            if rejection is None:
                return Bind(node.name)
            rejections[i] = rejection
    return _nowhere(info, snapshot, profile, rejections, pick)


_NOT_NAMED = "node(s) didn't satisfy plugin(s) [NodeAffinity]"


def _nowhere(info: PodInfo, snapshot: Snapshot, profile: Profile, rejections: list[Rejection | None], pick: Pick) -> Unschedulable:
    reasons = [reason for r in rejections for reason in (r.reasons if r is not None else (_NOT_NAMED,))]
    outcome = preempt(info, snapshot, profile, rejections, pick) if profile.preempts else Preemption()
    claims = info.pod["spec"].get("resourceClaims")
    said = [message.NO_DEVICES if claims else message.NO_CLAIMS] if profile.devices else []
    after = "" if outcome.victims else ", ".join([*said, *([outcome.message] if outcome.message else [])])
    diagnosis = {node.name: r for node, r in zip(snapshot.order, rejections, strict=True) if r is not None}
    text = message.fit_error(len(snapshot.order), reasons, after)
    return Unschedulable(text, diagnosis, outcome.node, outcome.victims)
