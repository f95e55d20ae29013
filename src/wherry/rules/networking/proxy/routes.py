"""What every address and port of a Service leads to, from the Service, its EndpointSlices and the nodes.

Called by the service proxy of real nodes, for one Service at a time; IPv4 cluster IPs, externalIPs, addresses of load balancers and node
ports. Headless Services and ExternalName lead nowhere. Endpoints that are ready get the traffic; where none is, those that serve while they
terminate (KEP-1669); where there are none either, the address refuses at once. A pod whose deletion its node knows of terminates, also
before its EndpointSlice says so: no new connection may come to a program that is about to be told to end.

All nodes share one network here, so what another proxy decides on each node is decided by where a packet comes from: pods by their node's
range. Policies: https://kubernetes.io/docs/reference/networking/virtual-ips/#traffic-policies, KEP-2433 (hints), KEP-3015 (PreferSameNode).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from typing import NamedTuple

from wherry.api.objects import Obj, name, namespace
from wherry.rules.networking.proxy.endpoints import Backend, Endpoint, endpoints, usable

#: the node ports of a Service are reached on every node; SCTP where the kernel has it
PROTOCOLS = ("TCP", "UDP", "SCTP")
_DEFAULT_AFFINITY = 10800


class Node(NamedTuple):
    """`addresses`: its own, `ranges`: its pods' (CIDR); IPv4."""

    name: str
    zone: str
    addresses: tuple[str, ...]
    ranges: tuple[str, ...]

    @property
    def sources(self) -> tuple[str, ...]:
        """What packets of this node come from."""
        return (*self.addresses, *self.ranges)


class World(NamedTuple):
    """`nodes`: sorted by name. `gateway`: where connections come from that enter the cluster's network here; "" when that is not known.

    It may be an address out of a node's range, and counts as outside all the same.
    """

    nodes: tuple[Node, ...] = ()
    gateway: str = ""


class Front(NamedTuple):
    """Where a client knocks; `protocol` is tcp, udp or sctp."""

    address: str
    protocol: str
    port: int


class Choice(NamedTuple):
    """What packets from these sources (addresses, CIDRs; none: all others) are led to; without backends they are dropped."""

    sources: tuple[str, ...]
    backends: tuple[Backend, ...]


class Route(NamedTuple):
    """`name`: the same for the same port of the same Service, in every state of it. No `choices`: there are no endpoints, it refuses.

    `sticky`: seconds for which a client's address gets the same backend again, 0 for none.
    """

    name: str
    choices: tuple[Choice, ...]
    sticky: int = 0

    @property
    def backends(self) -> tuple[Backend, ...]:
        """All that it may lead to."""
        return tuple(sorted({backend for choice in self.choices for backend in choice.backends}))


Routes = dict[Front, Route]
NOWHERE = World()


def routes(service: Obj, slices: Iterable[Obj], world: World = NOWHERE, leaving: Set[str] = frozenset()) -> Routes:
    """Of one Service; `slices`: its own. `leaving`: uids of pods that are about to end."""
    spec = service["spec"]
    if spec.get("type") == "ExternalName" or (spec.get("clusterIP") or "None") == "None":
        return {}
    found: Routes = {}
    slices = [each for each in slices if each.get("addressType") == "IPv4"]
    going = frozenset() if spec.get("publishNotReadyAddresses") else leaving
    for port in spec.get("ports") or ():
        protocol = port.get("protocol") or "TCP"
        if protocol in PROTOCOLS:
            _add(found, service, port, endpoints(slices, port.get("name") or "", protocol, going), world)
    return found


