"""The slices that mirror Endpoints without a controller of ours: one per address family and ports, kept as the Endpoints say.

Called by the mirroring controller with Endpoints and the slices it made of them. A slice that is no longer wanted becomes one that is, when
their families agree. Source: pkg/controller/endpointslicemirroring/reconciler.go; KEP-752.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from wherry.api.objects import Obj, annotations_of, controller_ref, is_deleting, labels, name, namespace
from wherry.rules.networking.endpoints.places import MANAGED_BY, SERVICE_NAME
from wherry.rules.networking.endpoints.slice_endpoints import identity, port_key, same
from wherry.rules.networking.mirroring.wanted import MAX, Group, Key, wanted
from wherry.rules.objects.plan import Action, Create, Delete, Emit, Plan, Update

CONTROLLER = "endpointslicemirroring-controller.k8s.io"
SKIP = "endpointslice.kubernetes.io/skip-mirror"
LEADER = "control-plane.alpha.kubernetes.io/leader"
#: annotations that say something about the Endpoints object itself
_OWN_NOTES = ("endpoints.kubernetes.io/last-change-trigger-time", "kubectl.kubernetes.io/last-applied-configuration")
_LONGEST_PREFIX = 253


def is_mirrored(endpoints: Obj) -> bool:
    """Not those that say so, nor locks of an old leader election."""
    return labels(endpoints).get(SKIP) != "true" and LEADER not in annotations_of(endpoints)


def clean_up(slices: Iterable[Obj]) -> Plan:
    """There is nothing to mirror any more."""
    return Plan(tuple(Delete(each) for each in slices))


def plan(endpoints: Obj, slices: Sequence[Obj]) -> Plan:
    found = wanted(endpoints)
    present: dict[Key, list[Obj]] = {}
    for each in slices:
        present.setdefault((each["addressType"], port_key(each.get("ports") or [])), []).append(each)
    create: list[Obj] = []
    update: list[Obj] = []
    delete: list[Obj] = []
    for key, group in found.groups.items():
        existing = present.pop(key, [])
        if not group.endpoints:
            delete += existing
            continue
        delete += existing[1:]
        if existing and _is_right(endpoints, existing[0], group):
            continue
        made = _slice(endpoints, key[0], group)
        if existing:
            update.append({**made, "metadata": {**existing[0]["metadata"], **_kept(made)}})
        else:
            create.append(made)
    delete += [each for rest in present.values() for each in rest]
    actions = (*_told(endpoints, found.invalid, found.skipped), *_writes(endpoints, create, update, delete))
    return Plan(actions)


def _told(endpoints: Obj, invalid: int, skipped: int) -> list[Emit]:
    told = []
    if invalid:
        text = f"Skipped {invalid} invalid IP addresses when mirroring to EndpointSlices"
        told.append(Emit(endpoints, "Warning", "InvalidIPAddress", text))
    if skipped > invalid:
        text = f"A max of {MAX} addresses can be mirrored to EndpointSlices per Endpoints subset. {skipped} addresses were skipped"
        told.append(Emit(endpoints, "Warning", "TooManyAddressesToMirror", text))
    return told


def _writes(endpoints: Obj, create: list[Obj], update: list[Obj], delete: list[Obj]) -> list[Action]:
    left = []
    for each in delete:
        heir = next((c for c in create if c["addressType"] == each["addressType"]), None)
        if heir is None:
            left.append(each)
        else:
            create.remove(heir)
            update.append({**heir, "metadata": {**each["metadata"], **_kept(heir)}})
    made = [] if is_deleting(endpoints) else create
    return [*map(Create, made), *(Update(_tidy(each)) for each in update), *map(Delete, left)]


def _kept(made: Obj) -> Obj:
    """What a slice that is written over takes of its new form; no annotations are none."""
    meta = made["metadata"]
    return {"labels": meta["labels"], "ownerReferences": meta["ownerReferences"], "annotations": meta.get("annotations")}


def _tidy(each: Obj) -> Obj:
    return {**each, "metadata": {k: v for k, v in each["metadata"].items() if v is not None}}


def _labels(endpoints: Obj) -> dict[str, str]:
    return {**labels(endpoints), SERVICE_NAME: name(endpoints), MANAGED_BY: CONTROLLER}


def _notes(endpoints: Obj) -> dict[str, str]:
    return {k: v for k, v in annotations_of(endpoints).items() if k not in _OWN_NOTES}


def _is_right(endpoints: Obj, each: Obj, group: Group) -> bool:
    there = {identity(e): e for e in each.get("endpoints") or ()}
    if there.keys() != group.endpoints.keys() or not all(same(group.endpoints[k], there[k]) for k in there):
        return False
    return labels(each) == _labels(endpoints) and annotations_of(each) == _notes(endpoints)


def _slice(endpoints: Obj, family: str, group: Group) -> Obj:
    prefix = f"{name(endpoints)}-"
    metadata: Obj = {
        "generateName": prefix if len(prefix) <= _LONGEST_PREFIX else name(endpoints),
        "namespace": namespace(endpoints),
        "labels": _labels(endpoints),
        "ownerReferences": [controller_ref({**endpoints, "apiVersion": "v1", "kind": "Endpoints"})],
    }
    if notes := _notes(endpoints):
        metadata["annotations"] = notes
    return {
        "kind": "EndpointSlice",
        "apiVersion": "discovery.k8s.io/v1",
        "metadata": metadata,
        "addressType": family,
        "endpoints": list(group.endpoints.values())[:MAX],
        "ports": group.ports or None,
    }
