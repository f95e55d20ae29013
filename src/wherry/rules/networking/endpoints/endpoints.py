"""The Endpoints of a Service: addresses of its pods, ready and not, grouped by the ports they offer.

Called by `wherry.controllers.endpoints` with a Service, the pods it selects and its Endpoints as they are. Addresses that offer the same
ports stand together in a subset; an Endpoints object holds at most a thousand, ready ones first.
Source: pkg/controller/endpoint/endpoints_controller.go, pkg/api/v1/endpoints/util.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil

from wherry.api.objects import Obj, labels, name, namespace
from wherry.rules.networking.endpoints import pods as endpoint_pods
from wherry.rules.networking.endpoints.order import sorted_ports, sorted_subsets
from wherry.rules.objects.plan import NOTHING, Create, Plan, Update

CAPACITY = 1000
MANAGED_BY = "endpoints.kubernetes.io/managed-by"
CONTROLLER = "endpoint-controller"
OVER_CAPACITY = "endpoints.kubernetes.io/over-capacity"

#: (ip, uid of the pod)
_Key = tuple[str, str]
#: a port as a value: name, port, protocol, appProtocol
_Port = tuple[str, int, str, str | None]


def plan(service: Obj, pods: Iterable[Obj], current: Obj | None, trigger: str) -> Plan:
    """Create or replace the Endpoints, if they are not as they should be. `trigger`: see endpoint_pods.trigger_time."""
    kept, cut = _within_capacity(subsets(service, pods))
    if current is not None and _is_right(current, service, kept, cut):
        return NOTHING
    meta: Obj = current["metadata"] if current is not None else {"name": name(service), "namespace": namespace(service)}
    notes = endpoint_pods.with_trigger_time({k: v for k, v in (meta.get("annotations") or {}).items() if k != OVER_CAPACITY}, trigger)
    if cut:
        notes[OVER_CAPACITY] = "truncated"
    meta = {**meta, "labels": _labels(service), "annotations": notes}
    if not notes:
        del meta["annotations"]
    obj: Obj = {"kind": "Endpoints", "apiVersion": "v1", "metadata": meta}
    if kept:
        obj["subsets"] = kept
    return Plan((Create(obj) if current is None else Update(obj),))


def subsets(service: Obj, pods: Iterable[Obj]) -> list[Obj]:
    """All addresses in the canonical layout, without a limit."""
    early = bool(service["spec"].get("publishNotReadyAddresses"))
    known: dict[_Key, Obj] = {}
    by_port: dict[_Port | None, dict[_Key, bool]] = {}
    for pod in pods:
        address = _address(service, pod) if endpoint_pods.belongs(pod, terminating=early) else None
        if address is None:
            continue
        key = (address["ip"], address["targetRef"]["uid"])
        ready = early or endpoint_pods.is_ready(pod)
        for port in _ports(service, pod):
            known.setdefault(key, address)
            at_port = by_port.setdefault(port, {})
            at_port[key] = at_port.get(key, True) and ready
    return _packed(known, by_port)


def repacked(given: Iterable[Obj]) -> list[Obj]:
    """Subsets as somebody wrote them in the canonical layout. An address that is ready at a port here and not there is not ready."""
    known: dict[_Key, Obj] = {}
    by_port: dict[_Port | None, dict[_Key, bool]] = {}
    for subset in given:
        ports: list[_Port | None] = [(p.get("name", ""), p["port"], p.get("protocol", "TCP"), p.get("appProtocol"))
                                     for p in subset.get("ports") or ()]
        for part, ready in (("addresses", True), ("notReadyAddresses", False)):
            for address in subset.get(part) or ():
                key = (address["ip"], (address.get("targetRef") or {}).get("uid", ""))
                known.setdefault(key, address)
                for port in ports or [None]:
                    at_port = by_port.setdefault(port, {})
                    at_port[key] = at_port.get(key, True) and ready
    return _packed(known, by_port)


def _address(service: Obj, pod: Obj) -> Obj | None:
    """The pod's address in the Service's first family; None when it has none."""
    found = endpoint_pods.addresses(pod, _family(service, pod))
    if not found:
        return None
    address: Obj = {"ip": found[0]}
    host = endpoint_pods.hostname(pod, service)
    if host:
        address["hostname"] = host
    if pod["spec"].get("nodeName"):
        address["nodeName"] = pod["spec"]["nodeName"]
    address["targetRef"] = endpoint_pods.pod_reference(pod)
    return address


def _family(service: Obj, pod: Obj) -> str:
    spec = service["spec"]
    if spec.get("ipFamilies"):
        return str(spec["ipFamilies"][0])
    sample = (pod.get("status") or {}).get("podIP", "") if endpoint_pods.is_headless(service) else spec["clusterIP"]
    return endpoint_pods.family(sample)


def _ports(service: Obj, pod: Obj) -> list[_Port | None]:
    """The ports at which the pod serves; [None] stands for a headless Service that names none."""
    ports = service["spec"].get("ports") or ()
    if not ports:
        return [None] if service["spec"].get("clusterIP") == "None" else []
    found = ((port, endpoint_pods.target_port(pod, port)) for port in ports)
    return [(p.get("name", ""), n, p.get("protocol", "TCP"), p.get("appProtocol")) for p, n in found if n is not None]


def _packed(known: dict[_Key, Obj], by_port: dict[_Port | None, dict[_Key, bool]]) -> list[Obj]:
    """Ports that the same addresses offer, in the same state, share a subset."""
    groups: dict[tuple[tuple[_Key, bool], ...], list[_Port]] = {}
    for port, states in by_port.items():
        ports = groups.setdefault(tuple(sorted(states.items())), [])
        if port is not None:
            ports.append(port)
    found = []
    for members, offered in groups.items():
        parts = {
            "addresses": [known[key] for key, ready in members if ready],
            "notReadyAddresses": [known[key] for key, ready in members if not ready],
            "ports": sorted_ports([_port(port) for port in offered]),
        }
        found.append({k: v for k, v in parts.items() if v})
    return sorted_subsets(found)


def _port(port: _Port) -> Obj:
    label, number, protocol, app = port
    values = {"name": label or None, "port": number, "protocol": protocol, "appProtocol": app}
    return {k: v for k, v in values.items() if v is not None}


def _labels(service: Obj) -> dict[str, str]:
    found = {k: v for k, v in labels(service).items() if k != endpoint_pods.HEADLESS}
    if endpoint_pods.is_headless(service):
        found[endpoint_pods.HEADLESS] = ""
    found[MANAGED_BY] = CONTROLLER
    return found


def _is_right(current: Obj, service: Obj, wanted: list[Obj], cut: bool) -> bool:
    reserved = (endpoint_pods.HEADLESS, MANAGED_BY)
    present = labels(current)
    mirrored = {k: v for k, v in present.items() if k not in reserved}
    return ((current.get("subsets") or []) == wanted
            and present.get(MANAGED_BY) == CONTROLLER
            and mirrored == {k: v for k, v in labels(service).items() if k not in reserved}
            and (OVER_CAPACITY in (current["metadata"].get("annotations") or {})) is cut)


def _count(found: list[Obj]) -> int:
    return sum(len(s.get("addresses", ())) + len(s.get("notReadyAddresses", ())) for s in found)


def _within_capacity(found: list[Obj]) -> tuple[list[Obj], bool]:
    """At most CAPACITY addresses: those that are not ready go first, then ready ones, in proportion over the subsets."""
    ready = sum(len(s.get("addresses", ())) for s in found)
    total = _count(found)
    if total <= CAPACITY:
        return found, False
    cut_ready = ready > CAPACITY
    part = "addresses" if cut_ready else "notReadyAddresses"
    among, room = (ready, CAPACITY) if cut_ready else (total - ready, CAPACITY - ready)
    left = room
    kept = []
    for subset in found:
        entries = subset.get(part, [])
        share = min(left, ceil(len(entries) / among * room))
        left -= min(share, len(entries))
        changed = {**subset, part: entries[:share]}
        if cut_ready:
            changed.pop("notReadyAddresses", None)
        if changed.get("addresses") or changed.get("notReadyAddresses"):
            kept.append({k: v for k, v in changed.items() if v})
    return kept, True
