"""The EndpointSlices of a Service: its pods as endpoints, at most a hundred to a slice, one set of slices per address family and port list.

Called by `wherry.controllers.endpointslice` with a Service, the pods it selects and its slices as they are. A Service without endpoints has
one empty slice, so that readers can tell "none" from "not yet".
Source: staging/src/k8s.io/endpointslice/reconciler.go; KEP-752.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from wherry.api.objects import Obj, is_deleting, labels, name
from wherry.rules.networking.endpoints import pods as endpoint_pods
from wherry.rules.networking.endpoints import topology
from wherry.rules.networking.endpoints.hints import asks_for_topology, hints_for
from wherry.rules.networking.endpoints.places import Changes, new_slice, place
from wherry.rules.networking.endpoints.slice_endpoints import NodeOf, PortKey, port_key, wanted
from wherry.rules.networking.endpoints.topology import Ratios
from wherry.rules.objects.plan import Action, Create, Delete, Emit, Plan, Update

Hinted = Callable[[list[Obj]], list[Obj]]


class Outcome(NamedTuple):
    """`errors` names pods that were left out because their node is not known: plan again later."""

    plan: Plan
    errors: tuple[str, ...] = ()


def plan(service: Obj, pods: Sequence[Obj], node_of: NodeOf, slices: Iterable[Obj], trigger: str, zones: Ratios | None = None) -> Outcome:
    """`slices`: those of this Service and this controller that are not being deleted. `trigger`: see endpoint_pods.trigger_time.

    `zones`: see endpointslice_topology.ratios.
    """
    by_family: dict[str, list[Obj]] = {family: [] for family in _families(service)}
    actions: list[Action] = []
    unsupported: list[Action] = []
    errors: list[str] = []
    for each in slices:
        if each["addressType"] in by_family:
            by_family[each["addressType"]].append(each)
        else:
            unsupported.append(Delete(each))
    for family, existing in by_family.items():
        changes = _of_family(service, pods, node_of, existing, family, errors)
        actions += _actions(service, existing, changes, trigger, family, zones or {})
    return Outcome(Plan((*actions, *unsupported)), tuple(dict.fromkeys(errors)))


def _families(service: Obj) -> list[str]:
    spec = service["spec"]
    if spec.get("ipFamilies"):
        return list(spec["ipFamilies"])
    return ["IPv4", "IPv6"] if endpoint_pods.is_headless(service) else [endpoint_pods.family(spec["clusterIP"])]


def _of_family(service: Obj, pods: Sequence[Obj], node_of: NodeOf, existing: list[Obj], family: str, errors: list[str]) -> Changes:
    changes = Changes()
    present: dict[PortKey, list[Obj]] = {}
    for each in existing:
        if _is_owned(each, service):
            present.setdefault(port_key(each.get("ports") or []), []).append(each)
        else:
            changes.delete.append(each)
    for key, group in wanted(service, pods, node_of, family, errors).items():
        place(service, present.pop(key, []), group.endpoints, new_slice(service, family, group.ports), changes)
    for left in present.values():
        changes.delete += left
    if len(changes.delete) == len(existing) and not changes.create:
        _keep_one_empty(service, new_slice(service, family, []), changes)
    return changes


def _keep_one_empty(service: Obj, empty: Obj, changes: Changes) -> None:
    if len(changes.delete) == 1:
        last = changes.delete[0]
        if _is_owned(last, service) and not last.get("endpoints") and not last.get("ports") and labels(last) == labels(empty):
            changes.delete.clear()
            return
    changes.create.append(empty)


def _is_owned(each: Obj, service: Obj) -> bool:
    own = ("v1", "Service", service["metadata"]["uid"])
    return any((ref["apiVersion"], ref["kind"], ref["uid"]) == own for ref in each["metadata"].get("ownerReferences") or ())


def _actions(service: Obj, existing: list[Obj], changes: Changes, trigger: str, family: str, zones: Ratios) -> list[Action]:
    """Writes in order: what would be created takes the place of what would be deleted; nothing is created for a Service that is going."""
    delete = []
    for each in changes.delete:
        if changes.create and _is_owned(each, service):
            successor = changes.create.pop()
            changes.update.append({**successor, "metadata": {**each["metadata"], "labels": successor["metadata"]["labels"]}})
        else:
            delete.append(each)
    hinted = hints_for(service)
    touched = {name(each) for each in (*changes.update, *delete)}
    untouched = [each for each in existing if name(each) not in touched]
    told: list[Action] = []
    if asks_for_topology(service):
        made = topology.hinted(changes.create, changes.update, untouched, zones)
        changes.create, changes.update, hinted = made.create, made.update, list
        told = _told(service, made.refused, family, had=any(_has_hints(each) for each in existing))
    else:
        changes.update += [each for each in untouched if hinted(each.get("endpoints") or []) != (each.get("endpoints") or [])]
    create = [] if is_deleting(service) else changes.create
    actions: list[Action] = [Create(_final(each, hinted, trigger)) for each in create]
    actions += [Update(_final(each, hinted, trigger)) for each in changes.update]
    return [*told, *actions, *map(Delete, delete)]


def _has_hints(each: Obj) -> bool:
    return any("hints" in endpoint for endpoint in each.get("endpoints") or ())


def _told(service: Obj, refused: str, family: str, *, had: bool) -> list[Action]:
    if refused:
        return [_event(service, "Warning", "TopologyAwareHintsDisabled", refused, family)]
    return [] if had else [_event(service, "Normal", "TopologyAwareHintsEnabled", "Topology Aware Hints has been enabled", family)]


def disabled(service: Obj) -> Plan:
    """The Service no longer wants its traffic spread over zones."""
    text = "Topology Aware Hints has been disabled"
    return Plan(tuple(_event(service, "Warning", "TopologyAwareHintsDisabled", text, family) for family in _families(service)))


def _event(service: Obj, type_: str, reason: str, text: str, family: str) -> Action:
    return Emit(service, type_, reason, f"{text}, addressType: {family}")


def _final(each: Obj, hinted: Hinted, trigger: str) -> Obj:
    """As it is written: with hints and the time of the change; empty lists are null, as the API shows them."""
    meta = {k: v for k, v in each["metadata"].items() if k != "annotations"}
    notes = endpoint_pods.with_trigger_time(each["metadata"].get("annotations"), trigger)
    if notes:
        meta["annotations"] = notes
    return {**each, "metadata": meta, "endpoints": hinted(each.get("endpoints") or []) or None, "ports": each.get("ports") or None}
