"""Pod addresses: one range for all pods of an agent's nodes, handed out in order, taken back when a pod is gone.

Used by the node agent. Invariant: no two pods that are there have one address.
"""

from __future__ import annotations

from ipaddress import IPv4Network


class PodAddresses:
    """The network's own and its last address are never given."""

    def __init__(self, network: str = "10.244.0.0/16") -> None:
        self._network = IPv4Network(network)
        self._size = self._network.num_addresses - 2
        self._next = 0
        self._used: set[str] = set()

    def take(self) -> str:
        """The next free address; "" when there is none."""
        if len(self._used) >= self._size:
            return ""
        while True:
            self._next = self._next % self._size + 1
            address = str(self._network[self._next])
            if address not in self._used:
                self._used.add(address)
                return address

    def reserve(self, address: str) -> None:
        """A pod that was there before has it."""
        self._used.add(address)

    def give_back(self, address: str) -> None:
        self._used.discard(address)
