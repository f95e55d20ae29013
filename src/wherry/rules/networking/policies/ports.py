"""The ports of a NetworkPolicy's rule: numbers and ranges by protocol, and ports by name, which each pod has its own number for.

Source: networking.k8s.io/v1 NetworkPolicyPort.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from wherry.api.objects import Obj

Range = tuple[int, int]


class PortMatch(NamedTuple):
    """`protocol` "": any, with all its ports. `ranges`: none for any port. `named`: instead of both, a set of (address, protocol, port)."""

    protocol: str = ""
    ranges: tuple[Range, ...] = ()
    named: str = ""


def port_matches(ports: Iterable[Obj], named: Callable[[str, str], str]) -> list[PortMatch]:
    """`named`: gives the name of the set of a port's name and protocol. No ports at all: everything, also what has no ports."""
    numbers: dict[str, list[Range]] = {}
    found: list[PortMatch] = []
    listed = list(ports)
    for port in listed:
        protocol, number = (port.get("protocol") or "TCP").lower(), port.get("port")
        if isinstance(number, str):
            found.append(PortMatch(named=named(number, protocol)))
        elif number is None:
            numbers.setdefault(protocol, []).append((0, 65535))
        else:
            numbers.setdefault(protocol, []).append((number, port.get("endPort") or number))
    if not listed:
        return [PortMatch()]
    return [*(PortMatch(protocol, _joined(ranges)) for protocol, ranges in sorted(numbers.items())), *found]


def _joined(ranges: list[Range]) -> tuple[Range, ...]:
    """Without overlaps, in order; () for all ports."""
    joined: list[Range] = []
    for first, last in sorted(ranges):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = joined[-1][0], max(last, joined[-1][1])
        else:
            joined.append((first, last))
    return () if joined == [(0, 65535)] else tuple(joined)
