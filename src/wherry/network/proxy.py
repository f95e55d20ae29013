"""The service proxy of real nodes: it keeps the fabric's nftables as Services, EndpointSlices and nodes say, and writes only what changed.

Started by the cluster beside real nodes only. News of some milliseconds go in together; after a restart everything is written anew, and so
it is when somebody else changed the rules. What nftables refuses is told (log and health) and tried again; the old rules hold meanwhile.

A pod that is deleted is out of the rules before anything in it is told to end (`without`): so a rolling update loses no new connection,
and nobody needs a preStop hook that sleeps.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from wherry.api.objects import Obj, key, uid
from wherry.api.resources import resource
from wherry.client.informer import Informers
from wherry.linux.fabric import Fabric, RulesRefused
from wherry.network.kernel_rules import KernelRules
from wherry.rules.networking.endpoints.places import SERVICE_NAME, service_of
from wherry.rules.networking.hosts.reach import reachable
from wherry.rules.networking.proxy.routes import Routes, World, node_of, routes, targets

log = logging.getLogger(__name__)

#: seconds in which news are gathered
_GATHER = 0.005
#: seconds until refused rules are tried again, and between two looks whether the rules are still there
_AGAIN, _LOOK = 1.0, 5.0


class ServiceProxy:
    """`own`: addresses of Services at which the cluster itself answers, which are led nowhere. `reaches`: whether a pod with an address
    is reached from here; None: all are.
    """

    def __init__(self, informers: Informers, fabric: Fabric, own: frozenset[str] = frozenset(),
                 reaches: Callable[[str], bool] | None = None) -> None:
        self._own, self._reaches = own, reaches
        self._services = informers.of(resource("services"))
        self._slices = informers.of(resource("endpointslices", "discovery.k8s.io"))
        self._nodes = informers.of(resource("nodes"))
        self._kernel = KernelRules(fabric)
        self._gateway = fabric.gateway
        self._world = World()
        #: Services to look at again
        self._changed: set[str] = set()
        #: a transaction is under way; the rules are not what they were written as
        self._writing = self._lost = False
        self._news = asyncio.Event()
        #: somebody waits: news are not gathered any longer
        self._hurry = asyncio.Event()
        self._trouble = ""
        #: uids of pods that are about to end
        self._leaving: set[str] = set()
        #: who waits until the rules are as the news until now say
        self._waiting: list[asyncio.Future[None]] = []
        self._slices.add_index(SERVICE_NAME, service_of)
        self._slices.add_index("pod", lambda one: targets([one]))
        self._services.add_handler(self._service_changed, "service proxy")
        self._slices.add_handler(self._slice_changed, "service proxy")
        self._nodes.add_handler(self._node_changed, "service proxy")

    def health(self) -> str:
        """Why the rules are not as the API says; "" when they are."""
        return self._trouble

    async def without(self, pod: Obj) -> None:
        """Returns when no new connection is led to the pod any more, but for Services that have no other."""
        naming = self._slices.by_index("pod", uid(pod))
        if naming:
            self._leaving.add(uid(pod))
            for each in naming:
                self._changed.update(service_of(each))
        elif not self._changed and not self._writing:
            return
        # also when no slice names it any more: the kernel may not have heard that yet
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        self._hurry.set()
        self._news.set()
        await waiting

    async def run(self) -> None:
        """Follow until cancelled."""
        for each in (self._services, self._slices, self._nodes):
            await each.synced()
        self._all()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow())
            group.create_task(self._guard())

    async def _follow(self) -> None:
        while True:
            await self._news.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(_GATHER):
                    await self._hurry.wait()
            self._news.clear()
            self._hurry.clear()
            waiting, self._waiting = self._waiting, []
            if await self._apply():
                for each in waiting:
                    if not each.done():
                        each.set_result(None)
            else:
                self._waiting += waiting

    async def _guard(self) -> None:
        """Notices when somebody else changed or took away what is here."""
        while True:
            await asyncio.sleep(_LOOK)
            try:
                intact = await self._kernel.intact()
            except RulesRefused:
                intact = False
            if not intact:
                log.warning("somebody else changed the rules of Services: they are written anew")
                self._lost = True
                self._news.set()

    def look_again(self) -> None:
        """Other pods are reached now."""
        self._changed.update(self._services.names())
        self._news.set()

    # --- news ---
    def _all(self) -> None:
        self._world = World(tuple(sorted(node_of(node) for node in self._nodes.items())), self._gateway)
        self.look_again()

    def _service_changed(self, old: Obj | None, new: Obj | None) -> None:
        self._changed.add(key(new or old or {}))
        self._news.set()

    def _slice_changed(self, old: Obj | None, new: Obj | None) -> None:
        for each in (old, new):
            if each is not None:
                self._changed.update(service_of(each))
        self._news.set()

    def _node_changed(self, old: Obj | None, new: Obj | None) -> None:
        if (old and node_of(old)) != (new and node_of(new)):
            self._all()

    # --- rules ---
    async def _apply(self) -> bool:
        changed, self._changed = self._changed, set()
        if self._lost:
            self._kernel.forget()
            self._lost = False
        if self._kernel.fresh:
            changed.update(self._services.names())
        self._leaving = {each for each in self._leaving if self._slices.count("pod", each)}
        self._writing = True
        try:
            again = await self._kernel.apply({each: self._routes(each) for each in changed})
        except RulesRefused as error:
            self._trouble = f"nftables refused the rules of Services: {error}"
            log.error("%s; tried again every %.3g s", self._trouble, _AGAIN)
            asyncio.get_running_loop().call_later(_AGAIN, self._news.set)
            return False
        finally:
            self._writing = False
        self._trouble = ""
        if again:
            self._changed.update(again)
            self._news.set()
        return True

    def _routes(self, service: str) -> Routes:
        found = self._services.get(service)
        if found is None:
            return {}
        if self._own.intersection(found["spec"].get("clusterIPs") or ()):
            return {}
        slices = self._slices.by_index(SERVICE_NAME, service)
        return routes(found, slices if self._reaches is None else reachable(slices, self._reaches), self._world, self._leaving)
