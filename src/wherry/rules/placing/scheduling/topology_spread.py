"""Topology spreading as a cluster-wide filter: constraints with whenUnsatisfiable DoNotSchedule, the pod's own or the profile's defaults.

A node will do when its domain, with the pod in it, exceeds the emptiest domain by no more than maxSkew.
Source of the rule: https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/ (podtopologyspread/filtering.go).
"""

from __future__ import annotations

from collections.abc import Sequence

from wherry.api.objects import Obj
from wherry.rules.placing.scheduling.demand import PodInfo
from wherry.rules.placing.scheduling.plugin import Rejection
from wherry.rules.placing.scheduling.snapshot import Snapshot
from wherry.rules.placing.scheduling.spread_constraints import Constraint, constraints_of

_MISMATCH = "node(s) didn't match pod topology spread constraints"


class _Rule:
    """One constraint, with the domains that are full: matching pods per value of the topology key, over the nodes that take part."""

    def __init__(self, constraint: Constraint, info: PodInfo, snapshot: Snapshot) -> None:
        self.constraint = constraint
        self.column = snapshot.column(constraint.key)
        self._self = 1 if constraint.matches(info) else 0
        self._pods = constraint.pods(snapshot)

    def _counts(self, snapshot: Snapshot, labelled: Sequence[int] | None) -> dict[str, int]:
        """`labelled`: the nodes that have the topologies of all constraints; None when this is the only one."""
        if labelled is None and self.constraint.everywhere:
            domains = snapshot.domains(self.constraint.key)
            counts = dict.fromkeys(domains.values(), 0)
            for name, number in self._pods.items():
                if name in domains:
                    counts[domains[name]] += number
            return counts
        counts = {}
        for i in labelled if labelled is not None else range(len(self.column)):
            value, node = self.column[i], snapshot.order[i]
            if value is not None and self.constraint.takes_part(node):
                counts[value] = counts.get(value, 0) + self._pods.get(node.name, 0)
        return counts

    def settle(self, snapshot: Snapshot, labelled: Sequence[int] | None) -> None:
        counts = self._counts(snapshot, labelled)
        least = min(counts.values(), default=0) if len(counts) >= self.constraint.min_domains else 0
        most = self.constraint.max_skew + least - self._self
        self.full = {value for value, number in counts.items() if number > most}


class TopologySpread:
    """`defaults`: constraints for pods that have none."""

    name = "PodTopologySpread"
    _mismatch = Rejection(name, (_MISMATCH,), resolvable=True)
    _no_label = Rejection(name, (f"{_MISMATCH} (missing required label)",))

    def __init__(self, defaults: tuple[Obj, ...] = ()) -> None:
        self._defaults = defaults

    def applies(self, info: PodInfo, snapshot: Snapshot) -> bool:
        return bool(constraints_of(info, "DoNotSchedule", self._defaults))

    def check_all(self, info: PodInfo, snapshot: Snapshot, candidates: Sequence[int]) -> dict[int, Rejection]:
        rules = [_Rule(c, info, snapshot) for c in constraints_of(info, "DoNotSchedule", self._defaults)]
        labelled = None
        if len(rules) > 1:
            labelled = [i for i in range(len(snapshot.order)) if all(rule.column[i] is not None for rule in rules)]
        for rule in rules:
            rule.settle(snapshot, labelled)
        refused: dict[int, Rejection] = {}
        for rule in rules:
            column, full = rule.column, rule.full
            for i in candidates:
                if (column[i] is None or column[i] in full) and i not in refused:
                    refused[i] = self._no_label if column[i] is None else self._mismatch
        return refused
