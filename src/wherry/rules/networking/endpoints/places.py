"""Which slice an endpoint goes to, so that few slices change: where it is, then where there is change anyway, then where there is room.

Called by `wherry.rules.networking.endpoints.slices` for each set of slices with the same ports.
Source: staging/src/k8s.io/endpointslice/reconciler.go (reconcileByPortMapping); KEP-752.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from wherry.api.objects import Obj, controller_ref, labels, name, namespace
from wherry.rules.networking.endpoints import pods as endpoint_pods
from wherry.rules.networking.endpoints.slice_endpoints import Identity, identity, same

MAX_ENDPOINTS = 100
SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
CONTROLLER = "endpointslice-controller.k8s.io"
_RESERVED = (SERVICE_NAME, MANAGED_BY, endpoint_pods.HEADLESS)
_LONGEST_PREFIX = 253


def service_of(one: Obj) -> tuple[str, ...]:
    """`NAMESPACE/NAME` of the Service that an EndpointSlice is of, as an index has it; nothing for one without."""
    owner = labels(one).get(SERVICE_NAME)
    return (f"{namespace(one)}/{owner}",) if owner else ()


@dataclass(slots=True)
class Changes:
    """Slices, each with its endpoints as they are to be."""

    create: list[Obj] = field(default_factory=list)
    update: list[Obj] = field(default_factory=list)
    delete: list[Obj] = field(default_factory=list)


def place(service: Obj, slices: list[Obj], wanted: dict[Identity, Obj], empty: Obj, changes: Changes) -> None:
    """Find a slice for every wanted endpoint. `empty`: what a new slice is like."""
    changing, unchanged, rest = _keep(service, slices, wanted, changes)
    for each in sorted(changing, key=lambda s: -len(s["endpoints"])):
        _fill(each, rest)
    while rest:
        target = _with_room(unchanged, len(rest)) if len(rest) < MAX_ENDPOINTS else None
        if target is None:
            filled = {**empty, "endpoints": []}
            changes.create.append(filled)
        else:
            unchanged.remove(target)
            filled = _with(target, labels(target), list(target.get("endpoints") or ()))
            changing.append(filled)
        _fill(filled, rest)
    changes.update += changing


def _keep(service: Obj, slices: list[Obj], wanted: dict[Identity, Obj], changes: Changes) -> tuple[list[Obj], list[Obj], list[Obj]]:
    """Endpoints stay where they are. Gives slices that change, slices that do not, and endpoints without a place (the last comes first)."""
    changing: list[Obj] = []
    unchanged: list[Obj] = []
    rest = dict(wanted)
    told = slice_labels(service)
    for each in slices:
        present = each.get("endpoints") or []
        kept, differs = [], False
        for endpoint in present:
            better = rest.pop(identity(endpoint), None)
            if better is not None:
                kept.append(better)
                differs = differs or not same(better, endpoint)
        if differs or len(kept) != len(present):
            if kept:
                changing.append(_with(each, told, kept))
            else:
                changes.delete.append(each)
        elif _mirrored(labels(each)) != _mirrored(told):
            changing.append(_with(each, told, kept))
        else:
            unchanged.append(each)
    return changing, unchanged, list(reversed(rest.values()))


def _fill(each: Obj, rest: list[Obj]) -> None:
    while rest and len(each["endpoints"]) < MAX_ENDPOINTS:
        each["endpoints"].append(rest.pop())


def _with_room(slices: list[Obj], count: int) -> Obj | None:
    """The slice that becomes fullest with `count` more."""
    fitting = [s for s in slices if len(s.get("endpoints") or ()) + count <= MAX_ENDPOINTS]
    return max(fitting, key=lambda s: len(s.get("endpoints") or ()), default=None)


def _with(each: Obj, told: dict[str, str], endpoints: list[Obj]) -> Obj:
    return {**each, "metadata": {**each["metadata"], "labels": told}, "endpoints": endpoints}


def new_slice(service: Obj, family: str, ports: list[Obj]) -> Obj:
    """A slice without endpoints, to be named by the server."""
    prefix = f"{name(service)}-"
    metadata = {"generateName": prefix if len(prefix) <= _LONGEST_PREFIX else name(service), "namespace": namespace(service),
                "labels": slice_labels(service), "ownerReferences": [controller_ref(service)]}
    return {"kind": "EndpointSlice", "apiVersion": "discovery.k8s.io/v1", "metadata": metadata, "addressType": family, "endpoints": [],
            "ports": ports}


def slice_labels(service: Obj) -> dict[str, str]:
    """The Service's own labels, and the three that only the controller sets."""
    found = _mirrored(labels(service))
    if endpoint_pods.is_headless(service):
        found[endpoint_pods.HEADLESS] = ""
    return {**found, SERVICE_NAME: name(service), MANAGED_BY: CONTROLLER}


def _mirrored(found: dict[str, str]) -> dict[str, str]:
    return {k: v for k, v in found.items() if k not in _RESERVED}
