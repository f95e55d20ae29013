"""Pod addresses of simulated nodes: each node has a range, or all share one; handed out in order, taken back when a pod is gone.

Used by the simulated runtime. Invariant: no two pods that are there have one address; the first address of a range is its gateway's.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network


class _Range:
    """The network's own, its first and its last address are never given."""

    __slots__ = ("_base", "_next", "_size", "used")

    def __init__(self, network: str) -> None:
        known = IPv4Network(network)
        self._base = int(known.network_address)
        self._size = known.num_addresses - 3
        self._next = 0
        self.used: set[str] = set()

    def take(self) -> str:
        if len(self.used) >= self._size:
            return ""
        while True:
            self._next = self._next % self._size + 1
            number = self._base + 1 + self._next
            address = f"{number >> 24}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
            if address not in self.used:
                self.used.add(address)
                return address


class PodAddresses:
    """`ranges`: by node; nodes without one share `network`."""

    def __init__(self, network: str = "10.244.0.0/16", ranges: Mapping[str, str] | None = None) -> None:
        self._shared = _Range(network)
        self._ranges = {node: _Range(text) for node, text in (ranges or {}).items()}

    def add(self, node: str, network: str) -> None:
        self._ranges[node] = _Range(network)

    def take(self, node: str) -> str:
        """The next free address; "" when there is none."""
        return self._ranges.get(node, self._shared).take()

    def reserve(self, node: str, address: str) -> None:
        """A pod that was there before has it."""
        self._ranges.get(node, self._shared).used.add(address)

    def give_back(self, node: str, address: str) -> None:
        self._ranges.get(node, self._shared).used.discard(address)
