"""Required affinity and anti-affinity between pods, as a cluster-wide filter; what pods already placed say counts as well.

Source of the rule: https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#inter-pod-affinity-and-anti-affinity
(interpodaffinity/filtering.go).
"""

from __future__ import annotations

from collections.abc import Sequence

from wherry.rules.placing.scheduling.demand import PodInfo
from wherry.rules.placing.scheduling.node_info import NodeInfo
from wherry.rules.placing.scheduling.plugin import Rejection
from wherry.rules.placing.scheduling.pod_terms import Term
from wherry.rules.placing.scheduling.snapshot import Snapshot
from wherry.rules.placing.scheduling.tallies import APART, Counts

Pair = tuple[str, str]


def _pair(node: NodeInfo, topology: str) -> Pair | None:
    value = node.labels.get(topology)
    return (topology, value) if value is not None else None


def meant(terms: Sequence[Term], snapshot: Snapshot) -> Counts:
    """How many pods of each node all the terms mean."""
    namespaces = snapshot.namespaces
    key = ("meant", *(term.key for term in terms))
    return snapshot.tally(key, lambda info: all(term.means(info.pod, namespaces) for term in terms))


class InterPodAffinity:
    name = "InterPodAffinity"
    _affinity = Rejection(name, ("node(s) didn't match pod affinity rules",))
    _anti = Rejection(name, ("node(s) didn't match pod anti-affinity rules",), resolvable=True)
    _existing = Rejection(name, ("node(s) didn't satisfy existing pods anti-affinity rules",), resolvable=True)

    def applies(self, info: PodInfo, snapshot: Snapshot) -> bool:
        terms = info.demand.terms
        return bool(terms.together or terms.apart or (not snapshot.tallies.silent and snapshot.tallies.voices(APART)))

    def check_all(self, info: PodInfo, snapshot: Snapshot, candidates: Sequence[int]) -> dict[int, Rejection]:
        together, apart, _ = info.demand.terms
        wanted = _joined(together, snapshot)
        alone = not wanted and all(t.means(info.pod, snapshot.namespaces) for t in together)
        repelled, existing = _apart(apart, snapshot), _repelled_by_others(info, snapshot)
        existing_keys = {key for key, _ in existing}
        refused = {}
        for i in candidates:
            node = snapshot.order[i]
            if not _joins(together, wanted, alone, node):
                refused[i] = self._affinity
            elif any(_pair(node, t.topology) in repelled for t in apart):
                refused[i] = self._anti
            elif any(_pair(node, key) in existing for key in existing_keys):
                refused[i] = self._existing
        return refused


def _domains(counts: Counts, topology: str, snapshot: Snapshot) -> set[Pair]:
    """Where there is at least one of the pods counted."""
    domains = snapshot.domains(topology)
    return {(topology, domains[name]) for name in counts if name in domains}


def _joined(together: Sequence[Term], snapshot: Snapshot) -> set[Pair]:
    """The domains that hold a pod which all affinity terms mean."""
    counts = meant(together, snapshot) if together else {}
    return set().union(*(_domains(counts, t.topology, snapshot) for t in together)) if counts else set()


def _joins(together: Sequence[Term], wanted: set[Pair], alone: bool, node: NodeInfo) -> bool:
    """`alone`: the pod is the first of a series that has affinity to itself, so any node with the topologies will do."""
    pairs = [_pair(node, t.topology) for t in together]
    return all(pair is not None and (alone or pair in wanted) for pair in pairs)


def _apart(apart: Sequence[Term], snapshot: Snapshot) -> set[Pair]:
    return set().union(*(_domains(meant((t,), snapshot), t.topology, snapshot) for t in apart))


def _repelled_by_others(info: PodInfo, snapshot: Snapshot) -> set[Pair]:
    """The domains that pods already placed keep free of such a pod."""
    existing: set[Pair] = set()
    for voice in snapshot.tallies.voices(APART):
        if voice.term.means(info.pod, snapshot.namespaces):
            existing |= _domains(voice.counts, voice.term.topology, snapshot)
    return existing
