"""Volumes that are labelled with a zone or region are only reached from nodes there. A cluster-wide filter for pods with bound claims.

Source of the rule and of the text: pkg/scheduler/framework/plugins/volumezone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wherry.api.objects import labels
from wherry.rules.placing.scheduling.demand import PodInfo
from wherry.rules.placing.scheduling.node_info import NodeInfo
from wherry.rules.placing.scheduling.plugin import Rejection
from wherry.rules.placing.scheduling.snapshot import Snapshot
from wherry.rules.placing.volumes.world import pod_claims
from wherry.rules.storage.binding.names import claims_of_pod

#: an old label and the one that nodes may have in its place
_LABELS = {
    "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone": "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region": "topology.kubernetes.io/region",
}
#: between the values of a volume that is in several zones
_DELIMITER = "__"
Place = tuple[str, frozenset[str]]


def _places(info: PodInfo, snapshot: Snapshot) -> Iterator[Place]:
    world = snapshot.volumes
    if world is None or not claims_of_pod(info.pod):
        return
    for claim in pod_claims(info.pod, world).bound:
        volume = world.volume(claim["spec"]["volumeName"])
        for label in _LABELS:
            value = labels(volume).get(label) if volume is not None else None
            if value and all(part for part in value.split(_DELIMITER)):
                yield label, frozenset(value.split(_DELIMITER))


class VolumeZone:
    name = "VolumeZone"
    _no = Rejection(name, ("node(s) had no available volume zone",))

    def applies(self, info: PodInfo, snapshot: Snapshot) -> bool:
        return next(_places(info, snapshot), None) is not None

    def check_all(self, info: PodInfo, snapshot: Snapshot, candidates: Sequence[int]) -> dict[int, Rejection]:
        places = list(_places(info, snapshot))
        return {i: self._no for i in candidates if not _reached(places, snapshot.order[i])}


def _reached(places: list[Place], node: NodeInfo) -> bool:
    """A node without any such label is taken for a cluster of one zone."""
    have = node.labels
    if not any(label in have for label in _LABELS):
        return True
    return all(have.get(label, have.get(_LABELS[label])) in values for label, values in places)
