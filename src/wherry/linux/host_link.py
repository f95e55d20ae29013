"""What connects a fabric with other machines: a link to this machine's network, a tunnel where it is needed, and the routes over both.

For root. Begun once; then `apply` makes routes, neighbours and rules as they are wanted, from whatever is there, and is called again and
again: what an interface that went down took along comes back with it. The link is also the lock: a second fabric on the same machine is
refused. With the fabric's namespace link and tunnel go; the machine's routes to others are taken away by `end`, or, after `kill -9`, by the
next start, which knows them by their mark. Invariant: no route of somebody else is touched.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple, TypeVar

from wherry.linux.network_namespace import inside
from wherry.linux.nft import Nft, NftError, NftMissing
from wherry.linux.routing import PROTOCOL, Routing

Made = TypeVar("Made")
#: the link's name at both ends, the tunnel's, and the machine's address on the link (link-local: of nobody's network)
LINK, TUNNEL, MACHINE = "wherry-hosts", "wherry-vxlan", "169.254.245.1"
#: the tunnel's number (VNI) and its UDP port, the kernel's usual one; what its headers take
NUMBER, PORT, _HEADERS = 30464, 8472, 50
_LOOPBACK = 1


class Wanted(NamedTuple):
    """`own`: the fabric's address among machines. `inward`: networks here; `direct`, `tunnelled`: network -> next hop.

    `peers`: of the tunnel: address in the fabric, link address, machine.
    """

    own: str
    inward: tuple[str, ...]
    direct: dict[str, str]
    tunnelled: dict[str, str]
    peers: frozenset[tuple[str, str, str]]


class HostLink:
    """`fabric`: a descriptor of its network namespace, which this owns; `machine`: this machine's address; `mac`: of its tunnel's end."""

    def __init__(self, fabric: int, machine: str, mac: str) -> None:
        self._fabric, self._machine, self._mac = fabric, machine, mac
        self._peers: frozenset[tuple[str, str, str]] = frozenset()
        self._begun = False

    async def begin(self) -> None:
        """Raises OSError: PermissionError without the right, FileExistsError when another fabric of this machine has it."""
        with contextlib.closing(Routing()) as here:
            at = here.address(self._machine)
            if at is None:
                raise OSError(errno.EADDRNOTAVAIL, f"this machine has no address {self._machine}")
            here.add_veth(LINK, LINK, self._fabric, _mtu(here, at[0]))
            self._begun = True
            made = here.link(LINK)
            assert made is not None
            here.add_address(made.device, MACHINE)
            _forward([LINK, *(each.name for each in here.links() if each.device == at[0])])
        await self._there(self._begin_there)

    def _begin_there(self) -> None:
        with contextlib.closing(Routing()) as there:
            made = there.link(LINK)
            assert made is not None
            there.set_up(made.device)
            there.put_route(f"{MACHINE}/32", index=made.device)

    async def apply(self, wanted: Wanted) -> list[str]:
        """What could not be done, and why: it is tried again with the next call."""
        if wanted.own:
            await self._there(lambda: self._link_there(wanted))
        troubles = self._here(wanted)
        return [*troubles, *await self._there(lambda: self._routes_there(wanted))]

    # --- the machine's namespace ---
    def _here(self, wanted: Wanted) -> list[str]:
        with contextlib.closing(Routing()) as here:
            link = here.link(LINK)
            if link is None:
                return ["the link between this machine and its pods is gone"]
            here.set_up(link.device)
            if wanted.own:
                here.put_route(f"{wanted.own}/32", index=link.device)
            ways = dict.fromkeys(wanted.inward, (wanted.own, link.device))
            ways |= {network: (via, 0) for network, via in wanted.direct.items()}
            return _put(here, ways, keep={f"{wanted.own}/32"}, source="")

    # --- the fabric's ---
    def _link_there(self, wanted: Wanted) -> None:
        with contextlib.closing(Routing()) as there:
            there.add_address(_LOOPBACK, wanted.own)

    def _routes_there(self, wanted: Wanted) -> list[str]:
        with contextlib.closing(Routing()) as there:
            link = there.link(LINK)
            if link is None:
                return []  # told for this machine's end
            ways = dict.fromkeys(wanted.direct, (MACHINE, link.device))
            if wanted.tunnelled:
                tunnel = self._tunnel(there)
                for own, mac, machine in self._peers - wanted.peers:
                    there.delete_peer(tunnel, address=own, mac=mac, machine=machine)
                for own, mac, machine in wanted.peers:
                    there.put_peer(tunnel, address=own, mac=mac, machine=machine)
                self._peers = wanted.peers
                ways |= {network: (via, tunnel) for network, via in wanted.tunnelled.items()}
            return _put(there, ways, keep={f"{MACHINE}/32"}, source=wanted.own)

    def _tunnel(self, there: Routing) -> int:
        """Its index. Made with the first peer: its packets go over the machine's namespace, where the port is taken."""
        found = there.link(TUNNEL)
        if found is None:
            raise _NoTunnel
        return found.device

    async def _there(self, work: Callable[[], Made]) -> Made:
        try:
            return await inside(f"/proc/self/fd/{self._fabric}", work)
        except _NoTunnel:
            with contextlib.closing(Routing()) as here:
                at = here.address(self._machine)
                if at is None:
                    raise OSError(errno.EADDRNOTAVAIL, f"this machine has no address {self._machine} any more") from None
                here.add_vxlan(TUNNEL, self._fabric, number=NUMBER, port=PORT, local=self._machine, mac=self._mac,
                               mtu=_mtu(here, at[0]) - _HEADERS)
            return await inside(f"/proc/self/fd/{self._fabric}", work)

    def end(self) -> None:
        """Everything of it goes, also of a beginning that failed. May be called again."""
        if self._begun:
            self._begun = False
            with contextlib.suppress(OSError), contextlib.closing(Routing()) as here:
                for each in here.routes():
                    if each.protocol == PROTOCOL:
                        here.delete_route(each.network)
                if (link := here.link(LINK)) is not None:
                    here.delete_link(link.device)
        if self._fabric >= 0:
            os.close(self._fabric)
        self._fabric = -1


