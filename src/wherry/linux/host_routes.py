"""Which networks this machine has a way to, so that nobody's is taken. Source: proc(5), /proc/net/route (IPv4 alone)."""

from __future__ import annotations

import socket
import struct
from ipaddress import IPv4Network
from pathlib import Path


def text() -> str:
    """As the kernel says it."""
    return Path("/proc/net/route").read_text()


def leads_to(network: str, table: str) -> bool:
    """Whether a route, other than the default one, is of a part of the network or of more than it. Pure."""
    wanted = IPv4Network(network)
    return any(wanted.overlaps(found) for found in _networks(table) if found.prefixlen)


def _networks(table: str) -> list[IPv4Network]:
    rows = [line.split() for line in table.splitlines()[1:]]
    return [IPv4Network((_address(row[1]), _address(row[7]))) for row in rows if len(row) > 7]


def _address(text: str) -> str:
    """The kernel shows the number as this machine's memory holds it."""
    return socket.inet_ntoa(struct.pack("=I", int(text, 16)))
