"""The endpoints that a Service should have: its pods, grouped by the ports at which they serve.

Called by `wherry.rules.networking.endpoints.slices` once per address family. Source: staging/src/k8s.io/endpointslice/utils.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from wherry.api.objects import Obj, is_deleting, labels, name, namespace
from wherry.rules.networking.endpoints import pods as endpoint_pods
from wherry.rules.networking.endpoints.order import sorted_slice_ports

ZONE = "topology.kubernetes.io/zone"

#: gives the node of that name, or None
NodeOf = Callable[[str], Obj | None]
#: what makes two endpoints the same one: addresses, host name, namespace and name of the pod
Identity = tuple[tuple[str, ...], str, str, str]
#: a port list as a value, whatever its order
PortKey = tuple[tuple[tuple[str, object], ...], ...]


@dataclass(slots=True)
class Group:
    """Endpoints that serve at the same ports. It may be empty and still be wanted."""

    ports: list[Obj]
    endpoints: dict[Identity, Obj] = field(default_factory=dict)


def wanted(service: Obj, pods: Iterable[Obj], node_of: NodeOf, family: str, errors: list[str]) -> dict[PortKey, Group]:
    """By port list. A pod whose node is not known is left out and named in `errors`, unless the Service publishes what is not ready."""
    groups: dict[PortKey, Group] = {}
    for pod in pods:
        if not endpoint_pods.belongs(pod, terminating=True):
            continue
        ports = _ports(service, pod)
        group = groups.setdefault(port_key(ports), Group(ports))
        on = pod["spec"].get("nodeName", "")
        node = node_of(on)
        if node is None and not service["spec"].get("publishNotReadyAddresses"):
            errors.append(f"skipping Pod {name(pod)} for Service {namespace(service)}/{name(service)}: Node {on} Not Found")
            continue
        endpoint = endpoint_of(pod, node, service, family)
        if endpoint["addresses"]:
            group.endpoints[identity(endpoint)] = endpoint
    return groups


def endpoint_of(pod: Obj, node: Obj | None, service: Obj, family: str) -> Obj:
    """A pod as an endpoint. A terminating pod is never ready, unless the Service publishes what is not ready."""
    serving, terminating = endpoint_pods.is_ready(pod), is_deleting(pod)
    ready = bool(service["spec"].get("publishNotReadyAddresses")) or (serving and not terminating)
    endpoint: Obj = {
        "addresses": sorted(endpoint_pods.addresses(pod, family)),
        "conditions": {"ready": ready, "serving": serving, "terminating": terminating},
    }
    host = endpoint_pods.hostname(pod, service)
    if host:
        endpoint["hostname"] = host
    endpoint["targetRef"] = endpoint_pods.pod_reference(pod)
    if pod["spec"].get("nodeName"):
        endpoint["nodeName"] = pod["spec"]["nodeName"]
    zone = labels(node).get(ZONE) if node is not None else None
    if zone:
        endpoint["zone"] = zone
    return endpoint


def _ports(service: Obj, pod: Obj) -> list[Obj]:
    found = []
    for port in service["spec"].get("ports") or ():
        number = endpoint_pods.target_port(pod, port)
        if number is not None:
            entry = {"name": port.get("name", ""), "port": number, "protocol": port.get("protocol", "TCP")}
            if port.get("appProtocol") is not None:
                entry["appProtocol"] = port["appProtocol"]
            found.append(entry)
    return sorted_slice_ports(found)


def port_key(ports: list[Obj]) -> PortKey:
    return tuple(sorted(tuple(sorted(port.items())) for port in ports))


def identity(endpoint: Obj) -> Identity:
    ref = endpoint.get("targetRef") or {}
    return tuple(sorted(endpoint["addresses"])), endpoint.get("hostname") or "", ref.get("namespace", ""), ref.get("name", "")


def same(one: Obj, other: Obj) -> bool:
    """Equal but for hints, which are decided apart."""
    return all(one.get(k) == other.get(k) for k in ("conditions", "nodeName", "zone", "targetRef"))
