"""rtnetlink for routes between machines: what is there, routes under a mark of ours, tunnels of VXLAN with their neighbours.

For the main process of root, which works in the machine's own namespace and (in a thread of its own) in others. Routes that are put here
carry a number of ours as their protocol, so that those of an earlier start are told from everybody else's.
Source: man 7 rtnetlink, linux/rtnetlink.h, linux/if_link.h, linux/neighbour.h.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator
from typing import NamedTuple

from wherry.linux.netlink import Netlink

#: rtm_protocol of our routes (free in /etc/iproute2/rt_protos)
PROTOCOL = 119
_NEWLINK, _GETLINK, _GETADDR, _NEWROUTE, _DELROUTE, _GETROUTE, _NEWNEIGH, _DELNEIGH = 16, 18, 22, 24, 25, 26, 28, 29
_REQUEST, _DUMP, _REPLACE, _EXCL, _CREATE = 1, 0x300, 0x100, 0x200, 0x400
_DONE, _ERROR = 3, 2
_MAIN, _UNIVERSE, _LINK, _UNICAST, _ONLINK = 254, 0, 253, 1, 4
_PERMANENT, _SELF = 0x80, 2
_IFF_UP = 1


class Link(NamedTuple):
    device: int
    name: str
    mtu: int
    up: bool


class Known(NamedTuple):
    """A route of the main table; `via` "" for one that ends at its link."""

    network: str
    via: str
    device: int
    protocol: int


class Routing(Netlink):
    """IPv4. Every call raises OSError with the kernel's error."""

    # --- what is there ---
    def links(self) -> list[Link]:
        found = []
        for body in self._dump(_GETLINK, _link(0)):
            index, flags = struct.unpack_from("iI", body, 4)
            said = dict(_attributes(body[16:]))
            found.append(Link(index, said[3].rstrip(b"\0").decode(), struct.unpack("I", said[4])[0], bool(flags & _IFF_UP)))
        return found

    def link(self, name: str) -> Link | None:
        return next((each for each in self.links() if each.name == name), None)

    def address(self, address: str) -> tuple[int, int] | None:
        """The link that has it, and the length of its network; None for an address of somebody else."""
        wanted = socket.inet_aton(address)
        for body in self._dump(_GETADDR, struct.pack("BBBBi", socket.AF_INET, 0, 0, 0, 0)):
            said = dict(_attributes(body[8:]))
            if said.get(2) == wanted:
                return int(struct.unpack_from("i", body, 4)[0]), body[1]
        return None

    def routes(self) -> list[Known]:
        found = []
        for body in self._dump(_GETROUTE, struct.pack("BBBBBBBBI", socket.AF_INET, 0, 0, 0, 0, 0, 0, 0, 0)):
            length, table, protocol = body[1], body[4], body[5]
            said = dict(_attributes(body[12:]))
            if table == _MAIN:
                network = f"{socket.inet_ntoa(said.get(1, bytes(4)))}/{length}"
                via = socket.inet_ntoa(said[5]) if 5 in said else ""
                found.append(Known(network, via, struct.unpack("I", said[4])[0] if 4 in said else 0, protocol))
        return found

    # --- routes of ours ---
    def put_route(self, network: str, *, via: str = "", index: int = 0, source: str = "", onlink: bool = False) -> None:
        """In the place of another of the same network. `onlink`: the next hop is there whatever other routes say."""
        body = _route(network, _UNIVERSE if via else _LINK, _ONLINK if onlink else 0)
        for kind, address in ((5, via), (7, source)):
            if address:
                body += _attribute(kind, socket.inet_aton(address))
        if index:
            body += _attribute(4, struct.pack("I", index))
        self._ask(f"add route {network}", _NEWROUTE, _CREATE | _REPLACE, body)

    def delete_route(self, network: str) -> None:
        """Of ours alone; nothing happens when it is not there."""
        try:
            self._ask(f"delete route {network}", _DELROUTE, 0, _route(network, 255, 0))
        except OSError as error:
            if error.errno != errno.ESRCH:
                raise

    # --- tunnels ---
    def add_vxlan(self, name: str, namespace: int, *, number: int, port: int, local: str, mac: str, mtu: int) -> None:
        """In the namespace of that descriptor; its packets go over this one. Nothing is learned: it knows whom it is told of."""
        data = _attribute(1, struct.pack("I", number)) + _attribute(4, socket.inet_aton(local))
        data += _attribute(7, b"\0") + _attribute(15, struct.pack("!H", port))
        kind = _attribute(1, b"vxlan") + _attribute(2, data)
        body = _link(_IFF_UP) + _attribute(3, name.encode() + b"\0") + _attribute(1, _mac(mac)) + _attribute(4, struct.pack("I", mtu))
        self._ask("add vxlan", _NEWLINK, _CREATE | _EXCL, body + _attribute(28, struct.pack("I", namespace)) + _attribute(18, kind))

    def put_peer(self, index: int, *, address: str, mac: str, machine: str) -> None:
        """Whoever has that address is at that machine."""
        for body in _peer(index, address, mac, machine):
            self._ask("add neighbour", _NEWNEIGH, _CREATE | _REPLACE, body)

    def delete_peer(self, index: int, *, address: str, mac: str, machine: str) -> None:
        for body in _peer(index, address, mac, machine):
            try:
                self._ask("delete neighbour", _DELNEIGH, 0, body)
            except OSError as error:
                if error.errno not in (errno.ENOENT, errno.ESRCH):
                    raise

    def _dump(self, kind: int, body: bytes) -> list[bytes]:
        """The bodies of all that there is of a kind; nothing of the answer is left unread."""
        found: list[bytes] = []
        self._sequence += 1
        self._socket.send(struct.pack("IHHII", 16 + len(body), kind, _REQUEST | _DUMP, self._sequence, 0) + body)
        while True:
            told = self._socket.recv(1 << 18)
            while told:
                length, what = struct.unpack_from("IH", told)
                if what == _DONE:
                    return found
                if what == _ERROR:
                    number = -struct.unpack_from("i", told, 16)[0]
                    raise OSError(number, f"list: {os.strerror(number)}")
                found.append(told[16:length])
                told = told[(length + 3) & ~3:]


def _attribute(kind: int, data: bytes) -> bytes:
    length = 4 + len(data)
    return struct.pack("HH", length, kind) + data + b"\0" * (-length % 4)


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= 4:
        length, kind = struct.unpack_from("HH", data)
        yield kind & 0x3FFF, data[4:length]
        data = data[(length + 3) & ~3:]


def _link(flags: int) -> bytes:
    return struct.pack("BxHiII", 0, 0, 0, flags, flags)


def _route(network: str, scope: int, flags: int) -> bytes:
    address, _, length = network.partition("/")
    head = struct.pack("BBBBBBBBI", socket.AF_INET, int(length), 0, 0, _MAIN, PROTOCOL, scope, _UNICAST, flags)
    return head + (_attribute(1, socket.inet_aton(address)) if int(length) else b"")


def _peer(index: int, address: str, mac: str, machine: str) -> tuple[bytes, bytes]:
    """Which link address an address has, and at which machine that is."""
    return (_neighbour(socket.AF_INET, index, 0, socket.inet_aton(address), mac),
            _neighbour(socket.AF_BRIDGE, index, _SELF, socket.inet_aton(machine), mac))


def _neighbour(family: int, index: int, flags: int, target: bytes, mac: str) -> bytes:
    return struct.pack("BxxxiHBB", family, index, _PERMANENT, flags, 0) + _attribute(1, target) + _attribute(2, _mac(mac))


def _mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))
