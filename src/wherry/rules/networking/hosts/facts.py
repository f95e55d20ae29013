"""What a Node says of the machine it is on, so that pods of other machines find its pods.

Written by the nodes of a pod network as annotations, and read by the others. All nodes of one machine are one `Host`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Interface, ip_network
from typing import NamedTuple

from wherry.api.objects import Obj, annotations_of, name

#: the machine's address with the length of its network ("192.0.2.10/24"), and the ways that it takes (", "-separated)
ADDRESS, WAYS = "wherry.dev/host-address", "wherry.dev/pod-network"
HOST_GW, VXLAN = "host-gw", "vxlan"
#: --pod-network: what the machine does; `auto` takes whichever way goes
AUTO, NONE = "auto", "none"
CHOICES: Mapping[str, tuple[str, ...]] = {AUTO: (HOST_GW, VXLAN), HOST_GW: (HOST_GW,), VXLAN: (VXLAN,), NONE: ()}


class Host(NamedTuple):
    """`address`: of the machine, with its network. `ranges`: of its pods (CIDR, IPv4), and addresses that nodes have among them."""

    address: IPv4Interface
    ways: tuple[str, ...]
    nodes: tuple[str, ...]
    ranges: tuple[str, ...]

    @property
    def own(self) -> str:
        """The address under which the pods' network of this machine itself speaks to other machines: no pod ever has it."""
        return own_address(self.ranges)


def own_address(ranges: Iterable[str]) -> str:
    """The first one of the first range; "" without a range."""
    return next((str(ip_network(each).network_address) for each in ranges if not each.endswith("/32")), "")


def told(address: str, ways: Iterable[str]) -> dict[str, str]:
    """What a node says. `address`: with the length of its network."""
    return {ADDRESS: address, WAYS: ",".join(ways)}


def hosts(nodes: Iterable[Obj]) -> list[Host]:
    """By address; nodes that say nothing, or nothing that can be read, are of none."""
    found: dict[IPv4Interface, list[Obj]] = {}
    for node in sorted(nodes, key=name):
        try:
            found.setdefault(IPv4Interface(annotations_of(node).get(ADDRESS, "")), []).append(node)
        except ValueError:
            continue
    return [_host(address, those) for address, those in sorted(found.items())]


def _host(address: IPv4Interface, nodes: list[Obj]) -> Host:
    said = [annotations_of(node).get(WAYS, "").split(",") for node in nodes]
    ways = tuple(way for way in CHOICES[AUTO] if all(way in each for each in said))
    ranges = [text for node in nodes for text in _ranges(node)]
    inside = [f"{each}/32" for node in nodes for each in _inside(node, str(address.ip))]
    return Host(address, ways, tuple(name(node) for node in nodes), (*ranges, *inside))


def _ranges(node: Obj) -> list[str]:
    spec = node.get("spec") or {}
    return [each for each in spec.get("podCIDRs") or [spec.get("podCIDR")] if each and ":" not in each]


def _inside(node: Obj, host: str) -> list[str]:
    """Addresses of the node that are not the machine's: it has them on the pods' network."""
    listed = (node.get("status") or {}).get("addresses") or ()
    own = [each["address"] for each in listed if each.get("type") == "InternalIP"]
    return [each for each in own if each != host and ":" not in each]
