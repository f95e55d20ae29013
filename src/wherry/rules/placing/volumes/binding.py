"""Which nodes the pod's volumes can be reached from, or made for; and what to write once a node is chosen.

A cluster-wide filter: it applies to pods with claims that wait for their first consumer, or whose volumes are not everywhere.
Source of the rules and of the texts: pkg/scheduler/framework/plugins/volumebinding (binder.go).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from wherry.api import quantity
from wherry.api.objects import Obj, annotations_of, key, labels, name
from wherry.rules.objects import selectors
from wherry.rules.objects.plan import Update
from wherry.rules.placing.scheduling.demand import PodInfo
from wherry.rules.placing.scheduling.node_info import NodeInfo
from wherry.rules.placing.scheduling.plugin import Rejection
from wherry.rules.placing.scheduling.snapshot import Snapshot
from wherry.rules.placing.volumes.world import PodClaims, VolumeWorld, pod_claims
from wherry.rules.storage.binding import names, steps
from wherry.rules.storage.binding.matching import matching, on_node
from wherry.rules.storage.binding.names import annotated, class_of, requested

_ELSEWHERE = "node(s) didn't match PersistentVolume's node affinity"
_NOTHING_TO_BIND = "node(s) didn't find available persistent volumes to bind"
_NO_SPACE = "node(s) did not have enough free storage"
_NO_VOLUME = "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"


class Found(NamedTuple):
    """For one node: (volume, claim) pairs to bind, claims to provision; or the reasons why it will not do."""

    bindings: list[tuple[Obj, Obj]]
    provisions: list[Obj]
    reasons: list[str]


class VolumeBinding:
    name = "VolumeBinding"

    def applies(self, info: PodInfo, snapshot: Snapshot) -> bool:
        world = snapshot.volumes
        if world is None or not names.claims_of_pod(info.pod):
            return False
        claims = pod_claims(info.pod, world)
        return bool(claims.delayed) or any(_restricts(world.volume(c["spec"]["volumeName"])) for c in claims.bound)

    def check_all(self, info: PodInfo, snapshot: Snapshot, candidates: Sequence[int]) -> dict[int, Rejection]:
        world = snapshot.volumes
        if world is None:
            return {}
        claims = pod_claims(info.pod, world)
        refused = {}
        for i in candidates:
            reasons = find(claims, snapshot.order[i], world).reasons
            if reasons:
                refused[i] = Rejection(self.name, tuple(reasons))
        return refused


def _restricts(volume: Obj | None) -> bool:
    return volume is None or bool(volume["spec"].get("nodeAffinity"))


def find(claims: PodClaims, node: NodeInfo, world: VolumeWorld) -> Found:
    """What the pod's claims get on that node."""
    reasons = _bound_elsewhere(claims.bound, node, world)
    bindings: list[tuple[Obj, Obj]] = []
    provisions: list[Obj] = []
    taken = set(world.assumed)
    for claim in sorted(claims.delayed, key=lambda c: quantity.nano(requested(c))):
        selected = annotations_of(claim).get(names.SELECTED_NODE)
        if selected is None:
            mine = {v for v in taken if world.assumed.get(v) == key(claim)}
            volume = matching(claim, list(world.volumes_of(class_of(claim))), node=node.node, taken=taken - mine, delayed=True)
            if volume is not None:
                taken.add(name(volume))
                bindings.append((volume, claim))
                continue
        elif selected != node.name:
            reasons.append(_NOTHING_TO_BIND)
            break
        if not _can_provision(claim, node, world):
            reasons.append(_NOTHING_TO_BIND)
            break
        if not _has_room(claim, node, world):
            reasons.append(_NO_SPACE)
            break
        provisions.append(claim)
    return Found(bindings, provisions, reasons)


def _bound_elsewhere(claims: list[Obj], node: NodeInfo, world: VolumeWorld) -> list[str]:
    for claim in claims:
        volume = world.volume(claim["spec"]["volumeName"])
        if volume is None:
            return [_NO_VOLUME]
        if not on_node(volume, node.node):
            return [_ELSEWHERE]
    return []


def _can_provision(claim: Obj, node: NodeInfo, world: VolumeWorld) -> bool:
    found = world.storage_class(class_of(claim))
    if found is None or found.get("provisioner") in (None, "", names.NO_PROVISIONER):
        return False
    allowed = found.get("allowedTopologies") or ()
    return not allowed or any(_in_topology(term, node) for term in allowed)


def _has_room(claim: Obj, node: NodeInfo, world: VolumeWorld) -> bool:
    """A driver that says how much storage it has (CSIStorageCapacity) has enough where the node can reach it."""
    wanted = class_of(claim)
    found = world.storage_class(wanted)
    driver = world.csi_driver(found["provisioner"]) if found is not None else None
    if driver is None or not driver["spec"].get("storageCapacity"):
        return True
    size = quantity.nano(requested(claim))
    return any(c.get("storageClassName") == wanted and _room(c) >= size and _reaches(c, node) for c in world.capacities())


def _room(capacity: Obj) -> int:
    said = capacity.get("maximumVolumeSize") or capacity.get("capacity")
    return quantity.nano(said) if said is not None else -1


def _reaches(capacity: Obj, node: NodeInfo) -> bool:
    chosen = capacity.get("nodeTopology")
    return chosen is not None and selectors.from_label_selector(chosen).matches(labels(node.node))


def _in_topology(term: Obj, node: NodeInfo) -> bool:
    wanted, have = term.get("matchLabelExpressions") or (), labels(node.node)
    return bool(wanted) and all(have.get(e["key"]) in e["values"] for e in wanted)


def writes(found: Found, node: str) -> list[Update]:
    """What tells the persistent volume controller and the provisioner about the decision."""
    updates = []
    for volume, claim in found.bindings:
        pointed = steps.point_volume(volume, claim)
        if pointed is not None:
            updates.append(Update(pointed))
    for claim in found.provisions:
        if annotations_of(claim).get(names.SELECTED_NODE) != node:
            updates.append(Update(annotated(claim, {names.SELECTED_NODE: node})))
    return updates
