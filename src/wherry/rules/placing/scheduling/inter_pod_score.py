"""Preferred affinity and anti-affinity between pods, as a score: the pod's own wishes, and what pods already placed say about it.

A pod that others must be together with draws it a little too (`hard_weight`).
Source of the rule: https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#inter-pod-affinity-and-anti-affinity
(interpodaffinity/scoring.go).
"""

from __future__ import annotations

from collections.abc import Sequence

from wherry.rules.placing.scheduling.demand import PodInfo
from wherry.rules.placing.scheduling.inter_pod import meant
from wherry.rules.placing.scheduling.plugin import MAX_SCORE
from wherry.rules.placing.scheduling.snapshot import Snapshot
from wherry.rules.placing.scheduling.tallies import LIKED, TOGETHER, Counts

#: topology key -> value -> how much it is wished for
Wishes = dict[str, dict[str | None, int]]


class InterPodAffinityScore:
    """`hard_weight`: what a required affinity term of a placed pod is worth; `own_only`: a pod without wishes is not drawn by others."""

    name = "InterPodAffinity"

    def __init__(self, weight: int = 2, hard_weight: int = 1, own_only: bool = False) -> None:
        self.weight = weight
        self._hard_weight = hard_weight
        self._own_only = own_only

    def values(self, info: PodInfo, snapshot: Snapshot, candidates: Sequence[int]) -> list[int] | None:
        wishes = self._wishes(info, snapshot)
        if not wishes:
            return None
        totals = [0] * len(candidates)
        for topology, values in wishes.items():
            column = snapshot.column(topology)
            totals = [total + values.get(column[i], 0) for total, i in zip(totals, candidates, strict=True)]
        least, most = min(totals), max(totals)
        return [int(MAX_SCORE * (total - least) / (most - least)) for total in totals] if most > least else None

    def _wishes(self, info: PodInfo, snapshot: Snapshot) -> Wishes:
        found: Wishes = {}
        liked = info.demand.terms.liked
        for weight, term in liked:
            _wish(found, term.topology, weight, meant((term,), snapshot), snapshot)
        if (self._own_only and not liked) or snapshot.tallies.silent:
            return found
        for voice in snapshot.tallies.voices(TOGETHER, LIKED):
            weight = voice.weight if voice.kind == LIKED else self._hard_weight
            if weight and voice.term.means(info.pod, snapshot.namespaces):
                _wish(found, voice.term.topology, weight, voice.counts, snapshot)
        return found


def _wish(found: Wishes, topology: str, weight: int, counts: Counts, snapshot: Snapshot) -> None:
    if not counts:
        return
    domains, values = snapshot.domains(topology), found.setdefault(topology, {})
    for name, count in counts.items():
        value = domains.get(name)
        if value is not None:
            values[value] = values.get(value, 0) + weight * count
