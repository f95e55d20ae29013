"""Which way leads from one machine to the pods of each other machine.

Called by the component that keeps them, with all Nodes. Two machines take the same way in both directions, as both decide by the same
facts: over the link that they share (each is the other's gateway), else in a tunnel of VXLAN, else none. Of a range that two machines claim
this machine's own goes first, then the one whose address does, and the other is told of. Invariant: the networks of a plan do not overlap.
Source: flannel's backends of the same names; RFC 7348 (VXLAN).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network
from typing import NamedTuple

from wherry.api.objects import Obj
from wherry.rules.networking.hosts.facts import HOST_GW, VXLAN, Host, hosts


class Route(NamedTuple):
    """`via`: the address that it leads over."""

    network: str
    via: str


class Peer(NamedTuple):
    """The other end of the tunnel: its address in the pods' network, its link's and its machine's."""

    own: str
    mac: str
    machine: str


class Plan(NamedTuple):
    """`inward`: what this machine leads to its own pods. `direct`: over other machines' addresses; `tunnelled`: over peers.

    `others`: the addresses of their fabrics; `unreached`: why others are not reached, for people.
    """

    own: str = ""
    inward: tuple[str, ...] = ()
    direct: tuple[Route, ...] = ()
    tunnelled: tuple[Route, ...] = ()
    peers: tuple[Peer, ...] = ()
    others: frozenset[str] = frozenset()
    unreached: tuple[str, ...] = ()


def plan(nodes: Iterable[Obj], names: Iterable[str]) -> Plan:
    """`names`: of the nodes of this machine."""
    known, mine = hosts(nodes), set(names)
    here = next((each for each in known if mine.intersection(each.nodes)), None)
    if here is None or not here.own:
        return Plan()
    taken = _Taken()
    for each in here.ranges:
        taken.add(each, here)
    direct: list[Route] = []
    tunnelled: list[Route] = []
    peers: list[Peer] = []
    others: set[str] = set()
    unreached: list[str] = []
    for other in known:
        if other is here or not other.own:
            continue
        way = way_between(here, other)
        if not way:
            unreached.append(_no_way(here, other))
            continue
        networks = []
        for each in other.ranges:
            if (owner := taken.add(each, other)) is not None:
                unreached.append(_claimed(other, each, owner))
            else:
                networks.append(each)
        others.add(other.own)
        if way == HOST_GW:
            direct += [Route(each, str(other.address.ip)) for each in networks]
        else:
            tunnelled += [Route(each, other.own) for each in networks]
            peers.append(Peer(other.own, mac(other.address.ip), str(other.address.ip)))
    return Plan(here.own, here.ranges, tuple(direct), tuple(tunnelled), tuple(peers), frozenset(others), tuple(unreached))


def way_between(one: Host, other: Host) -> str:
    """"" when there is none."""
    shared = [way for way in one.ways if way in other.ways]
    if HOST_GW in shared and one.address.network == other.address.network:
        return HOST_GW
    return VXLAN if VXLAN in shared else ""


def mac(machine: IPv4Address) -> str:
    """Of the end of the tunnel at that machine: a local address (IEEE 802) that nobody has to be told."""
    return ":".join(f"{each:02x}" for each in b"\x0a\x77" + machine.packed)


class _Taken:
    """Networks that do not overlap, in order, and whose they are."""

    def __init__(self) -> None:
        self._ends: list[int] = []
        self._owned: list[tuple[int, Host]] = []

    def add(self, text: str, host: Host) -> Host | None:
        """Whose a part of it is already; None: it is the host's now."""
        network = IPv4Network(text)
        first, last = int(network.network_address), int(network.broadcast_address)
        at = bisect_left(self._ends, first)
        if at < len(self._ends) and self._owned[at][0] <= last:
            return self._owned[at][1]
        self._ends.insert(at, last)
        self._owned.insert(at, (first, host))
        return None


def _claimed(other: Host, network: str, owner: Host) -> str:
    return f"{network} of {', '.join(other.nodes)} ({other.address.ip}) overlaps what {', '.join(owner.nodes)} ({owner.address.ip}) has"


def _no_way(here: Host, other: Host) -> str:
    ways = f"{'/'.join(here.ways) or 'none'} here, {'/'.join(other.ways) or 'none'} there"
    far = "" if here.address.network == other.address.network else ", and the machines share no link"
    return f"pods of {', '.join(other.nodes)} ({other.address.ip}): {ways}{far}"
