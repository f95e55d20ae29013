"""All nodes seen with the eyes of one demand: which will do, and how good they are, remembered between pods of one template.

`decide` asks for a view per pod. A view reads the snapshot's change log and looks again only at nodes that changed, so the next replica
costs a few list passes in C instead of a filter run over every node; that is why nodes are never sampled (the reference's
percentageOfNodesToScore). Invariant: after `refresh` every answer equals that of a fresh view.
"""

from __future__ import annotations

from wherry.rules.placing.scheduling.demand import Demand
from wherry.rules.placing.scheduling.node_info import NodeInfo
from wherry.rules.placing.scheduling.plugin import Profile, Rejection, Score
from wherry.rules.placing.scheduling.snapshot import Snapshot

#: views kept in a snapshot; beyond that the oldest goes
_KEPT = 64


def first_rejection(profile: Profile, demand: Demand, node: NodeInfo) -> Rejection | None:
    """What the first filter that says no says."""
    for filter_ in profile.filters:
        rejection = filter_.check(demand, node)
        if rejection is not None:
            return rejection
    return None


class View:
    """`rejections` and `raws` follow the order of `snapshot.order`; `feasible` has the indexes of nodes that will do."""

    def __init__(self, demand: Demand, profile: Profile, snapshot: Snapshot) -> None:
        self.demand = demand
        self.profile = profile
        self.scores: tuple[Score, ...] = tuple(s for s in profile.scores if s.applies(demand))
        nodes = snapshot.order
        self.rejections = [first_rejection(profile, demand, node) for node in nodes]
        self.raws = [[score.raw(demand, node) for node in nodes] for score in self.scores]
        self.feasible = [i for i, rejection in enumerate(self.rejections) if rejection is None]
        self._position = snapshot.position

    def refresh(self, snapshot: Snapshot) -> bool:
        """Look again at the nodes that changed. False: the view is too old, make a new one."""
        changed = snapshot.changed_since(self._position)
        if changed is None:
            return False
        rearranged = False
        for i in changed:
            node = snapshot.order[i]
            rejection = first_rejection(self.profile, self.demand, node)
            rearranged = rearranged or (rejection is None) != (self.rejections[i] is None)
            self.rejections[i] = rejection
            for raws, score in zip(self.raws, self.scores, strict=True):
                raws[i] = score.raw(self.demand, node)
        if rearranged:
            self.feasible = [i for i, rejection in enumerate(self.rejections) if rejection is None]
        self._position = snapshot.position
        return True

    def totals(self, snapshot: Snapshot, candidates: list[int]) -> list[int]:
        """The weighted score of each candidate."""
        everything = len(candidates) == len(snapshot.order)
        nodes = snapshot.order if everything else [snapshot.order[i] for i in candidates]
        totals = [0] * len(candidates)
        for raws, score in zip(self.raws, self.scores, strict=True):
            values = score.combine(self.demand, raws if everything else [raws[i] for i in candidates], nodes)
            if values is not None:
                weight = score.weight
                totals = [total + weight * value for total, value in zip(totals, values, strict=True)]
        return totals


def view_of(demand: Demand, profile: Profile, snapshot: Snapshot) -> View:
    """The remembered view of that demand, brought up to date, or a new one."""
    views = snapshot.views
    view = views.pop(demand.signature, None)
    if view is None or view.profile is not profile or not view.refresh(snapshot):
        view = View(demand, profile, snapshot)
        if len(views) >= _KEPT:
            del views[next(iter(views))]
    views[demand.signature] = view  # at the end: the one used last
    return view
