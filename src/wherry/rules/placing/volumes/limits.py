"""How many volumes of a CSI driver a node takes: what its CSINode says. A cluster-wide filter for pods with such volumes.

Volumes that are attached for other reasons (VolumeAttachments) are not counted: nothing attaches volumes here.
Source of the rule and of the text: pkg/scheduler/framework/plugins/nodevolumelimits/csi.go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from wherry.api.objects import Obj, namespace
from wherry.rules.placing.scheduling.demand import PodInfo
from wherry.rules.placing.scheduling.node_info import NodeInfo
from wherry.rules.placing.scheduling.plugin import Rejection
from wherry.rules.placing.scheduling.snapshot import Snapshot
from wherry.rules.placing.volumes.world import VolumeWorld
from wherry.rules.storage.binding.names import claims_of_pod, class_of

#: (driver, handle)
Volume = tuple[str, str]


def _volumes(pod: Obj, world: VolumeWorld) -> set[Volume]:
    """The CSI volumes that the pod's claims mean, or will mean once they are provisioned."""
    found: set[Volume] = set()
    for each in claims_of_pod(pod):
        claim = world.claim(f"{namespace(pod)}/{each}")
        if claim is None:
            continue
        volume = world.volume(claim["spec"].get("volumeName") or "")
        if volume is not None:
            if (csi := volume["spec"].get("csi")) is not None:
                found.add((csi["driver"], csi["volumeHandle"]))
        elif (storage_class := world.storage_class(class_of(claim))) is not None:
            found.add((storage_class["provisioner"], f"{class_of(claim)}-{namespace(pod)}/{each}"))
    return found


def _limits(csi_node: Obj | None) -> dict[str, int]:
    drivers = ((csi_node or {}).get("spec") or {}).get("drivers") or ()
    return {d["name"]: d["allocatable"]["count"] for d in drivers if (d.get("allocatable") or {}).get("count") is not None}


class NodeVolumeLimits:
    name = "NodeVolumeLimits"
    _no = Rejection(name, ("node(s) exceed max volume count",), resolvable=True)

    def applies(self, info: PodInfo, snapshot: Snapshot) -> bool:
        world = snapshot.volumes
        return world is not None and bool(claims_of_pod(info.pod)) and bool(_volumes(info.pod, world))

    def check_all(self, info: PodInfo, snapshot: Snapshot, candidates: Sequence[int]) -> dict[int, Rejection]:
        world = snapshot.volumes
        if world is None:
            return {}
        wanted = _volumes(info.pod, world)
        return {i: self._no for i in candidates if _exceeds(wanted, snapshot.order[i], world)}


def _exceeds(wanted: set[Volume], node: NodeInfo, world: VolumeWorld) -> bool:
    limits = _limits(world.csi_node(node.name))
    if not any(driver in limits for driver, _ in wanted):
        return False
    used: set[Volume] = set()
    for pod in node.pods.values():
        used |= _volumes(pod.pod, world)
    new, have = Counter(driver for driver, _ in wanted - used), Counter(driver for driver, _ in used)
    return any(driver in limits and have[driver] + count > limits[driver] for driver, count in new.items())
