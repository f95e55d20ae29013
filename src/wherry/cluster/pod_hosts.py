"""The pods of other machines, for nodes that run programs here: the option `pod_network`.

Called by `real_network` for a server's own nodes and by `joined_network`, before nodes run. It takes root, and an address at which other
machines reach this one. Where it cannot be, `auto` says so once in the log and goes on without; whoever asked for a way by name is refused.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
from collections.abc import Callable
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from wherry.client.informer import Informers
from wherry.cluster import addresses, users
from wherry.cluster.bootstrap import is_reached
from wherry.cluster.component import Component
from wherry.cluster.option_values import OptionError
from wherry.rules.networking.hosts import facts
from wherry.rules.networking.hosts.routes import mac

if TYPE_CHECKING:
    from wherry.cluster.cluster import Cluster
    from wherry.cluster.options import Options
    from wherry.linux.host_link import HostLink
    from wherry.network.hosts import HostNetwork
    from wherry.network.leaving import Leaving
    from wherry.network.leaving_hosts import LeavingHosts
    from wherry.network.proxy import ServiceProxy
    from wherry.node.real.nodes import RealNodes

log = logging.getLogger(__name__)

#: how often, and after how many seconds, a link that an earlier start left is looked for again: the kernel takes it away in a moment
_LOOKS, _BETWEEN = 20, 0.1
PROCESS = "process"
_HELP = "run wherry as root, or give --pod-network none"


def check(options: Options) -> None:
    """Raises OptionError for a way that is asked for where there are no pods of ours to take it."""
    if options.pod_network in (facts.AUTO, facts.NONE) or (options.runtime == PROCESS and options.run_nodes):
        return
    cni = "how pods of a container runtime reach each other is said by its CNI"
    raise OptionError(f"pod_network: {cni if options.runtime == 'containerd' else 'it is of nodes that run programs'}")


def reaching(nodes: RealNodes, options: Options) -> Callable[[str], bool] | None:
    """Whether pods with an address are reached from these nodes; None where that is not known here, but to their CNI."""
    return nodes.has_address if options.runtime == PROCESS else None


async def begin(cluster: Cluster, leaving: Leaving, proxy: ServiceProxy) -> None:
    """For the server's own nodes. Raises OptionError."""
    options, nodes = cluster.options, cluster.real_nodes
    assert nodes is not None
    nodes.placed = proxy.look_again
    if options.runtime != PROCESS:
        return  # how pods of a container runtime reach each other is said by its CNI
    address = addresses.advertised(options.host, options.advertise_address)
    made = await network(nodes, cluster.informers, address, options.pod_network)
    if made is not None:
        made.changed = proxy.look_again
        cluster.run(Component("pods of other machines", users.PROXY, made.run, made.health))
        cluster.run(Component("pods that leave", users.PROXY, asking(nodes, cluster.informers, made, leaving).run))


def asking(nodes: RealNodes, informers: Informers, made: HostNetwork, leaving: Leaving) -> LeavingHosts:
    """To be run: other machines lead nothing to a pod here that is about to end, and the other way round."""
    from wherry.network.leaving_hosts import LeavingHosts

    assert nodes.fabric is not None
    hosts = LeavingHosts(informers, nodes.fabric, lambda: made.plan, leaving.here)
    leaving.add_elsewhere(hosts.without)
    return hosts


async def network(nodes: RealNodes, informers: Informers, address: str, choice: str) -> HostNetwork | None:
    """To be run, and closed in the end. None where there is none: that is told. Raises OptionError.

    `address`: this machine's, as others know it, "" where they do not reach it; where it stands for another (behind a translation), its own
    is used.
    """
    nodes.say(facts.told("", ()))  # of an earlier start
    if choice == facts.NONE:
        return None
    if not is_reached(address, 1):
        if choice != facts.AUTO:
            raise OptionError(f"pod_network: other machines do not reach this one at {address or 'any address'}")
        return None
    try:
        return await _begun(nodes, informers, address, choice)
    except OSError as error:
        why = error.strerror or str(error)
        if isinstance(error, PermissionError):
            why = f"this machine's routes are root's to set; {_HELP}"
        elif isinstance(error, FileExistsError):
            why = "another wherry on this machine carries pods to other machines"
    if choice != facts.AUTO:
        raise OptionError(f"pod_network: pods of other machines cannot be reached: {why}")
    log.warning("pods here and pods of other machines do not reach each other: %s", why)
    return None


async def _begun(nodes: RealNodes, informers: Informers, address: str, choice: str) -> HostNetwork:
    """Raises OSError."""
    from wherry.linux import capabilities, host_link
    from wherry.network.hosts import HostNetwork

    assert nodes.fabric is not None
    if not all(capabilities.has_effective(each) for each in (capabilities.NET_ADMIN, capabilities.SYS_ADMIN)):
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
    if not (said := host_link.network_of(address)):
        address = addresses.advertised("0.0.0.0")
        if not (said := host_link.network_of(address) if address else ""):
            raise OSError(errno.EADDRNOTAVAIL, "this machine has no address at which others reach it")
    ways = facts.CHOICES[choice]
    if facts.HOST_GW in ways and host_link.forwarding_refused():
        text = "this machine's firewall drops what it should pass on (iptables' FORWARD, as Docker sets it)"
        log.warning("%s: %s", text, "pods of other machines are reached by vxlan" if facts.VXLAN in ways else "allow it for wherry-hosts")
        ways = tuple(way for way in ways if way != facts.HOST_GW or choice == facts.HOST_GW)
    link = host_link.HostLink(await nodes.fabric.namespace(), address, mac(IPv4Address(address)))
    try:
        await _when_free(link)
    except BaseException:
        link.end()
        raise
    nodes.say(facts.told(said, ways))
    nodes.others = made = HostNetwork(informers, nodes.fabric, link, lambda: nodes.node_names)
    return made


async def _when_free(link: HostLink) -> None:
    """Raises OSError."""
    for look in range(_LOOKS):
        try:
            return await link.begin()
        except FileExistsError:
            if look == _LOOKS - 1:
                raise
            await asyncio.sleep(_BETWEEN)
