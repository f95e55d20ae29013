"""An ipBlock without its exceptions, as networks.

Source: networking.k8s.io/v1 IPBlock.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network

Network = IPv4Network | IPv6Network


@lru_cache(maxsize=1024)
def networks(cidr: str, excepted: tuple[str, ...], family: int) -> tuple[str, ...]:
    """Disjoint, in order; none when the block is of the other family or nothing of it is left."""
    whole = ip_network(cidr, strict=False)
    if whole.version != family:
        return ()
    left: list[Network] = [whole]
    for each in excepted:
        left = [part for network in left for part in _without(network, ip_network(each, strict=False))]
    return tuple(str(each) for each in merged(left))


def merged(parts: Iterable[Network]) -> list[Network]:
    return list(collapse_addresses(sorted(parts)))  # type: ignore[type-var]


def _without(network: Network, part: Network) -> list[Network]:
    if network.version != part.version or not network.overlaps(part):
        return [network]
    if network.subnet_of(part):  # type: ignore[arg-type]
        return []
    return list(network.address_exclude(part))  # type: ignore[arg-type]