def _add(found: Routes, service: Obj, port: Obj, there: Sequence[Endpoint], world: World) -> None:
    spec = service["spec"]
    protocol = (port.get("protocol") or "TCP").lower()
    of = f"{namespace(service)}/{name(service)}/{port.get('name') or ''}/{protocol}/{port['port']}"
    sticky, nodes = _sticky(spec), world.nodes
    local = spec.get("internalTrafficPolicy") == "Local"
    inner = Route(of, _inner(there, world, local=local), sticky)
    for address in _cluster_ips(spec):
        found[Front(address, protocol, port["port"])] = inner
    outer = Route(f"{of}/external", _outer(there, world, [node.name for node in nodes]), sticky)
    if spec.get("externalTrafficPolicy") != "Local":
        outer = inner if not local else Route(f"{of}/external", _inner(there, world, local=False), sticky)
    for address in _external_ips(service):
        found[Front(address, protocol, port["port"])] = outer
    for node in nodes if port.get("nodePort") else ():
        own = outer
        if spec.get("externalTrafficPolicy") == "Local":
            own = Route(f"{of}/{node.name}", _outer(there, world, [node.name]), sticky)
        for address in node.addresses:
            found[Front(address, protocol, port["nodePort"])] = own


def _sticky(spec: Obj) -> int:
    if spec.get("sessionAffinity") != "ClientIP":
        return 0
    configured = ((spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}).get("timeoutSeconds")
    return int(configured or _DEFAULT_AFFINITY)


def _cluster_ips(spec: Obj) -> list[str]:
    return [each for each in spec.get("clusterIPs") or [spec["clusterIP"]] if ":" not in each]


def _external_ips(service: Obj) -> list[str]:
    ingress = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    # a load balancer of mode Proxy wants its traffic to come from outside
    balanced = [each["ip"] for each in ingress if each.get("ip") and each.get("ipMode") != "Proxy"]
    return [each for each in (*(service["spec"].get("externalIPs") or ()), *balanced) if ":" not in each]


def _inner(there: Sequence[Endpoint], world: World, *, local: bool) -> tuple[Choice, ...]:
    """For clients in the cluster: what each node's get, and what all others get."""
    every = usable(there)
    if not every:
        return ()
    groups: dict[tuple[Backend, ...], list[str]] = {}
    for node in world.nodes:
        backends = _on(there, node.name) if local else usable(there, node.name, node.zone)
        if backends != every:
            groups.setdefault(backends, []).extend(node.sources)
    chosen = [Choice(tuple(sources), backends) for backends, sources in sorted(groups.items()) if sources]
    outside = [Choice((world.gateway,), every)] if chosen and world.gateway else []
    return (*outside, *chosen, Choice((), every))


def _outer(there: Sequence[Endpoint], world: World, at: Sequence[str]) -> tuple[Choice, ...]:
    """With `externalTrafficPolicy: Local`, for packets that come in at these nodes; who is in the cluster reaches all endpoints."""
    every = usable(there)
    if not every:
        return ()
    inside = tuple(source for node in world.nodes for source in node.sources)
    backends = tuple(sorted({backend for each in at for backend in _on(there, each)}))
    outside = [Choice((world.gateway,), backends)] if inside and world.gateway else []
    return (*outside, *((Choice(inside, every),) if inside else ()), Choice((), backends))


def _on(there: Sequence[Endpoint], node: str) -> tuple[Backend, ...]:
    return usable([each for each in there if each.node == node])


def targets(slices: Iterable[Obj]) -> frozenset[str]:
    """The uids of the pods that they name."""
    return frozenset((each.get("targetRef") or {}).get("uid", "") for one in slices for each in one.get("endpoints") or ())


def node_of(node: Obj) -> Node:
    """What the proxy has to know of it."""
    labels = node["metadata"].get("labels") or {}
    addresses = (node.get("status") or {}).get("addresses") or ()
    own = [each["address"] for each in addresses if each.get("type") == "InternalIP" and ":" not in each["address"]]
    spec = node.get("spec") or {}
    ranges = spec.get("podCIDRs") or ([spec["podCIDR"]] if spec.get("podCIDR") else [])
    return Node(name(node), labels.get("topology.kubernetes.io/zone", ""), tuple(own), tuple(each for each in ranges if ":" not in each))
