"""The network that boxes hang on: one network namespace of its own, a routed veth for each box, nftables inside.

Whoever holds the namespace implements it (a helper process); who answers or connects over there (probes, proxies, DNS) uses it. Sockets
cross the border, not bytes: they are made inside and handed over unconnected, so all traffic is ordinary asyncio on them.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from typing import Protocol


class Fabric(Protocol):
    """A place in it is "" (the fabric's own namespace, which reaches every box) or what its engine calls a box or a node.

    `gateway`: the address that connections from the fabric's own namespace come from, "" when that depends.
    """

    @property
    def gateway(self) -> str: ...

    async def sockets(self, place: str = "", *, udp: bool = False, ipv6: bool = False, count: int = 1) -> list[socket.socket]:
        """Unconnected, unbound, non-blocking sockets made in that place; the caller owns them. Bind to any port, also below 1024.

        Connect with `loop.sock_connect` before handing one to asyncio: uvloop crashes on a socket that is still connecting.
        Raises KeyError when there is no such place, OSError when the kernel has none to give.
        """
        ...

    async def rules(self, text: str) -> str:
        """Run nftables commands in the fabric's namespace in one transaction: all of them hold, or none. Raises RulesRefused.

        What they printed: a `list` alone is a question.

        An ordinary user's transaction is of limited size (some 800 chains with a rule each): RulesTooLarge, to be done in parts.
        """
        ...

    async def address(self, ip: str) -> None:
        """The fabric's namespace answers for that address too (a name server's, a load balancer's). Given twice is given once."""
        ...

    async def release(self, ip: str) -> None:
        """Take such an address away again."""
        ...

    async def expose(self, networks: Sequence[str]) -> None:
        """Programs of this machine reach these networks (CIDR) of the fabric, as long as it is there.

        Raises OSError: PermissionError without the right to set this machine's routes, FileExistsError when it has such a network already.
        """
        ...

    async def catch_all(self) -> None:
        """What is sent to addresses that nobody here has ends in the fabric's namespace, where rules may hand it on. Raises OSError."""
        ...

    async def namespace(self) -> int:
        """A descriptor of the fabric's network namespace, which the caller owns. Who may work in it (root), may connect it with others.

        Raises OSError.
        """
        ...

    async def node(self, name: str, addresses: tuple[str, ...]) -> str:
        """One more place: a node with its own addresses, in whose namespace programs of the host's network run. Returns the place."""
        ...


class RulesRefused(Exception):
    """nftables did not take the rules; nothing of them holds. Its words are the text."""


class RulesTooLarge(RulesRefused):
    """The kernel takes no transaction of that size from this user."""


async def connected(fabric: Fabric, host: str, port: int, place: str = "") -> socket.socket:
    """A connection made in that place; the caller owns it. Raises KeyError when there is no such place, OSError when it cannot be made."""
    [made] = await fabric.sockets(place, ipv6=":" in host)
    try:
        await asyncio.get_running_loop().sock_connect(made, (host, port))
    except BaseException:
        made.close()
        raise
    return made


class Rules(Protocol):
    """The part of a fabric that takes nftables commands."""

    async def rules(self, text: str) -> str: ...


async def apply_in_parts(fabric: Rules, texts: Sequence[str]) -> None:
    """In one transaction, or in parts where the kernel takes no more from this user: each text is whole. Raises RulesRefused."""
    try:
        await fabric.rules("".join(texts))
    except RulesTooLarge:
        if len(texts) == 1:
            raise
        half = len(texts) // 2
        await apply_in_parts(fabric, texts[:half])
        await apply_in_parts(fabric, texts[half:])
