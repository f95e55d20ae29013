"""Does a pod fit on one node, by all filters of a profile; and with regard to the pods that were promised the node?

Called by `decide` for nodes that are promised to somebody, and by `preemption` for every try. A node will do only if it does both with the
pods that are nominated to it and are as important, and without them.
Source of the rule: pkg/scheduler/framework/runtime RunFilterPluginsWithNominatedPods.
"""

from __future__ import annotations

from wherry.rules.placing.scheduling.demand import PodInfo
from wherry.rules.placing.scheduling.plugin import Profile, Rejection
from wherry.rules.placing.scheduling.snapshot import Snapshot
from wherry.rules.placing.scheduling.view import first_rejection


def promised(info: PodInfo, node: str, snapshot: Snapshot) -> list[PodInfo]:
    """The pods that were promised the node and have as much right to it."""
    there = snapshot.nominated.get(node) or {}
    return [p for p in there.values() if p.key != info.key and p.demand.priority >= info.demand.priority]


def refusal(info: PodInfo, index: int, snapshot: Snapshot, profile: Profile) -> Rejection | None:
    """What the first filter says against the node `order[index]`, as the snapshot has it."""
    rejection = first_rejection(profile, info.demand, snapshot.order[index])
    for filter_ in profile.cluster_filters if rejection is None else ():
        if filter_.applies(info, snapshot):
            rejection = filter_.check_all(info, snapshot, [index]).get(index)
            if rejection is not None:
                break
    return rejection


def refusal_on(info: PodInfo, index: int, imagined: Snapshot, real: Snapshot, profile: Profile) -> Rejection | None:
    """As `refusal`, also with the pods there that were promised the node."""
    coming = promised(info, real.order[index].name, real)
    rejection = refusal(info, index, imagined.imagine(index, (), coming), profile) if coming else None
    return rejection or refusal(info, index, imagined, profile)
