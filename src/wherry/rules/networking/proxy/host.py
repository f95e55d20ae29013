"""What this machine listens at for Services: node ports, and the addresses of load balancers. Pure.

Called by `network.host_ports` for one Service at a time. Programs of the machine are no part of the pods' network, so their connections are
taken here and led in at a node's address, where the Service's rules lead them on; a Service of type LoadBalancer gets an address of the
machine's loopback range of its own. Source: https://kubernetes.io/docs/concepts/services-networking/service/#loadbalancer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from ipaddress import IPv4Network, ip_address, ip_network
from typing import NamedTuple

from wherry.api.objects import Obj
from wherry.rules.networking.proxy.endpoints import endpoints
from wherry.rules.networking.proxy.routes import Node

#: which class of load balancers is ours, beside none
CLASS = "wherry.dev/loopback"
#: what addresses of load balancers are out of: loopback, so nothing but this machine reaches them
RANGE = IPv4Network("127.1.0.0/16")


class Listener(NamedTuple):
    """`protocol`: TCP or UDP. `inside`: address and port in the pods' network. `sources`: CIDRs of clients that are served; none: all."""

    address: str
    port: int
    protocol: str
    inside: tuple[str, int]
    sources: tuple[str, ...] = ()

    @property
    def place(self) -> tuple[str, int, str]:
        """What two listeners cannot share."""
        return self.address, self.port, self.protocol


def is_balanced(service: Obj) -> bool:
    """Whether its load balancer is ours to make."""
    spec = service["spec"]
    return spec.get("type") == "LoadBalancer" and spec.get("loadBalancerClass") in (None, CLASS)


def assigned(service: Obj) -> str:
    """The address of ours that its status says; "" for none."""
    ingress = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    return next((each["ip"] for each in ingress if each.get("ip") and _is_ours(each["ip"])), "")


def _is_ours(address: str) -> bool:
    try:
        return ip_address(address) in RANGE
    except ValueError:
        return False


def choose(service: Obj, taken: Collection[str]) -> str:
    """An address for a load balancer: the one that it has or asks for, else the first free one. "" when all are taken."""
    for wanted in (assigned(service), service["spec"].get("loadBalancerIP") or ""):
        if wanted and _is_ours(wanted) and wanted not in taken:
            return wanted
    return next((str(each) for each in RANGE.hosts() if str(each) not in taken), "")


def node_ports(service: Obj, addresses: Iterable[str], slices: Iterable[Obj], nodes: Sequence[Node]) -> list[Listener]:
    """`addresses`: of this machine, at which node ports are served. `slices`: of the Service."""
    slices = list(slices)
    return [
        Listener(address, port["nodePort"], _protocol(port), _inside(service, port, slices, nodes))
        for port in service["spec"].get("ports") or ()
        if port.get("nodePort") and nodes and _protocol(port) != "SCTP"
        for address in addresses
    ]


def balanced(service: Obj, address: str, slices: Iterable[Obj], nodes: Sequence[Node]) -> list[Listener]:
    """`address`: the load balancer's."""
    slices, spec = list(slices), service["spec"]
    sources = tuple(each.strip() for each in spec.get("loadBalancerSourceRanges") or ())
    return [
        Listener(address, port["port"], _protocol(port), _inside(service, port, slices, nodes), sources)
        for port in spec.get("ports") or ()
        if _protocol(port) != "SCTP"
    ]


def not_served(service: Obj) -> str:
    """What of it this machine does not listen at, and why; "" for nothing. In the pods' own network it is served."""
    outside = service["spec"].get("type") in ("NodePort", "LoadBalancer")
    numbers = [str(port.get("nodePort") or port["port"]) for port in service["spec"].get("ports") or () if _protocol(port) == "SCTP"]
    return f"SCTP port {', '.join(numbers)}: this machine passes on TCP and UDP only" if outside and numbers else ""


def _protocol(port: Obj) -> str:
    return str(port.get("protocol") or "TCP")


def _inside(service: Obj, port: Obj, slices: Sequence[Obj], nodes: Sequence[Node]) -> tuple[str, int]:
    """Where it is led in: at a node, with `externalTrafficPolicy: Local` at one that has pods of it."""
    number, spec = port.get("nodePort"), service["spec"]
    if not number or not nodes:
        return spec["clusterIP"], port["port"]
    having = {each.node for each in endpoints(slices, port.get("name") or "", _protocol(port))}
    chosen = next((node for node in nodes if node.name in having), nodes[0]) if spec.get("externalTrafficPolicy") == "Local" else nodes[0]
    return chosen.addresses[0], number


def admits(listener: Listener, client: str) -> bool:
    """Whether a client of that address is served."""
    return not listener.sources or any(ip_address(client) in ip_network(each, strict=False) for each in listener.sources)
