"""At which addresses a cluster is reached: here, and by other machines.

`Cluster` asks when it starts: for its URL, for the names of its certificate and for the endpoints of the Service `kubernetes`. Nothing is
sent.
Source: k8s.io/apiserver/pkg/server/options/serving.go (DefaultExternalAddress), --advertise-address of kube-apiserver.
"""

from __future__ import annotations

import socket
from ipaddress import ip_address

#: an address that nobody has (RFC 5737): the way to it shows which of our own addresses others see
_ELSEWHERE = ("192.0.2.1", 9)


def here(host: str) -> str:
    """Where a client of this machine connects to a server that listens on `host`."""
    found = ip_address(host)
    if not found.is_unspecified:
        return host
    return "127.0.0.1" if found.version == 4 else "::1"


def advertised(host: str, given: str = "") -> str:
    """What other machines are told; "" when they cannot reach it, or this machine has no address that is not its own affair."""
    if given:
        return given
    found = ip_address(host)
    if found.is_loopback:
        return ""
    return _outward() if found.is_unspecified else host


def _outward() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_ELSEWHERE)
        except OSError:
            return ""
        address: str = probe.getsockname()[0]
    return "" if ip_address(address).is_loopback else address
