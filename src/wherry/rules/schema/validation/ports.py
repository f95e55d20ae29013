"""Ports and endpoint addresses, as services, endpoints and endpoint slices share them.

Source: pkg/apis/core/validation/validation.go ValidatePortNumOrName, ValidateEndpointIP.
"""

from __future__ import annotations

import ipaddress

from wherry.api.field import Errors, invalid
from wherry.rules.objects.addresses import parse_ip
from wherry.rules.objects.names import port_name, port_number

PROTOCOLS = ("SCTP", "TCP", "UDP")
_LINK_LOCAL_MULTICAST = ipaddress.ip_network("224.0.0.0/24"), ipaddress.ip_network("ff02::/16")


def port_number_or_name(port: int | str, path: str) -> Errors:
    messages = port_name(port) if isinstance(port, str) else port_number(port)
    return [invalid(path, port, m) for m in messages]


def endpoint_ip(ip: str, path: str) -> Errors:
    """An address that traffic may be sent to."""
    address = parse_ip(ip)
    if address is None:
        return [invalid(path, ip, "must be a valid IP address")]
    errors: Errors = []
    if address.is_unspecified:
        errors.append(invalid(path, ip, f"may not be unspecified ({ip})"))
    if address.is_loopback:
        errors.append(invalid(path, ip, "may not be in the loopback range (127.0.0.0/8, ::1/128)"))
    if address.is_link_local:
        errors.append(invalid(path, ip, "may not be in the link-local range (169.254.0.0/16, fe80::/10)"))
    if any(address in network for network in _LINK_LOCAL_MULTICAST):
        errors.append(invalid(path, ip, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"))
    return errors
