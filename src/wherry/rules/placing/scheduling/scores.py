"""Scores by taint, affinity and spread. The spread of pods of one owner is the reference's default topology spreading.

Source of the rules: pkg/scheduler/framework/plugins (tainttoleration, nodeaffinity, podtopologyspread/scoring.go with system
defaulting: hostname with maxSkew 3, zone with maxSkew 5, both ScheduleAnyway).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from wherry.api.objects import Obj
from wherry.rules.placing.scheduling.demand import Demand
from wherry.rules.placing.scheduling.node_info import NodeInfo
from wherry.rules.placing.scheduling.plugin import MAX_SCORE, normalised
from wherry.rules.pods import node_affinity
from wherry.rules.pods.tolerations import tolerated

HOSTNAME = "kubernetes.io/hostname"
ZONE = "topology.kubernetes.io/zone"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


class TaintTolerationScore:
    """The fewer PreferNoSchedule taints that the pod does not tolerate, the better."""

    name = "TaintToleration"

    def __init__(self, weight: int = 3) -> None:
        self.weight = weight

    def applies(self, demand: Demand) -> bool:
        return True

    def raw(self, demand: Demand, node: NodeInfo) -> int:
        if not node.taints:
            return 0
        soft = [t for t in demand.tolerations if t.get("effect") in (None, "", "PreferNoSchedule")]
        return sum(1 for taint in node.taints if taint["effect"] == "PreferNoSchedule" and not tolerated(soft, taint))

    def combine(self, demand: Demand, raws: list[int], nodes: Sequence[NodeInfo]) -> list[int] | None:
        return normalised(raws, reverse=True)


class NodeAffinityScore:
    """`added`: a node affinity that all pods of the profile have as well."""

    name = "NodeAffinity"

    def __init__(self, weight: int = 2, added: Obj | None = None) -> None:
        self.weight = weight
        self._added: Obj = added if added and added.get(_PREFERRED) else {}

    def applies(self, demand: Demand) -> bool:
        affinity = (demand.spec.get("affinity") or {}).get("nodeAffinity") or {}
        return bool(affinity.get(_PREFERRED) or self._added)

    def raw(self, demand: Demand, node: NodeInfo) -> int:
        return node_affinity.preference(demand.spec, node.node) + (node_affinity.liking(self._added, node.node) if self._added else 0)

    def combine(self, demand: Demand, raws: list[int], nodes: Sequence[NodeInfo]) -> list[int] | None:
        return normalised(raws)


class OwnerSpread:
    """The fewer pods of the same ReplicaSet, StatefulSet or ReplicationController on the node and in its zone, the better."""

    name = "PodTopologySpread"

    def __init__(self, weight: int = 2) -> None:
        self.weight = weight

    def applies(self, demand: Demand) -> bool:
        return bool(demand.spread)

    def raw(self, demand: Demand, node: NodeInfo) -> int:
        return node.spread.get(demand.spread, 0)

    def combine(self, demand: Demand, raws: list[int], nodes: Sequence[NodeInfo]) -> list[int] | None:
        by_zone: dict[str, int] = {}
        for node, count in zip(nodes, raws, strict=True):
            if ZONE in node.labels:
                by_zone[node.labels[ZONE]] = by_zone.get(node.labels[ZONE], 0) + count
        host_weight = math.log(len(nodes) + 2)
        if not by_zone and all(HOSTNAME in node.labels for node in nodes):
            return _spread({count: round(count * host_weight + 2) for count in set(raws)}, raws)
        # nodes without a zone count as one more domain
        domains = len(by_zone) + any(ZONE not in node.labels for node in nodes)
        zone_weight = math.log(domains + 2)
        skews = []
        for node, count in zip(nodes, raws, strict=True):
            skew = count * host_weight + 2 if HOSTNAME in node.labels else 0.0
            if ZONE in node.labels:
                skew += by_zone[node.labels[ZONE]] * zone_weight + 4
            skews.append(round(skew))
        return _spread({skew: skew for skew in set(skews)}, skews)


def _spread(skew_of: dict[int, int], values: list[int]) -> list[int] | None:
    """The least skewed gets 100; None when all are equal."""
    skews = skew_of.values()
    least, most = min(skews, default=0), max(skews, default=0)
    if least == most:
        return None
    score = {value: MAX_SCORE * (most + least - skew) // most for value, skew in skew_of.items()}
    return [score[value] for value in values]
