"""The fabric's network: its own namespace with the gateway's address, a routed veth for each pod, sockets made over there.

Routed and not bridged: a pod reaches itself through a virtual address without hairpin mode or br_netfilter, which an ordinary user cannot
load. Each address is a /32 (/128); the gateway answers for its own because that is on the loopback link (IPv6: a link-local per veth).
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator

from wherry.linux import calls, ids
from wherry.linux.netlink import Netlink, family_of
from wherry.linux.nft import Nft
from wherry.node.process.helper.state import Pod, State

_GATEWAY6 = "fe80::1"
_MTU = 1500
#: the link between the fabric and the machine (and its rules), and the machine's address on it (link-local: of nobody's network)
_OUTSIDE, _MACHINE = "wherry-exposed", "169.254.244.1"
#: of the fabric's namespace: it forwards between pods, and its sockets may bind any port
_SYSCTLS = {
    "net/ipv4/ip_forward": "1",
    "net/ipv4/conf/all/send_redirects": "0",
    "net/ipv4/conf/default/send_redirects": "0",
    "net/ipv4/conf/all/route_localnet": "1",
    # who sends under another's address is not heard: network policies go by addresses (RFC 3704)
    "net/ipv4/conf/all/rp_filter": "1",
    "net/ipv4/ip_unprivileged_port_start": "0",
}


def set_up(state: State) -> None:
    """The fabric's own namespace, before the first pod."""
    loopback = socket.if_nametoindex("lo")
    state.netlink.set_up(loopback)
    for name, value in _SYSCTLS.items():
        ids.write(f"/proc/sys/{name}", value)
    if state.settings["gateway6"]:
        ids.write("/proc/sys/net/ipv6/conf/all/forwarding", "1")
        ids.write("/proc/sys/net/ipv6/conf/default/accept_dad", "0")
    # without it the kernel says "net unreachable", for which a program that waits for a datagram goes on waiting
    state.netlink.prohibit()
    for gateway, services in (("gateway", "services"), ("gateway6", "services6")):
        if state.settings[gateway]:
            state.netlink.add_address(loopback, state.settings[gateway])
            if state.settings[services]:
                # virtual addresses need a route, or programs here would call from 127.0.0.1
                state.netlink.add_route(state.settings[services], loopback, source=state.settings[gateway])


@contextlib.contextmanager
def inside(state: State, net: int) -> Iterator[None]:
    """This process is in that network namespace for as long."""
    calls.setns(net)
    try:
        yield
    finally:
        calls.setns(state.own["net"])


def connect(state: State, pod: Pod, addresses: list[str]) -> None:
    """A veth between the fabric and the pod's network namespace, with these addresses. Raises OSError, with nothing left of it."""
    pod.link = f"pod{state.number()}"
    state.netlink.add_veth(pod.link, "eth0", pod.namespaces["net"], _MTU)
    index = socket.if_nametoindex(pod.link)
    for address in addresses:
        if family_of(address) == socket.AF_INET6:
            state.netlink.add_address(index, _GATEWAY6, 64)
        state.netlink.add_route(_alone(address), index)
    with inside(state, pod.namespaces["net"]), contextlib.closing(Netlink()) as netlink:
        _set_up_pod(netlink, addresses, state.settings["gateway"])


def _set_up_pod(netlink: Netlink, addresses: list[str], gateway: str) -> None:
    netlink.set_up(socket.if_nametoindex("lo"))
    index = socket.if_nametoindex("eth0")
    if any(":" in address for address in addresses):
        ids.write("/proc/sys/net/ipv6/conf/eth0/accept_dad", "0")
    for address in addresses:
        netlink.add_address(index, address)
    netlink.set_up(index)
    for version in sorted({6 if family_of(address) == socket.AF_INET6 else 4 for address in addresses}):
        via = gateway if version == 4 else _GATEWAY6
        if version == 4:
            netlink.add_route(_alone(via), index)
        netlink.add_route(f"default{version}", index, gateway=via)


def expose(state: State, machine: int, networks: list[str]) -> None:
    """A veth between the fabric and the machine's network namespace, over which the machine reaches these networks. Raises OSError.

    Its programs come from the gateway's address, as those of a node do. With the fabric's namespace all of it goes.
    """
    gateway = state.settings["gateway"]
    with inside(state, machine):  # the right to do it, before anything is made
        pass
    state.netlink.add_veth(_OUTSIDE, _OUTSIDE, machine, _MTU)
    state.netlink.add_route(_alone(_MACHINE), socket.if_nametoindex(_OUTSIDE))
    chain = f"chain postrouting {{ type nat hook postrouting priority 90; ip saddr {_MACHINE} snat to {gateway}; }}"
    run_rules(state, f"table ip {_OUTSIDE} {{\n{chain}\n}}\n")
    with inside(state, machine), contextlib.closing(Netlink()) as netlink:
        index = socket.if_nametoindex(_OUTSIDE)
        netlink.add_address(index, _MACHINE)
        netlink.set_up(index)
        netlink.add_route(_alone(gateway), index)
        for each in networks:
            netlink.add_route(each, index, gateway=gateway)


def catch_all(state: State) -> None:
    """What is sent to addresses without a route here is taken as sent to this namespace. Raises OSError."""
    state.netlink.add_route("default4", socket.if_nametoindex("lo"), local=True)


def make_sockets(state: State, place: str, *, udp: bool, ipv6: bool, count: int) -> list[int]:
    """Raises KeyError."""
    net = state.pods[place].namespaces["net"] if place else state.own["net"]
    family = socket.AF_INET6 if ipv6 else socket.AF_INET
    made: list[int] = []
    with inside(state, net):
        try:
            for _ in range(count):
                made.append(socket.socket(family, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM).detach())
        except OSError:
            for descriptor in made:
                os.close(descriptor)
            raise
    return made


def add_address(state: State, address: str) -> None:
    state.netlink.add_address(socket.if_nametoindex("lo"), address)


def delete_address(state: State, address: str) -> None:
    state.netlink.delete_address(socket.if_nametoindex("lo"), address)


def run_rules(state: State, text: str) -> str:
    """Raises NftError, NftMissing."""
    if state.nft is None:
        state.nft = Nft()
    return state.nft.run(text)


def _alone(address: str) -> str:
    return f"{address}/{128 if family_of(address) == socket.AF_INET6 else 32}"
