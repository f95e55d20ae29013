"""Which addresses the pods of each node get: a range for each node, out of one for the cluster, none overlapping another.

Called by the simulated nodes when they start. Source of the shape: pkg/controller/nodeipam/ipam/cidrset; the cluster's range is the one
that kubeadm's guides use, and grows where nodes are many.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from ipaddress import IPv4Network

from wherry.api.objects import Obj, name

#: what the pods of a few hundred nodes have, and those of more
USUAL, LARGE = IPv4Network("10.244.0.0/16"), IPv4Network("10.128.0.0/9")
_LEAST = 256


def network(count: int, pods_per_node: int) -> IPv4Network:
    """In which the ranges of so many nodes are."""
    return USUAL if count * _size(pods_per_node) <= USUAL.num_addresses else LARGE


def _size(pods_per_node: int) -> int:
    return max(_LEAST, 1 << (pods_per_node + 2).bit_length())


def pod_ranges(count: int, pods_per_node: int, taken: Iterable[str] = ()) -> list[str]:
    """`count` ranges, each for that many pods; none where they do not fit. `taken`: what other nodes have."""
    size = _size(pods_per_node)
    others = [IPv4Network(text) for text in taken]
    whole = network(count + len(others), pods_per_node)
    if count * size > whole.num_addresses:
        return []
    free = (net for net in whole.subnets(new_prefix=33 - size.bit_length()) if not any(net.overlaps(other) for other in others))
    found = [str(net) for net, _ in zip(free, range(count), strict=False)]
    return found if len(found) == count else []


def of_nodes(nodes: Iterable[Obj], but: Iterable[str]) -> list[str]:
    """What nodes other than those have, IPv4."""
    left = set(but)
    specs = [node.get("spec") or {} for node in nodes if name(node) not in left]
    return [each for spec in specs for each in spec.get("podCIDRs") or [spec.get("podCIDR")] if each and ":" not in each]


def range_by_name(node: str, pods_per_node: int, taken: Iterable[str] = ()) -> str:
    """Of a node that chooses for itself: the same each time, and most likely no other's; none of `taken`, which is known of others."""
    size = max(_LEAST, 1 << (pods_per_node + 2).bit_length())
    bits = size.bit_length() - 1
    count = LARGE.num_addresses >> bits
    first, others = zlib.crc32(node.encode()), [IPv4Network(text) for text in taken]
    ways = [IPv4Network((int(LARGE.network_address) + ((first + step) % count << bits), 32 - bits)) for step in range(len(others) + 1)]
    return str(next((each for each in ways if not any(each.overlaps(other) for other in others)), ways[0]))
