"""Topology spreading as a score: constraints with whenUnsatisfiable ScheduleAnyway, the pod's own or those of the profile.

The fewer pods in a node's domains, the better; a topology of many domains counts for more. (The reference's built-in defaults are the
cheaper `OwnerSpread`.)
Source of the rule: podtopologyspread/scoring.go.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from wherry.api.objects import Obj
from wherry.rules.placing.scheduling.demand import PodInfo
from wherry.rules.placing.scheduling.plugin import MAX_SCORE
from wherry.rules.placing.scheduling.scores import HOSTNAME
from wherry.rules.placing.scheduling.snapshot import Snapshot
from wherry.rules.placing.scheduling.spread_constraints import Constraint, constraints_of


class TopologySpreadScore:
    """`defaults`: constraints for pods that have none."""

    name = "PodTopologySpread"

    def __init__(self, weight: int = 2, defaults: tuple[Obj, ...] = ()) -> None:
        self.weight = weight
        self._defaults = defaults

    def values(self, info: PodInfo, snapshot: Snapshot, candidates: Sequence[int]) -> list[int] | None:
        constraints = constraints_of(info, "ScheduleAnyway", self._defaults)
        if not constraints:
            return None
        nodes = snapshot.order
        judged = [i for i in candidates if all(c.key in nodes[i].labels for c in constraints)]
        sums = dict.fromkeys(judged, 0.0)
        for constraint in constraints:
            _add(sums, constraint, snapshot)
        skews = {i: math.floor(total + 0.5) for i, total in sums.items()}
        least, most = min(skews.values(), default=0), max(skews.values(), default=0)
        return [_score(skews.get(i), least, most) for i in candidates]


def _score(skew: int | None, least: int, most: int) -> int:
    """A node that lacks one of the topologies gets nothing."""
    if skew is None:
        return 0
    return MAX_SCORE * (most + least - skew) // most if most else MAX_SCORE


def _add(sums: dict[int, float], constraint: Constraint, snapshot: Snapshot) -> None:
    """How full the nodes' domains are by one constraint."""
    nodes, pods, key = snapshot.order, constraint.pods(snapshot), constraint.key
    if key == HOSTNAME:
        weight = math.log(len(sums) + 2)
        for i in sums:
            sums[i] += pods.get(nodes[i].name, 0) * weight + constraint.max_skew - 1
        return
    counts = {nodes[i].labels[key]: 0 for i in sums}
    for name, count in pods.items():
        node = snapshot.node(name)
        if node is not None and node.labels.get(key) in counts and constraint.takes_part(node):
            counts[node.labels[key]] += count
    weight = math.log(len(counts) + 2)
    for i in sums:
        sums[i] += counts[nodes[i].labels[key]] * weight + constraint.max_skew - 1
