"""The service proxy of real nodes: it keeps the fabric's nftables as Services and EndpointSlices say, and knows what they say.

Started by the cluster beside real nodes only. News of some milliseconds go in together, in one transaction; after a restart everything is
written anew. What nftables refuses is told (log and health) and tried again; the old rules hold meanwhile.

A pod that is deleted is out of the rules before anything in it is told to end (`without`): so a rolling update loses no new connection,
and nobody needs a preStop hook that sleeps.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Protocol

from wherry.api.objects import Obj, uid
from wherry.api.resources import resource
from wherry.client.informer import Informers
from wherry.linux.fabric import RulesRefused
from wherry.rules.networking.proxy import nft
from wherry.rules.networking.proxy.routes import Routes, routes, targets

log = logging.getLogger(__name__)

#: seconds in which news are gathered
_GATHER = 0.005
#: seconds until refused rules are tried again
_AGAIN = 1.0


class Rules(Protocol):
    async def rules(self, text: str) -> None:
        """One transaction. Raises RulesRefused."""
        ...


class ServiceProxy:
    def __init__(self, informers: Informers, fabric: Rules) -> None:
        self._services = informers.of(resource("services"))
        self._slices = informers.of(resource("endpointslices", "discovery.k8s.io"))
        self._fabric = fabric
        self._news = asyncio.Event()
        #: somebody waits: news are not gathered any longer
        self._hurry = asyncio.Event()
        self._trouble = ""
        #: uids of pods that are about to end
        self._leaving: set[str] = set()
        #: who waits until the rules are as the news until now say
        self._waiting: list[asyncio.Future[None]] = []
        for each in (self._services, self._slices):
            each.add_handler(self._changed, "service proxy")

    def health(self) -> str:
        """Why the rules are not as the API says; "" when they are."""
        return self._trouble

    async def without(self, pod: Obj) -> None:
        """Returns when no new connection is led to the pod any more, but for Services that have no other."""
        if uid(pod) not in targets(self._slices.items()):
            return
        self._leaving.add(uid(pod))
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        self._hurry.set()
        self._news.set()
        await waiting

    async def run(self) -> None:
        """Follow until cancelled."""
        await self._services.synced()
        await self._slices.synced()
        applied: Routes | None = None
        while True:
            self._news.clear()
            self._hurry.clear()
            waiting, self._waiting = self._waiting, []
            self._leaving &= targets(self._slices.items())
            wanted = routes(self._services.items(), self._slices.items(), self._leaving)
            if wanted != applied:
                applied = wanted if await self._apply(wanted) else applied
            if wanted == applied:
                for each in waiting:
                    if not each.done():
                        each.set_result(None)
            else:
                self._waiting += waiting
            await self._news.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(_GATHER):
                    await self._hurry.wait()

    def _changed(self, old: Obj | None, new: Obj | None) -> None:
        self._news.set()

    async def _apply(self, wanted: Routes) -> bool:
        try:
            await self._fabric.rules(nft.table(wanted))
        except RulesRefused as error:
            self._trouble = f"nftables refused the rules of Services: {error}"
            log.error("%s; tried again every %.3g s", self._trouble, _AGAIN)
            asyncio.get_running_loop().call_later(_AGAIN, self._news.set)
            return False
        self._trouble = ""
        return True
