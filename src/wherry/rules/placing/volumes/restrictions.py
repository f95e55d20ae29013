"""Volumes that bear one user: disks that two pods may not share on a node, claims that only one pod may use at all (ReadWriteOncePod).

A cluster-wide filter for pods that have such a volume.
Source of the rules and of the texts: pkg/scheduler/framework/plugins/volumerestrictions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wherry.api.objects import Obj, namespace, uid
from wherry.rules.placing.scheduling.demand import PodInfo
from wherry.rules.placing.scheduling.node_info import NodeInfo
from wherry.rules.placing.scheduling.plugin import Rejection
from wherry.rules.placing.scheduling.snapshot import Snapshot

_ONE_POD = "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod"
#: sources that are one disk, and the fields that say which; read-only users may share all but the last
_DISKS = {"gcePersistentDisk": "pdName", "iscsi": "iqn", "awsElasticBlockStore": "volumeID"}


def _disks(pod: Obj) -> Iterator[tuple[str, Obj]]:
    for volume in pod["spec"].get("volumes") or ():
        for source in (*_DISKS, "rbd"):
            if volume.get(source) is not None:
                yield source, volume[source]


def _conflict(source: str, one: Obj, other: Obj) -> bool:
    if source == "rbd":
        same = set(one.get("monitors") or ()) & set(other.get("monitors") or ())
        if not same or any((one.get(k) or d) != (other.get(k) or d) for k, d in (("pool", "rbd"), ("image", ""))):
            return False
    elif one.get(_DISKS[source]) != other.get(_DISKS[source]):
        return False
    return source == "awsElasticBlockStore" or not (one.get("readOnly") and other.get("readOnly"))


def _exclusive(info: PodInfo, snapshot: Snapshot) -> list[str]:
    """The keys of the pod's claims that only one pod may use."""
    world = snapshot.volumes
    found = []
    for volume in info.pod["spec"].get("volumes") or ():
        source = volume.get("persistentVolumeClaim")
        claim = world.claim(f"{namespace(info.pod)}/{source['claimName']}") if world is not None and source is not None else None
        if claim is not None and "ReadWriteOncePod" in (claim["spec"].get("accessModes") or ()):
            found.append(f"{namespace(info.pod)}/{source['claimName']}")
    return found


class VolumeRestrictions:
    name = "VolumeRestrictions"
    _disk = Rejection(name, ("node(s) had no available disk",), resolvable=True)
    _pod = Rejection(name, (_ONE_POD,), resolvable=True)

    def applies(self, info: PodInfo, snapshot: Snapshot) -> bool:
        return next(_disks(info.pod), None) is not None or any(_taken(info, at, snapshot) for at in _exclusive(info, snapshot))

    def check_all(self, info: PodInfo, snapshot: Snapshot, candidates: Sequence[int]) -> dict[int, Rejection]:
        if any(_taken(info, at, snapshot) for at in _exclusive(info, snapshot)):
            return dict.fromkeys(candidates, self._pod)
        return {i: self._disk for i in candidates if _clashes(info.pod, snapshot.order[i])}


def _taken(info: PodInfo, at: str, snapshot: Snapshot) -> bool:
    """A pod that has a node, or was just given one, uses the claim."""
    world = snapshot.volumes
    for pod in world.users(at) if world is not None else ():
        if uid(pod) != info.uid and snapshot.node_of(f"{namespace(pod)}/{pod['metadata']['name']}"):
            return True
    return False


def _clashes(pod: Obj, node: NodeInfo) -> bool:
    mine = list(_disks(pod))
    if not mine:
        return False
    others = [disk for other in node.pods.values() for disk in _disks(other.pod)]
    return any(s == t and _conflict(s, one, other) for s, one in mine for t, other in others)
