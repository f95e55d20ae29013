"""IP addresses and CIDR blocks as the API accepts them: strict in new fields, lenient in old ones.

Called by the validation of services, endpoints, network policies and nodes; each function gives the messages for one string.
Source: k8s.io/apimachinery/pkg/util/validation/ip.go (KEP-4858; StrictIPCIDRValidation is on in v1.36).
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_BAD_IP = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
_BAD_CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
_CANONICAL = "must be in canonical form"
_leading_zeros = re.compile(r"(?<![0-9])0+(?=[0-9])")


def _mapped(address: Address) -> bool:
    return isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None


@lru_cache(maxsize=8192)
def parse_ip(value: str) -> Address | None:
    """The address; leading zeros of IPv4 octets are decimal, as in the reference's lenient parser."""
    if "%" in value:
        return None
    text = _leading_zeros.sub("", value) if "." in value and ":" not in value else value
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


@lru_cache(maxsize=1024)
def parse_cidr(value: str) -> Network | None:
    host, slash, bits = value.partition("/")
    address = parse_ip(host)
    if not slash or address is None or not (bits.isascii() and bits.isdigit()):
        return None
    try:
        return ipaddress.ip_network((address, int(bits)), strict=False)
    except ValueError:
        return None


def canonical(address: Address) -> str:
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def legacy_ip(value: str) -> list[str]:
    """For fields that were there before: no leading zeros, no IPv4-mapped IPv6; any spelling of an IPv6 address will do."""
    return [m for m in ip(value) if not m.startswith(_CANONICAL)]


def ip(value: str) -> list[str]:
    """For new fields: no leading zeros, no IPv4-mapped IPv6, canonical form."""
    address = parse_ip(value)
    if address is None:
        return [_BAD_IP]
    if address.version == 4 and str(address) != value:
        return ["must not have leading 0s"]
    if _mapped(address):
        return ["must not be an IPv4-mapped IPv6 address"]
    return [] if str(address) == value else [f'must be in canonical form ("{address}")']


def legacy_cidr(value: str) -> list[str]:
    return [m for m in cidr(value) if not m.startswith(_CANONICAL)]


def cidr(value: str) -> list[str]:
    """For new fields: as `ip`, and no bits set beyond the prefix."""
    network = parse_cidr(value)
    if network is None:
        return [_BAD_CIDR]
    host, _, bits = value.partition("/")
    address = parse_ip(host)
    assert address is not None  # parse_cidr parsed it
    if (address.version == 4 and str(address) != host) or str(int(bits)) != bits:
        return ["must not have leading 0s in IP or prefix length"]
    if _mapped(address):
        return ["must not have an IPv4-mapped IPv6 address"]
    if address != network.network_address:
        return ["must not have bits set beyond the prefix length"]
    return [] if str(network) == value else [f'must be in canonical form ("{network}")']


def ip_warnings(path: str, value: str) -> list[str]:
    """Warnings for an address that is accepted but not written the standard way."""
    address = parse_ip(value)
    if address is None:
        return []
    if _mapped(address) or (address.version == 4 and str(address) != value):
        return [f'{path}: non-standard IP address "{value}" is invalid: use "{canonical(address)}"']
    if address.version == 6 and str(address) != value:
        return [f'{path}: IPv6 address "{value}" should be in RFC 5952 canonical format ("{address}")']
    return []


def cidr_warnings(path: str, value: str) -> list[str]:
    """Warnings for a block that is accepted but not written the standard way."""
    network = parse_cidr(value)
    if network is None:
        return []
    host, _, bits = value.partition("/")
    address = parse_ip(host)
    assert address is not None  # parse_cidr parsed it
    warnings: list[str] = []
    if address != network.network_address:
        single = f"{canonical(address)}/{address.max_prefixlen}"
        warnings.append(f'{path}: CIDR value "{value}" is ambiguous in this context (should be "{network}" or "{single}"?)')
    if str(int(bits)) != bits or _mapped(address) or (address.version == 4 and str(address) != host):
        warnings.append(f'{path}: non-standard CIDR value "{value}" is invalid: use "{network}"')
    elif not warnings and address.version == 6 and str(network) != value:
        warnings.append(f'{path}: IPv6 CIDR value "{value}" should be in RFC 5952 canonical format ("{network}")')
    return warnings
