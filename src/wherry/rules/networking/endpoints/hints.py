"""Hints in EndpointSlices: which zone or node an endpoint should serve, when the Service asks for near traffic.

Called by the rule of EndpointSlices for every slice it writes or keeps. `spec.trafficDistribution` PreferClose or PreferSameZone: the zone
of each ready endpoint; PreferSameNode: its node too. Without it no hints. The annotation
`service.kubernetes.io/topology-mode: Auto` comes first: see `endpointslice_topology`.
Source: staging/src/k8s.io/endpointslice/trafficdist; KEP-3015.
"""

from __future__ import annotations

from collections.abc import Callable

from wherry.api.objects import Obj

_NEAR = ("PreferClose", "PreferSameZone", "PreferSameNode")
_TOPOLOGY_MODE = ("service.kubernetes.io/topology-aware-hints", "service.kubernetes.io/topology-mode")


def hints_for(service: Obj) -> Callable[[list[Obj]], list[Obj]]:
    """Gives endpoints with the hints that this Service wants; new ones where they differ."""
    wanted = service["spec"].get("trafficDistribution")
    if wanted not in _NEAR or asks_for_topology(service):
        return _without
    same_node = wanted == "PreferSameNode"
    return lambda endpoints: [_near(each, same_node) for each in endpoints]


def asks_for_topology(service: Obj) -> bool:
    """The Service wants its traffic spread over zones."""
    notes = service["metadata"].get("annotations") or {}
    return next((notes[k] for k in _TOPOLOGY_MODE if k in notes), "") in ("Auto", "auto")


def _without(endpoints: list[Obj]) -> list[Obj]:
    if not any("hints" in each for each in endpoints):
        return endpoints
    return [{k: v for k, v in each.items() if k != "hints"} for each in endpoints]


def _near(endpoint: Obj, same_node: bool) -> Obj:
    if not (endpoint.get("conditions") or {}).get("ready"):
        return endpoint
    hints: Obj = {}
    if endpoint.get("zone"):
        hints["forZones"] = [{"name": endpoint["zone"]}]
    if same_node and endpoint.get("nodeName"):
        hints["forNodes"] = [{"name": endpoint["nodeName"]}]
    if endpoint.get("hints", {}) == hints:
        return endpoint
    rest = {k: v for k, v in endpoint.items() if k != "hints"}
    return {**rest, "hints": hints} if hints else rest