class _NoTunnel(Exception):
    """It has to be made first, from the machine's namespace."""


def network_of(address: str) -> str:
    """A machine's address with the length of its network, "" for none of this machine's."""
    with contextlib.closing(Routing()) as here:
        found = here.address(address)
    return f"{address}/{found[1]}" if found else ""


def forwarding_refused() -> bool:
    """Whether this machine's firewall drops what it should pass on, as Docker's does (iptables' FORWARD)."""
    try:
        listed = Nft().run("list chain ip filter FORWARD\n")
    except (NftError, NftMissing):
        return False
    return "policy drop" in listed


def _put(routing: Routing, ways: dict[str, tuple[str, int]], *, keep: Iterable[str], source: str) -> list[str]:
    """These routes of ours and no others, but those of `keep`; the tunnel's next hops are there by being told. `ways`: via, link or 0."""
    known = routing.routes()
    tunnel = next((each.device for each in routing.links() if each.name == TUNNEL), 0)
    ours = {each.network: each for each in known if each.protocol == PROTOCOL}
    others = {each.network for each in known if each.protocol != PROTOCOL}
    for network in ours.keys() - ways.keys() - set(keep):
        routing.delete_route(network)
    troubles = []
    for network, (via, index) in ways.items():
        there = ours.get(network)
        if network in others:
            troubles.append(f"this machine has a way to {network} that is not wherry's")
        elif there is None or there.via != via or (index and there.device != index):
            try:
                routing.put_route(network, via=via, index=index, source=source, onlink=bool(index) and index == tunnel)
            except OSError as error:
                troubles.append(error.strerror or str(error))
    return troubles


def _forward(links: Iterable[str]) -> None:
    """What comes in over these links may go on over others."""
    for each in links:
        Path(f"/proc/sys/net/ipv4/conf/{each}/forwarding").write_text("1")


def _mtu(routing: Routing, index: int) -> int:
    return next((each.mtu for each in routing.links() if each.device == index), 1500)
