"""IP addresses and networks: `ip("10.0.0.1")`, `cidr("10.0.0.0/8")` and what can be asked of them.

Zones and IPv4 addresses mapped into IPv6 are refused.
Source of the rule: https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-ip-address-library
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import ClassVar

from wherry.rules.cel.errors import CelError
from wherry.rules.cel.libraries.conversions import quoted
from wherry.rules.cel.library import Functions

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class IP:
    cel_type: ClassVar[str] = "net.IP"

    address: Address


@dataclass(frozen=True, slots=True)
class CIDR:
    """An address with a prefix length; bits after the prefix are kept until `masked`."""

    cel_type: ClassVar[str] = "net.CIDR"

    address: Address
    prefix: int

    @property
    def network(self) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
        return ipaddress.ip_network((self.address, self.prefix), strict=False)


def _address(text: str) -> Address:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise CelError(
            f"IP Address {quoted(text)} parse error during conversion from string: ParseAddr({quoted(text)}): unable to parse IP"
        ) from None
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            raise CelError(f"IP address {quoted(text)} with zone value is not allowed")
        if address.ipv4_mapped is not None:
            raise CelError(f"IPv4-mapped IPv6 address {quoted(text)} is not allowed")
    return address


def _cidr(text: str) -> CIDR:
    what = "network address parse error during conversion from string: "
    head, slash, bits = text.rpartition("/")
    if not slash:
        raise CelError(f"{what}{what}netip.ParsePrefix({quoted(text)}): no '/'")
    try:
        address = _address(head)
    except CelError as error:
        if "mapped" in error.message:
            raise CelError(f"{what}IPv4-mapped IPv6 address {quoted(text)} is not allowed") from None
        raise CelError(f"{what}{what}netip.ParsePrefix({quoted(text)}): unable to parse IP") from None
    if not (bits.isascii() and bits.isdigit()) or (len(bits) > 1 and bits[0] == "0"):
        raise CelError(f"{what}{what}netip.ParsePrefix({quoted(text)}): bad bits after slash: {quoted(bits)}")
    if int(bits[:4]) > address.max_prefixlen:
        raise CelError(f"{what}{what}netip.ParsePrefix({quoted(text)}): prefix length out of range")
    return CIDR(address, int(bits))


def _is(parse: object) -> object:
    def test(text: str) -> bool:
        try:
            parse(text)  # type: ignore[operator]
        except CelError:
            return False
        return True

    return test


def _contains_ip(cidr: CIDR, ip: IP) -> bool:
    return cidr.address.version == ip.address.version and ip.address in cidr.network


def _contains_cidr(cidr: CIDR, other: CIDR) -> bool:
    return cidr.prefix <= other.prefix and _contains_ip(cidr, IP(other.address))


def _global_unicast(ip: IP) -> bool:
    a = ip.address
    broadcast = a == ipaddress.IPv4Address("255.255.255.255")
    return not (broadcast or a.is_unspecified or a.is_loopback or a.is_multicast or a.is_link_local)


def _link_local_multicast(ip: IP) -> bool:
    a = ip.address
    if a.version == 4:
        return a in ipaddress.IPv4Network("224.0.0.0/24")
    return a.packed[0] == 0xFF and a.packed[1] & 0x0F == 2


def declare(known: Functions) -> None:
    d = known.declare
    d("@@ip(string): net.IP", lambda t: IP(_address(t)))
    d("<net.IP>.family(): int", lambda i: i.address.version)
    d("@@ip.isCanonical(string): bool", lambda t: str(_address(t)) == t)
    d("@@isIP(string): bool", _is(_address))  # type: ignore[arg-type]
    d("@@string(net.IP): string", lambda i: str(i.address))
    d("<net.IP>.isUnspecified(): bool", lambda i: i.address.is_unspecified)
    d("<net.IP>.isLoopback(): bool", lambda i: i.address.is_loopback)
    d("<net.IP>.isLinkLocalMulticast(): bool", _link_local_multicast)
    d("<net.IP>.isLinkLocalUnicast(): bool", lambda i: i.address.is_link_local)
    d("<net.IP>.isGlobalUnicast(): bool", _global_unicast)
    d("@@cidr(string): net.CIDR", _cidr)
    d("@@isCIDR(string): bool", _is(_cidr))  # type: ignore[arg-type]
    d("@@string(net.CIDR): string", lambda c: f"{c.address}/{c.prefix}")
    d("<net.CIDR>.containsIP(string): bool", lambda c, t: _contains_ip(c, IP(_address(t))))
    d("<net.CIDR>.containsIP(net.IP): bool", _contains_ip)
    d("<net.CIDR>.containsCIDR(string): bool", lambda c, t: _contains_cidr(c, _cidr(t)))
    d("<net.CIDR>.containsCIDR(net.CIDR): bool", _contains_cidr)
    d("<net.CIDR>.ip(): net.IP", lambda c: IP(c.address))
    d("<net.CIDR>.prefixLength(): int", lambda c: c.prefix)
    d("<net.CIDR>.masked(): net.CIDR", lambda c: CIDR(c.network.network_address, c.prefix))
