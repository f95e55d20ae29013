"""Services on this machine: node ports at its addresses, and load balancers at addresses of their own, relayed into the pods' network.

Run by the cluster as a component beside the service proxy. A port that cannot be had is told in an event of its Service and tried again; a
load balancer gets its address in the status once all of its ports are served. Invariant: a listener is open exactly while its Service wants
it; connections outlive it, as they do in the kernel. The relay costs this process time: pods and `expose_services` do without it.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
from collections.abc import Callable, Collection, Iterable, Sequence

from wherry.api.errors import NotFound, StatusError
from wherry.api.objects import Obj, key, name, namespace
from wherry.api.options import MERGE_PATCH
from wherry.api.resources import resource
from wherry.client.informer import Informers
from wherry.client.protocol import Client
from wherry.client.recorder import Recorder
from wherry.kit.clock import Clock
from wherry.linux.fabric import Fabric
from wherry.network.relaying import Served, served
from wherry.rules.networking.endpoints.places import SERVICE_NAME, service_of
from wherry.rules.networking.proxy import host
from wherry.rules.networking.proxy.host import Listener
from wherry.rules.networking.proxy.routes import Node, node_of

log = logging.getLogger(__name__)

SERVICES = resource("services")
#: seconds in which news are gathered; seconds until a port that could not be had is tried again
_GATHER, _AGAIN = 0.02, 10.0
_COMPONENT = "service-controller"


class HostPorts:
    """`addresses`: of this machine, at which node ports are served; `names`: of this machine's nodes. `balances`: load balancers are its
    too, which are of one machine of the cluster.
    """

    def __init__(self, client: Client, informers: Informers, clock: Clock, fabric: Fabric, addresses: Sequence[str],
                 names: Callable[[], Collection[str]], *, balances: bool = True) -> None:
        self._client, self._fabric, self._addresses = client, fabric, tuple(addresses)
        self._names, self._balances = names, balances
        self._recorder = Recorder(client, clock, _COMPONENT)
        self._services = informers.of(SERVICES)
        self._slices = informers.of(resource("endpointslices", "discovery.k8s.io"))
        self._nodes = informers.of(resource("nodes"))
        self._changed: set[str] = set()
        self._news = asyncio.Event()
        #: what is served, by Service, and the address of its load balancer
        self._served: dict[str, dict[Listener, Served]] = {}
        self._balancers: dict[str, str] = {}
        self._told: dict[str, str] = {}
        self._refused: dict[str, str] = {}
        self._slices.add_index(SERVICE_NAME, service_of)
        self._services.add_handler(self._service_changed, "host ports")
        self._slices.add_handler(self._slice_changed, "host ports")
        self._nodes.add_handler(self._node_changed, "host ports")

    async def run(self) -> None:
        """Follow until cancelled."""
        for each in (self._services, self._slices, self._nodes):
            await each.synced()
        self._changed.update(self._services.names())
        self._news.set()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._recorder.run())
                group.create_task(self._follow())
        finally:
            for listeners in self._served.values():
                for one in listeners.values():
                    one.close()
            self._served.clear()

    def _service_changed(self, old: Obj | None, new: Obj | None) -> None:
        self._changed.add(key(new or old or {}))
        self._news.set()

    def _slice_changed(self, old: Obj | None, new: Obj | None) -> None:
        """Which node to lead in at may change, for Services whose traffic stays on its node."""
        for each in service_of(new or old or {}):
            found = self._services.get(each)
            if found is not None and found["spec"].get("externalTrafficPolicy") == "Local":
                self._changed.add(each)
                self._news.set()

    def _node_changed(self, old: Obj | None, new: Obj | None) -> None:
        if (old and node_of(old)) != (new and node_of(new)):
            self._changed.update(self._services.names())
            self._news.set()

    async def _follow(self) -> None:
        while True:
            await self._news.wait()
            await asyncio.sleep(_GATHER)
            self._news.clear()
            changed, self._changed = self._changed, set()
            nodes = sorted(node_of(node) for node in self._nodes.items())
            own = self._names()
            nodes = [node for node in nodes if node.addresses and node.name in own]
            for each in sorted(changed):
                await self._serve(each, nodes)

    async def _serve(self, service: str, nodes: Sequence[Node]) -> None:
        """Make it so for one Service."""
        found = self._services.get(service)
        address = self._address(service, found)
        wanted = self._wanted(found, address, nodes) if found is not None else []
        there = self._served.setdefault(service, {})
        for gone in [each for each in there if each not in wanted]:
            there.pop(gone).close()
        problems = [why for each in wanted if each not in there and (why := await self._open(there, each))]
        if not there:
            del self._served[service]
        if found is None:
            self._told.pop(service, None)
            self._refused.pop(service, None)
            return
        self._tell(service, found, problems)
        self._tell_once(service, found, host.not_served(found))
        if not self._balances:
            return
        failed = any(each.address == address and each not in there for each in wanted)
        await self._write(found, "" if failed or not nodes else address)

    def _address(self, service: str, found: Obj | None) -> str:
        """Of its load balancer; "" for a Service that has none of ours."""
        if found is None or not self._balances or not host.is_balanced(found):
            self._balancers.pop(service, None)
            return ""
        if service not in self._balancers:
            self._balancers[service] = host.choose(found, self._balancers.values())
        return self._balancers[service]

    def _wanted(self, service: Obj, address: str, nodes: Sequence[Node]) -> list[Listener]:
        slices = self._slices.by_index(SERVICE_NAME, key(service))
        ports = host.node_ports(service, self._addresses, slices, nodes)
        return [*ports, *(host.balanced(service, address, slices, nodes) if address else ())]

    async def _open(self, there: dict[Listener, Served], wanted: Listener) -> str:
        """Why it cannot be served; "" when it is."""
        try:
            there[wanted] = await served(self._fabric, wanted)
        except OSError as error:
            why = {errno.EADDRINUSE: "is in use on this machine", errno.EACCES: "is for root alone"}.get(error.errno or 0)
            return f"{wanted.protocol} port {wanted.port} of {wanted.address} {why or os.strerror(error.errno or 0)}"
        return ""

    def _tell(self, service: str, found: Obj, problems: Iterable[str]) -> None:
        """Once for each trouble, which is tried again until it is over."""
        text = "; ".join(problems)
        if text:
            asyncio.get_running_loop().call_later(_AGAIN, self._again, service)
        if text and self._told.get(service) != text:
            reason = "SyncLoadBalancerFailed" if host.is_balanced(found) else "NodePortUnavailable"
            self._recorder.event(found, "Warning", reason, text)
        if text:
            self._told[service] = text
        else:
            self._told.pop(service, None)

    def _tell_once(self, service: str, found: Obj, text: str) -> None:
        """What stays as it is."""
        if text and self._refused.get(service) != text:
            self._recorder.event(found, "Warning", "ProtocolNotSupported", text)
        self._refused[service] = text

    def _again(self, service: str) -> None:
        self._changed.add(service)
        self._news.set()

    async def _write(self, service: Obj, address: str) -> None:
        """The load balancer's address into the status; out of it when it is none of ours any more."""
        if address == host.assigned(service):
            return
        # of mode Proxy: pods must not be led to the backends by it, as they do not reach this machine's loopback
        balancer = {"ingress": [{"ip": address, "ipMode": "Proxy"}] if address else None}
        patch = {"status": {"loadBalancer": balancer}}
        try:
            await self._client.patch(SERVICES, namespace(service), name(service), patch, MERGE_PATCH, subresource="status")
        except NotFound:
            return
        except StatusError as error:
            log.warning("the load balancer of service %s is not told: %s; tried again", key(service), error)
            asyncio.get_running_loop().call_later(_AGAIN, self._again, key(service))
