"""A profile of the configuration to the filters and scores that it means.

Called by `read`. Filters that look at one node alone go before those that look at all, each sort in the order of the configuration.
"""

from __future__ import annotations

from collections.abc import Callable

from wherry.rules.placing.scheduling.configuration.arguments import Arguments, arguments_of
from wherry.rules.placing.scheduling.configuration.fields import Fields
from wherry.rules.placing.scheduling.configuration.plugins import Enabled, points_of
from wherry.rules.placing.scheduling.configuration.resource_arguments import CPU_AND_MEMORY, FitArguments
from wherry.rules.placing.scheduling.device_claims import DynamicResources
from wherry.rules.placing.scheduling.filters import (
    NodeAffinityFilter,
    NodeName,
    NodePorts,
    NodeUnschedulable,
    TaintTolerationFilter,
)
from wherry.rules.placing.scheduling.image_locality import ImageLocality
from wherry.rules.placing.scheduling.inter_pod import InterPodAffinity
from wherry.rules.placing.scheduling.inter_pod_score import InterPodAffinityScore
from wherry.rules.placing.scheduling.plugin import ClusterFilter, ClusterScore, Filter, Profile, Score
from wherry.rules.placing.scheduling.resource_strategies import AllocationScore, BalanceScore, least, most, ratio
from wherry.rules.placing.scheduling.resources_fit import BalancedAllocation, LeastAllocated, NodeResourcesFit
from wherry.rules.placing.scheduling.scores import NodeAffinityScore, OwnerSpread, TaintTolerationScore
from wherry.rules.placing.scheduling.topology_spread import TopologySpread
from wherry.rules.placing.scheduling.topology_spread_score import TopologySpreadScore
from wherry.rules.placing.volumes.binding import VolumeBinding
from wherry.rules.placing.volumes.limits import NodeVolumeLimits
from wherry.rules.placing.volumes.restrictions import VolumeRestrictions
from wherry.rules.placing.volumes.zone import VolumeZone

FIELDS = ("schedulerName", "percentageOfNodesToScore", "plugins", "pluginConfig")
_GATES = frozenset(("VolumeRestrictions", "VolumeBinding"))

_FILTERS: dict[str, Callable[[Arguments], Filter]] = {
    "NodeUnschedulable": lambda args: NodeUnschedulable(),
    "NodeName": lambda args: NodeName(),
    "TaintToleration": lambda args: TaintTolerationFilter(),
    "NodeAffinity": lambda args: NodeAffinityFilter(args.added),
    "NodePorts": lambda args: NodePorts(),
    "NodeResourcesFit": lambda args: NodeResourcesFit(args.fit.ignored, args.fit.ignored_groups),
}
_CLUSTER_FILTERS: dict[str, Callable[[Arguments], ClusterFilter]] = {
    "DynamicResources": lambda args: DynamicResources(),
    "VolumeRestrictions": lambda args: VolumeRestrictions(),
    "NodeVolumeLimits": lambda args: NodeVolumeLimits(),
    "VolumeBinding": lambda args: VolumeBinding(),
    "VolumeZone": lambda args: VolumeZone(),
    "PodTopologySpread": lambda args: TopologySpread(args.spread or ()),
    "InterPodAffinity": lambda args: InterPodAffinity(),
}
_SCORES: dict[str, Callable[[int, Arguments], Score]] = {
    "TaintToleration": lambda weight, args: TaintTolerationScore(weight),
    "NodeAffinity": lambda weight, args: NodeAffinityScore(weight, args.added),
    "NodeResourcesFit": lambda weight, args: _fullness(weight, args.fit),
    "NodeResourcesBalancedAllocation": lambda weight, args: _balance(weight, args.balanced),
}
_CLUSTER_SCORES: dict[str, Callable[[int, Arguments], ClusterScore]] = {
    "PodTopologySpread": lambda weight, args: TopologySpreadScore(weight, args.spread or ()),
    "InterPodAffinity": lambda weight, args: InterPodAffinityScore(weight, args.hard_weight, args.own_only),
    "ImageLocality": lambda weight, args: ImageLocality(weight),
}


def profile_of(given: Fields, percent: int | None) -> Profile:
    """`percent`: the configuration's percentageOfNodesToScore, for a profile that has none of its own."""
    args, points = arguments_of(given), points_of(given)
    names = {point: {each.name for each in plugins} for point, plugins in points.items()}
    scores = points["score"]
    return Profile(
        filters=tuple(_FILTERS[e.name](args) for e in points["filter"] if e.name in _FILTERS),
        cluster_filters=tuple(_CLUSTER_FILTERS[e.name](args) for e in points["filter"] if e.name in _CLUSTER_FILTERS),
        scores=tuple(_scores(scores, args)),
        cluster_scores=tuple(_CLUSTER_SCORES[e.name](_weight(e), args) for e in scores if e.name in _CLUSTER_SCORES),
        volume_gates=frozenset(_GATES & names["preFilter"]),
        narrows="NodeAffinity" in names["preFilter"],
        gates="SchedulingGates" in names["preEnqueue"],
        binds_volumes="VolumeBinding" in names["preBind"],
        bind_timeout=args.bind_timeout,
        devices="DynamicResources" in names["postFilter"],
        preempts="DefaultPreemption" in names["postFilter"],
        candidates_percent=args.candidates_percent,
        candidates_least=args.candidates_least,
        scored_percent=percentage(given) if given.has("percentageOfNodesToScore") else percent,
    )


def percentage(given: Fields) -> int | None:
    """0 leaves it to the scheduler, and wherry's scores all nodes."""
    return given.integer("percentageOfNodesToScore", 0, 0, 100) or None


def _weight(enabled: Enabled) -> int:
    return enabled.weight or 1


def _scores(enabled: list[Enabled], args: Arguments) -> list[Score]:
    found: list[Score] = [_SCORES[e.name](_weight(e), args) for e in enabled if e.name in _SCORES]
    if args.spread is None:
        found.extend(OwnerSpread(_weight(e)) for e in enabled if e.name == "PodTopologySpread")
    return found


def _fullness(weight: int, fit: FitArguments) -> Score:
    if fit.strategy == "RequestedToCapacityRatio":
        return AllocationScore(weight, fit.weights, ratio(fit.shape), skips_zero=True)
    if fit.strategy == "MostAllocated":
        return AllocationScore(weight, fit.weights, most)
    return LeastAllocated(weight) if fit.weights == CPU_AND_MEMORY else AllocationScore(weight, fit.weights, least)


def _balance(weight: int, resources: tuple[str, ...]) -> Score:
    return BalancedAllocation(weight) if set(resources) == {"cpu", "memory"} else BalanceScore(weight, resources)
