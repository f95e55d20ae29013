"""The network of a container runtime's pods as a `Fabric`: the runtime's own network namespace, and those of its pods.

Which namespace the runtime is in, its socket says (the process that listens there). Mostly it is this process's own, the machine's; the
rules of Services then stand in a table of the machine's nftables beside those of others. Invariant: what was added here (rules in wherry's
tables, addresses on the loopback) is all that `clean` takes away. Source: man 7 unix (SO_PEERCRED), man 7 network_namespaces.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import socket
import struct
from collections.abc import Callable, Sequence
from typing import TypeVar

from wherry.linux.fabric import RulesRefused, RulesTooLarge
from wherry.linux.netlink import Netlink
from wherry.linux.network_namespace import inside, same
from wherry.linux.nft import Nft, NftError, NftMissing

Made = TypeVar("Made")
#: where programs of this process are reached by pods
GATEWAY = "10.244.0.1"
_TABLE = re.compile(r"\btable ((?:ip|ip6|inet) wherry[\w-]*)")
_LOOPBACK = 1
_OWN = "/proc/self/ns/net"
_NODE = "node/"


def namespace_of(path: str) -> str:
    """The network namespace of the process that listens at this socket. Raises OSError."""
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(5)
        asking.connect(path)
        pid, _, _ = struct.unpack("3i", asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return f"/proc/{pid}/ns/net" if pid else _OWN


class RuntimeFabric:
    """`where`: the runtime's socket, OSError before there is one; `pod`: the namespace of a pod's network, "" for none of that id."""

    def __init__(self, where: Callable[[], str], pod: Callable[[str], str]) -> None:
        self._where, self._pod = where, pod
        self._addresses: set[str] = set()
        self._tables: set[str] = set()

    @property
    def gateway(self) -> str:
        """Also of pods of other networks: what they send to it comes to the runtime's namespace by their default route."""
        return GATEWAY

    @property
    def shared(self) -> bool:
        """Are pods on the network of this process, as on most machines?"""
        return same(namespace_of(self._where()))

    async def sockets(self, place: str = "", *, udp: bool = False, ipv6: bool = False, count: int = 1) -> list[socket.socket]:
        kind = socket.SOCK_DGRAM if udp else socket.SOCK_STREAM
        family = socket.AF_INET6 if ipv6 else socket.AF_INET

        def make() -> list[socket.socket]:
            return [socket.socket(family, kind | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC) for _ in range(count)]

        return await inside(self._place(place), make)

    def _place(self, place: str) -> str:
        """Raises KeyError."""
        if not place or place.startswith(_NODE):
            return namespace_of(self._where())
        found = self._pod(place)
        if not found:
            raise KeyError(place)
        return found

    async def rules(self, text: str) -> str:
        self._tables.update(_TABLE.findall(text))

        def apply() -> str:
            try:
                return Nft().run(text)
            except (NftError, NftMissing) as error:
                raise (RulesTooLarge if "Message too long" in str(error) else RulesRefused)(str(error)) from error

        return await self._here(apply)

    async def address(self, ip: str) -> None:
        self._addresses.add(ip)
        await self._netlink(lambda link: link.add_address(_LOOPBACK, ip))

    async def release(self, ip: str) -> None:
        self._addresses.discard(ip)
        await self._netlink(lambda link: link.delete_address(_LOOPBACK, ip))

    async def expose(self, networks: Sequence[str]) -> None:
        if not self.shared:
            text = "the container runtime has a network namespace of its own, which is not connected with this one"
            raise OSError(errno.EOPNOTSUPP, text)

    async def catch_all(self) -> None:
        raise OSError(errno.EOPNOTSUPP, "the network of a container runtime's pods is not wherry's")

    async def namespace(self) -> int:
        return os.open(namespace_of(self._where()), os.O_RDONLY | os.O_CLOEXEC)

    async def node(self, name: str, addresses: tuple[str, ...]) -> str:
        """Its programs run in the runtime's namespace, which answers for its addresses when it is one of the runtime's own."""
        if not self.shared:
            for ip in addresses:
                await self.address(ip)
        return f"{_NODE}{name}"

    async def clean(self, *, rules: bool) -> None:
        """Take away the addresses that were added, and the tables of rules too: pods that stay keep those."""
        for ip in list(self._addresses):
            with contextlib.suppress(OSError):
                await self.release(ip)
        for table in sorted(self._tables) if rules else ():
            with contextlib.suppress(OSError, RulesRefused):
                await self.rules(f"table {table} {{}}\ndelete table {table}\n")

    async def _netlink(self, ask: Callable[[Netlink], None]) -> None:
        def work() -> None:
            with contextlib.closing(Netlink()) as link:
                ask(link)

        await self._here(work)

    async def _here(self, work: Callable[[], Made]) -> Made:
        return await inside(namespace_of(self._where()), work)
