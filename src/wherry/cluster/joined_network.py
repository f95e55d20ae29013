"""What the pods of a node that joined reach: Services, names, the API and pods of other machines, as NetworkPolicies let them.

Called by `joined_node`. The same parts as beside a server's own nodes, on the node's own fabric, from watches over HTTP. Who reads for them
is the node itself, or whom `--network-kubeconfig` names: whoever it is needs the role `wherry:node-network`, as a kubelet's own rights do
not do. Where that is missing the log says so, and the node's pods have none of this.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from wherry.api.errors import Forbidden, NotFound, StatusError
from wherry.api.objects import Obj
from wherry.api.resources import resource
from wherry.client.access import Access
from wherry.client.http import HttpClient
from wherry.client.informer import Informers
from wherry.cluster import dns, pod_hosts, pod_ports, policies
from wherry.cluster.bootstrap import NODE_NETWORK, SERVICE_ADDRESS, SLICES
from wherry.cluster.options import Options
from wherry.kit.clock import Clock
from wherry.kit.tasks import Work
from wherry.network.leaving import Leaving
from wherry.rules.pods.kubelet.pod_ranges import of_nodes

if TYPE_CHECKING:
    from wherry.node.real.nodes import RealNodes

log = logging.getLogger(__name__)

READS = (
    resource("services"), SLICES, resource("nodes"), resource("pods"), resource("namespaces"),
    resource("networkpolicies", "networking.k8s.io"),
)  # fmt: skip
#: seconds between tries to reach the API server, and for which the start waits for the name server
_AGAIN, _PATIENCE = 1.0, 5.0


class JoinedNetwork:
    """`names`: the address of the cluster's name server, `api`: of the API's Service. Made by `prepare`."""

    def __init__(self, client: HttpClient, access: Access, names: str, api: tuple[str, int]) -> None:
        self._client, self._access, self.names, self._api = client, access, names, api
        self.informers = Informers(client)

    async def begin(self, nodes: RealNodes, options: Options, address: str) -> Mapping[str, Work]:
        """What is to be run, by name, beside the nodes; before they run. `address`: the machine's. Raises OptionError."""
        from wherry.network.api_relay import ApiRelay
        from wherry.network.host_ports import HostPorts
        from wherry.network.proxy import ServiceProxy

        fabric = nodes.fabric
        assert fabric is not None
        leaving = Leaving()
        proxy = ServiceProxy(self.informers, fabric, frozenset((self.names, self._api[0])), pod_hosts.reaching(nodes, options))
        leaving.add(proxy.without)
        nodes.drain = leaving.drain
        rules = policies.enforced(nodes, fabric, self.informers)
        server = dns.build(self.informers, fabric, options, self.names)
        names, at = lambda: nodes.node_names, options.node_port_addresses
        ports = HostPorts(self._client, self.informers, Clock(), fabric, at, names, balances=False)
        of_pods = pod_ports.build(nodes, fabric, self._client, self.informers, Clock(), options)
        relay = ApiRelay(fabric, self._api, self._servers)
        nodes.ranges_of_others = lambda: of_nodes(self.informers.of(resource("nodes")).items(), nodes.node_names)
        nodes.placed = proxy.look_again
        others = await pod_hosts.network(nodes, self.informers, address, options.pod_network)
        works: dict[str, Work] = {
            "service proxy": proxy.run, "network policies": rules.run, "cluster DNS": server.run, "API": relay.run, "host ports": ports.run,
        }  # fmt: skip
        if of_pods is not None:
            works["ports of pods"] = of_pods.run
        if others is not None:
            others.changed = proxy.look_again
            works["pods of other machines"] = others.run
            works["pods that leave"] = pod_hosts.asking(nodes, self.informers, others, leaving).run
        return works

    def _servers(self) -> Sequence[tuple[str, int]]:
        """Where this node reaches it, and where its Service leads to."""
        own = urlsplit(self._access.server)
        found = [(own.hostname or "", own.port or (443 if own.scheme == "https" else 80))]
        for each in self.informers.of(SLICES).items():
            if each["metadata"].get("namespace") == "default" and each["metadata"]["name"].startswith("kubernetes"):
                ports = [port["port"] for port in each.get("ports") or () if port.get("port")]
                found += [(address, port) for end in each.get("endpoints") or () for address in end["addresses"] for port in ports]
        return list(dict.fromkeys(found))


async def prepare(stack: AsyncExitStack, access: Access) -> JoinedNetwork | None:
    """What can be read with this access; None where it is too little, which is told."""
    client = await stack.enter_async_context(HttpClient(access, manager="wherry-node-network"))
    if refused := await _refused(client):
        log.warning(
            "pods of this node have neither Services nor names nor network policies: %s. "
            "`kubectl create clusterrolebinding %s --clusterrole=%s --group=system:nodes` lets it, or give --network-kubeconfig",
            refused, NODE_NETWORK, NODE_NETWORK,
        )  # fmt: skip
        return None
    names = await _service(client, "kube-system", "kube-dns")
    api = await _service(client, "default", "kubernetes")
    port = (api.get("ports") or [{"port": 443}])[0]["port"]
    made = JoinedNetwork(client, access, names.get("clusterIP") or dns.ADDRESS, (api.get("clusterIP") or SERVICE_ADDRESS, port))
    stack.push_async_callback(made.informers.stop)
    return made


async def _service(client: HttpClient, namespace: str, name: str) -> Obj:
    """Its spec; nothing when it is not there."""
    with suppress(NotFound):
        spec: Obj = (await client.get(resource("services"), namespace, name))["spec"]
        return spec
    return {}


async def _refused(client: HttpClient) -> str:
    """What it may not read, "" when it may read all. An API server that is away is waited for."""
    told = False
    while True:
        try:
            for each in READS:
                await client.list(each, limit=1)
        except Forbidden as error:
            return str(error)
        except (StatusError, OSError) as error:
            if not told:
                log.warning("the API server is asked what it serves to pods of this node: %s; tried again every %.3g s", error, _AGAIN)
                told = True
            await asyncio.sleep(_AGAIN)
        else:
            return ""
