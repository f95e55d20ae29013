"""The network of pods as clients of this process use it: webhooks, other API servers and proxies reach Services and pods over it.

Connections are made on sockets of the fabric, so they start where the node's own do: Services' cluster addresses lead on, and policies
about pods do not hold them up. Addresses that are not of this network are left to the process's own.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from ipaddress import ip_address

from wherry.linux.fabric import Fabric, connected
from wherry.rules.networking.services.allocation import DEFAULT_CIDR


class PodNetwork:
    """`ours`: whether a node, or a pod of a node, of this process has the address."""

    def __init__(self, fabric: Fabric, ours: Callable[[str], bool]) -> None:
        self._fabric, self._ours = fabric, ours

    def has(self, address: str) -> bool:
        """Whether it is an address of a pod, of a node or of a Service there; False for names."""
        try:
            return ip_address(address) in DEFAULT_CIDR or self._ours(address)
        except ValueError:
            return False

    async def connect(self, address: str, port: int) -> socket.socket:
        """A connected socket. Raises OSError."""
        made = await connected(self._fabric, address, port)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made
