"""Hard topology spreading: `topologySpreadConstraints` with whenUnsatisfiable DoNotSchedule, as a cluster-wide filter.

A node will do when its domain, with the pod in it, exceeds the emptiest domain by no more than maxSkew.
Source of the rule: https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/ (podtopologyspread/filtering.go).
"""

from __future__ import annotations

from collections.abc import Sequence

from wherry.api.objects import Obj, is_deleting, labels, namespace
from wherry.rules import selectors
from wherry.rules.scheduling import node_affinity
from wherry.rules.scheduling.demand import PodInfo
from wherry.rules.scheduling.node_info import NodeInfo
from wherry.rules.scheduling.plugin import Rejection
from wherry.rules.scheduling.snapshot import Snapshot
from wherry.rules.scheduling.tolerations import first_untolerated

_MISMATCH = "node(s) didn't match pod topology spread constraints"


def _hard(info: PodInfo) -> list[Obj]:
    listed = info.demand.spec.get("topologySpreadConstraints") or ()
    return [c for c in listed if (c.get("whenUnsatisfiable") or "DoNotSchedule") == "DoNotSchedule"]


class _Constraint:
    """One constraint with its counts: matching pods per value of the topology key, over the nodes that take part."""

    def __init__(self, constraint: Obj, info: PodInfo) -> None:
        self.key: str = constraint["topologyKey"]
        self._constraint = constraint
        self._info = info
        self._selector = selectors.from_label_selector(constraint.get("labelSelector"))
        own = labels(info.pod)
        self._same = {k: own[k] for k in constraint.get("matchLabelKeys") or () if k in own}
        self._self = 1 if self._matches(info.pod) else 0
        self._counts: dict[str, int] = {}

    def _matches(self, pod: Obj) -> bool:
        have = labels(pod)
        return self._selector.matches(have) and all(have.get(k) == v for k, v in self._same.items())

    def _takes_part(self, node: NodeInfo) -> bool:
        demand = self._info.demand
        if self._constraint.get("nodeAffinityPolicy") != "Ignore" and not node_affinity.matches(demand.spec, node.node):
            return False
        honoured = self._constraint.get("nodeTaintsPolicy") == "Honor"
        return not honoured or first_untolerated(node.taints, demand.tolerations) is None

    def count(self, node: NodeInfo) -> None:
        if not self._takes_part(node):
            return
        wanted = namespace(self._info.pod)
        found = sum(1 for p in node.pods.values() if namespace(p.pod) == wanted and not is_deleting(p.pod) and self._matches(p.pod))
        value = node.labels[self.key]
        self._counts[value] = self._counts.get(value, 0) + found

    def refuses(self, node: NodeInfo) -> bool:
        enough = len(self._counts) >= (self._constraint.get("minDomains") or 1)
        least = min(self._counts.values(), default=0) if enough else 0
        return self._counts.get(node.labels[self.key], 0) + self._self - least > int(self._constraint["maxSkew"])


class TopologySpread:
    name = "PodTopologySpread"
    _mismatch = Rejection(name, (_MISMATCH,), resolvable=True)
    _no_label = Rejection(name, (f"{_MISMATCH} (missing required label)",))

    def applies(self, info: PodInfo, snapshot: Snapshot) -> bool:
        return bool(_hard(info))

    def check_all(self, info: PodInfo, snapshot: Snapshot, candidates: Sequence[int]) -> dict[int, Rejection]:
        constraints = [_Constraint(c, info) for c in _hard(info)]
        for node in snapshot.order:
            if all(c.key in node.labels for c in constraints):
                for constraint in constraints:
                    constraint.count(node)
        refused = {}
        for i in candidates:
            rejection = self._check(constraints, snapshot.order[i])
            if rejection is not None:
                refused[i] = rejection
        return refused

    def _check(self, constraints: list[_Constraint], node: NodeInfo) -> Rejection | None:
        for constraint in constraints:
            if constraint.key not in node.labels:
                return self._no_label
            if constraint.refuses(node):
                return self._mismatch
        return None
