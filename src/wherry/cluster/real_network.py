"""What serves the network of pods that run programs: Services, policies, host ports, the API's own address, names, the way out, Ingresses.

Called by `components`, and imported with the first cluster whose nodes have a network of ours, so that no other start pays for it. Made
before the informers start, because its parts index what informers hold; begun when the nodes' fabric is there, before nodes run pods.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from wherry.cluster import bootstrap, dns, elected, ingress, inside, outbound, pod_hosts, pod_ports, pods_api, policies, users
from wherry.cluster.component import Component
from wherry.kit.tasks import Work
from wherry.network.host_ports import HostPorts
from wherry.network.leaving import Leaving
from wherry.network.proxy import ServiceProxy

if TYPE_CHECKING:
    from wherry.cluster.cluster import Cluster
    from wherry.linux.fabric import Fabric
    from wherry.node.real.nodes import RealNodes

#: seconds for which a start waits for the name server
_PATIENCE = 5.0


class RealNetwork:
    """`fabric`: that of `nodes`. Raises OptionError for resolvers that cannot be used."""

    def __init__(self, cluster: Cluster, nodes: RealNodes, fabric: Fabric) -> None:
        self._cluster, self._leaving = cluster, Leaving()
        options, informers = cluster.options, cluster.informers
        own = {dns.ADDRESS, bootstrap.SERVICE_ADDRESS} if options.serve else {dns.ADDRESS}
        self._proxy = ServiceProxy(informers, fabric, frozenset(own), pod_hosts.reaching(nodes, options))
        self._leaving.add(self._proxy.without)
        nodes.drain = self._leaving.drain
        self._policies = policies.build(cluster, nodes, fabric)
        client = cluster.component("service-controller", users.SERVICES)
        self._host_ports = HostPorts(client, informers, cluster.own_clock, fabric, options.node_port_addresses, lambda: nodes.node_names)
        self._pod_ports = pod_ports.build(nodes, fabric, client, informers, cluster.own_clock, options)
        self._names = dns.build(informers, fabric, options)

    async def begin(self) -> None:
        """Raises OptionError for what the machine's kernel refuses, OSError when an address cannot be had."""
        cluster = self._cluster
        await pod_hosts.begin(cluster, self._leaving, self._proxy)
        cluster.run(Component("service proxy", users.PROXY, self._proxy.run, self._proxy.health))
        cluster.run(self._policies)
        cluster.run(Component("host ports", users.SERVICES, self._outside(self._host_ports.run)))
        if self._pod_ports is not None:
            cluster.run(Component("ports of pods", users.SERVICES, self._pod_ports.run))
        if cluster.options.serve:
            await pods_api.begin(cluster)
        await self._begin_names()
        if cluster.options.pods_outbound:
            await outbound.begin(cluster)
        if cluster.options.ingress:
            await ingress.begin(cluster, self._leaving)

    def _outside(self, work: Work) -> Work:
        """What is written for all servers is written by one."""
        return elected.one_of_all(self._cluster, "wherry-host-ports", users.SERVICES, work)

    async def _begin_names(self) -> None:
        cluster, names = self._cluster, self._names
        await dns.ensure_service(inside.bare(cluster, "kube-apiserver", users.API_SERVER, trusted=False))
        cluster.names = names
        cluster.run(Component("cluster DNS", users.API_SERVER, names.run))
        with suppress(TimeoutError):  # what keeps it is told by the component
            async with asyncio.timeout(_PATIENCE):
                await names.listening.wait()
