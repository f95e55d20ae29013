"""From the API server to the node agent in the same process: logs of a pod's containers, and connections to what runs in them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from wherry.api.errors import ServiceUnavailable, StatusError
from wherry.api.objects import Obj
from wherry.cluster import pod_network
from wherry.node.runtime import LogOptions as RuntimeLogOptions
from wherry.server.gateway import Connect, LogOptions, nobody_listens, refused
from wherry.streams.dialing import CONNECT, DialFailed, Place, reason
from wherry.streams.port_forward import Opened
from wherry.streams.session import Session

if TYPE_CHECKING:
    from wherry.cluster.cluster import Cluster
    from wherry.node.agent import NodeAgent
    from wherry.node.runtime import Runtime


#: the names of nodes that a server runs itself, simulated or not; those that joined have others
_OF_A_SERVER = re.compile(r"(sim|node)-\d+")
#: the runtime in whose containers nothing runs
SIMULATED = "simulated"


class Gateway:
    """Implements `wherry.server.gateway.NodeGateway`."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def _agent(self, node: str) -> NodeAgent | None:
        """Who runs the node; for one that is nobody's, whoever there is."""
        simulated, real = self._cluster.nodes, self._cluster.real_nodes
        return real if simulated is None or (real is not None and node in real.node_names) else simulated

    def logs(self, pod: Obj, container: str, options: LogOptions) -> AsyncIterator[bytes]:
        """Raises ServiceUnavailable when no node agent runs in this cluster."""
        nodes = self._agent(pod["spec"].get("nodeName", ""))
        if nodes is None:
            raise ServiceUnavailable(f'{self._absent}: no logs of pod "{pod["metadata"]["name"]}"')
        return nodes.runtime_of(pod["spec"].get("nodeName", "")).logs(pod, container, self._options(options))

    def serves(self, node: str) -> bool:
        nodes = self._agent(node)
        return node in nodes.node_names if nodes is not None else self._is_elsewhere(node)

    def _is_elsewhere(self, node: str) -> bool:
        """Run by another server on the same etcd: there is no kubelet that could be asked from here."""
        return bool(self._cluster.options.etcd_servers) and _OF_A_SERVER.fullmatch(node) is not None

    @property
    def _absent(self) -> str:
        if not self._cluster.options.etcd_servers:
            return "no node agent runs in this cluster"
        lease = self._cluster.store.known("leases.coordination.k8s.io/kube-system/wherry-nodes")
        holder = lease.object()["spec"].get("holderIdentity") if lease is not None else ""
        return f"the cluster's own nodes run on another server ({holder or 'none at present'})"

    def simulates(self, node: str) -> bool:
        nodes = self._agent(node)
        return nodes is None or nodes.runtime_of(node).name == SIMULATED

    def refusal(self, pod: Obj, wanted: Connect) -> StatusError | None:
        nodes = self._agent(pod["spec"].get("nodeName", ""))
        if nodes is None:
            return ServiceUnavailable(f'{self._absent}: no {wanted.what} of pod "{pod["metadata"]["name"]}"')
        return refused(pod, wanted) if self.simulates(pod["spec"].get("nodeName", "")) else None

    async def open(self, pod: Obj, wanted: Connect) -> Session:
        runtime, streams = self._runtime(pod, wanted), wanted.streams
        if wanted.what == "attach":
            return await runtime.attach(pod, wanted.container, stdin=streams.stdin)
        return await runtime.exec(pod, wanted.container, wanted.command, tty=streams.tty, stdin=streams.stdin)

    async def dial(self, pod: Obj, port: int) -> Opened:
        connected = await self._runtime(pod, Connect("portforward", ports=(str(port),))).dial(pod, port)
        return Opened(*await asyncio.open_connection(sock=connected))

    def reaches(self, pod: Obj) -> bool:
        network = pod_network.of(self._cluster)
        return network is not None and network.has(pod["status"]["podIP"])

    async def reach(self, pod: Obj, port: int) -> Opened:
        network, address = pod_network.of(self._cluster), pod["status"]["podIP"]
        if network is None:
            return await self.dial(pod, port)
        try:
            async with asyncio.timeout(CONNECT):
                return Opened(*await asyncio.open_connection(sock=await network.connect(address, port)))
        except OSError as error:
            raise DialFailed(f"dial tcp {reason(Place(address, port), error)}") from None

    async def dial_node(self, node: str) -> Opened:
        nodes = self._cluster.real_nodes
        if nodes is None or node not in nodes.node_names:
            raise nobody_listens(node)
        return Opened(*await nodes.connect(node))

    def _runtime(self, pod: Obj, wanted: Connect) -> Runtime:
        """Raises StatusError where nothing can be connected to (any more)."""
        nodes = self._agent(pod["spec"].get("nodeName", ""))
        if (why := self.refusal(pod, wanted)) is not None or nodes is None:
            raise why or refused(pod, wanted)
        return nodes.runtime_of(pod["spec"].get("nodeName", ""))

    def _options(self, options: LogOptions) -> RuntimeLogOptions:
        since = options.since_seconds
        if options.since_time is not None:
            since = max(0, int(self._cluster.own_clock.now() - options.since_time))
        return RuntimeLogOptions(
            follow=options.follow,
            previous=options.previous,
            timestamps=options.timestamps,
            tail_lines=options.tail_lines,
            limit_bytes=options.limit_bytes,
            since_seconds=since,
            stream=options.stream,
        )
