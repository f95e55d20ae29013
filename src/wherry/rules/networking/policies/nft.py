"""The nftables commands that lead from one ruleset to another, in a table of our own.

Two base chains, one after the other: what the sender's policies let through goes on to the receiver's, as "accept" ends one base chain.
They come after the translation of Services' addresses. Replies of what was accepted pass, whatever policies became meanwhile.
Each text is to be carried out whole, and they are in an order in which every beginning of them can be carried out alone: sets before who
asks them, and a pod's place in a group last. So a transaction that is too large for an ordinary user is done in parts.
Source: man 8 nft; https://wiki.nftables.org (verdict maps).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from wherry.rules.networking.policies.ports import PortMatch
from wherry.rules.networking.policies.ruleset import EGRESS, INGRESS, Isolation, Match, Policy, Ruleset

TABLE = "wherry-policies"
#: the fabric's link to the machine it is on (where pods are reached from there): hosts reach their pods
MACHINE_LINK = "wherry-exposed"
#: the link to other machines, over which this one comes too, under an address that nobody else can have
HOSTS_LINK, MACHINE = "wherry-hosts", "169.254.245.1"
_NOTHING = Ruleset()
_TYPES = {4: ("ip", "ipv4_addr"), 6: ("ip6", "ipv6_addr")}
#: elements of a set in one command
_MOST = 500
_COMMENT = 100
Content = TypeVar("Content")


def begin(family: int) -> list[str]:
    """The table with nothing in it, in the place of what is there."""
    where, kind = _TYPES[family]
    table = f"{where} {TABLE}"
    lines = [f"add table {table}", f"delete table {table}", f"add table {table}", f"add set {table} always {{ type {kind} . {kind}; }}"]
    lines += [f"add map {table} {direction} {{ type {kind} : verdict; }}" for direction in (EGRESS, INGRESS)]
    for chain, hook, priority, look in (
        ("from-pods", "forward", 0, f"{where} saddr vmap @{EGRESS}"),
        ("from-pods-here", "input", 0, f"{where} saddr vmap @{EGRESS}"),
        ("to-pods", "forward", 1, f"{where} daddr vmap @{INGRESS}"),
    ):
        lines += [
            f"add chain {table} {chain} {{ type filter hook {hook} priority {priority}; }}",
            f"add rule {table} {chain} ct state established,related accept",
            f"add rule {table} {chain} {where} saddr . {where} daddr @always accept",
            *([f"add rule {table} {chain} iifname {MACHINE_LINK} accept"] if chain == "to-pods" else []),
            *([f"add rule {table} {chain} iifname {HOSTS_LINK} ip saddr {MACHINE} accept"] if chain == "to-pods" and family == 4 else []),
            *([f"add rule {table} {chain} icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert }} accept"] if family == 6 else []),
            f"add rule {table} {chain} {look}",
        ]
    return ["\n".join(lines)]


def end(family: int) -> list[str]:
    table = f"{_TYPES[family][0]} {TABLE}"
    return [f"add table {table}", f"delete table {table}"]


def look(family: int) -> str:
    """Lists the table."""
    return f"list table {_TYPES[family][0]} {TABLE}\n"


def changes(old: Ruleset, new: Ruleset, family: int) -> list[str]:
    """What to do about the difference, and nothing else."""
    return list(_Change(old, new, family).commands())


class _Change:
    def __init__(self, old: Ruleset, new: Ruleset, family: int) -> None:
        self._old, self._new = old, new
        self._ip, self._kind = _TYPES[family]
        self._table = f"{self._ip} {TABLE}"

    def commands(self) -> Iterator[str]:
        old, new = self._old, self._new
        plain, ports = self._kind, f"{self._kind} . inet_proto . inet_service"
        for name in new.peers.keys() - old.peers.keys():
            yield f"add set {self._table} {name} {{ type {plain}; }}"
        for name in new.named.keys() - old.named.keys():
            yield f"add set {self._table} {name} {{ type {ports}; }}"
        for name, addresses in new.peers.items():
            yield from self._elements("add", name, addresses - old.peers.get(name, frozenset()))
        for name, triples in new.named.items():
            yield from self._elements("add", name, _joined(triples - old.named.get(name, frozenset())))
        yield from self._elements("add", "always", _joined(new.always - old.always))
        for direction in (EGRESS, INGRESS):
            yield from self._chains(direction, old.of(direction), new.of(direction))
        for direction in (EGRESS, INGRESS):
            yield from self._places(direction, old.of(direction).pods, new.of(direction).pods)
        for direction in (EGRESS, INGRESS):
            yield from self._drop_chains(old.of(direction), new.of(direction))
        yield from self._drop_elements()

    def _chains(self, direction: str, old: Isolation, new: Isolation) -> Iterator[str]:
        for name in [*(new.policies.keys() - old.policies.keys()), *(new.groups.keys() - old.groups.keys())]:
            yield f"add chain {self._table} {name}"
        for name, policy in new.policies.items():
            if policy != old.policies.get(name):
                yield "\n".join([f"flush chain {self._table} {name}", *self._policy(direction, name, policy)])
        for name, policies in new.groups.items():
            if name not in old.groups:
                for policy_chain in policies:
                    yield f"add rule {self._table} {name} jump {policy_chain}"
                yield f"add rule {self._table} {name} drop"

    def _places(self, direction: str, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
        """Who changes its group does so in one step: it is never without one."""
        moved = [f"{address} : goto {group}" for address, group in sorted(new.items()) if old.get(address, group) != group]
        for at in range(0, len(moved), _MOST):
            part = moved[at : at + _MOST]
            left = [each.partition(" ")[0] for each in part]
            yield "\n".join([*self._elements("delete", direction, left), *self._elements("add", direction, part)])
        yield from self._elements("add", direction, [f"{address} : goto {group}" for address, group in new.items() if address not in old])
        yield from self._elements("delete", direction, old.keys() - new.keys())

    def _drop_chains(self, old: Isolation, new: Isolation) -> Iterator[str]:
        for name in [*(old.groups.keys() - new.groups.keys()), *(old.policies.keys() - new.policies.keys())]:
            yield f"flush chain {self._table} {name}"
            yield f"delete chain {self._table} {name}"

    def _drop_elements(self) -> Iterator[str]:
        old, new = self._old, self._new
        yield from self._elements("delete", "always", _joined(old.always - new.always))
        for name, addresses in old.peers.items():
            if name in new.peers:
                yield from self._elements("delete", name, addresses - new.peers[name])
        for name, triples in old.named.items():
            if name in new.named:
                yield from self._elements("delete", name, _joined(triples - new.named[name]))
        for name in [*(old.peers.keys() - new.peers.keys()), *(old.named.keys() - new.named.keys())]:
            yield f"delete set {self._table} {name}"

    def _elements(self, verb: str, name: str, elements: Iterable[str]) -> Iterator[str]:
        listed = sorted(elements)
        for at in range(0, len(listed), _MOST):
            yield f"{verb} element {self._table} {name} {{ {', '.join(listed[at:at + _MOST])} }}"

    def _policy(self, direction: str, chain: str, policy: Policy) -> Iterator[str]:
        for match in policy.matches:
            yield f"add rule {self._table} {chain} {self._match(direction, match)}accept comment \"{policy.about[:_COMMENT]}\""

    def _match(self, direction: str, match: Match) -> str:
        side = "saddr" if direction == INGRESS else "daddr"
        who = ""
        if match.peers:
            who = f"{self._ip} {side} @{match.peers} "
        elif match.blocks:
            who = f"{self._ip} {side} {{ {', '.join(match.blocks)} }} "
        return who + self._ports(match.ports)

    def _ports(self, ports: PortMatch) -> str:
        if ports.named:
            return f"{self._ip} daddr . meta l4proto . th dport @{ports.named} "
        if not ports.protocol:
            return ""
        ranges = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in ports.ranges)
        return f"meta l4proto {ports.protocol} " + (f"th dport {{ {ranges} }} " if ranges else "")


def _joined(tuples: Iterable[tuple[object, ...]]) -> list[str]:
    return [" . ".join(map(str, each)) for each in tuples]
