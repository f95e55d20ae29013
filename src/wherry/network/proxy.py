"""The service proxy of real nodes: it keeps the fabric's nftables as Services and EndpointSlices say, and knows what they say.

Started by the cluster beside real nodes only. News of some milliseconds go in together, in one transaction; after a restart everything is
written anew. What nftables refuses is told (log and health) and tried again; the old rules hold meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from wherry.api.objects import Obj
from wherry.api.resources import resource
from wherry.client.informer import Informers
from wherry.linux.fabric import RulesRefused
from wherry.rules.networking.proxy import nft
from wherry.rules.networking.proxy.routes import Routes, routes

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
        self._trouble = ""
        for each in (self._services, self._slices):
            each.add_handler(self._changed, "service proxy")

    def health(self) -> str:
        """Why the rules are not as the API says; "" when they are."""
        return self._trouble

    async def run(self) -> None:
        """Follow until cancelled."""
        await self._services.synced()
        await self._slices.synced()
        applied: Routes | None = None
        while True:
            self._news.clear()
            wanted = routes(self._services.items(), self._slices.items())
            if wanted != applied:
                applied = wanted if await self._apply(wanted) else applied
            await self._news.wait()
            await asyncio.sleep(_GATHER)

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
