"""The pods of other machines: routes and rules are kept as Nodes say.

Run beside real nodes by a cluster's server and by a node that joined, as root. Nodes that come, go or change are followed; every two
seconds, and with any news, what the kernel has is compared with what it should have, so that an interface that was down, or routes that
somebody took away, are mended. What cannot be done is told (log and health) and tried again. With the end of it everything of it goes.
"""

from __future__ import annotations

import asyncio
import logging
from bisect import bisect_right
from collections.abc import Callable, Collection
from contextlib import suppress
from ipaddress import IPv4Network, ip_address
from typing import Protocol

from wherry.api.objects import Obj, annotations_of
from wherry.api.resources import resource
from wherry.client.informer import Informers
from wherry.linux.fabric import Fabric, RulesRefused
from wherry.linux.host_link import LINK, MACHINE, TUNNEL, Wanted
from wherry.rules.networking.hosts import nft
from wherry.rules.networking.hosts.routes import Plan, plan

log = logging.getLogger(__name__)

#: seconds in which news are gathered, and between two looks at what the kernel has
_GATHER, _LOOK = 0.02, 2.0
#: more than any address
_MOST = 1 << 129


class Link(Protocol):
    async def begin(self) -> None: ...

    async def apply(self, wanted: Wanted) -> list[str]: ...

    def end(self) -> None: ...


class HostNetwork:
    """`link`: to the machine's network, begun; `names`: of this machine's nodes."""

    def __init__(self, informers: Informers, fabric: Fabric, link: Link, names: Callable[[], Collection[str]]) -> None:
        self._nodes = informers.of(resource("nodes"))
        self._fabric, self._link, self._names = fabric, link, names
        self._news = asyncio.Event()
        self._written = self._listed = self._trouble = ""
        self._told: tuple[str, ...] = ()
        #: what holds now; who is called when that has changed
        self.plan = Plan()
        self.changed: Callable[[], None] = _nobody
        #: first and last addresses of others' networks that are reached, in order
        self._reached: list[tuple[int, int]] = []
        self._nodes.add_handler(self._changed, "pods of other machines")

    def health(self) -> str:
        """Why others are not reached as they should be; "" when they are."""
        return self._trouble

    def has_address(self, address: str) -> bool:
        """Whether it may be a pod's of another machine, which is reached from here. Raises ValueError for what is no address."""
        wanted = ip_address(address)
        at = bisect_right(self._reached, (int(wanted), _MOST)) - 1
        return wanted.version == 4 and at >= 0 and int(wanted) <= self._reached[at][1]

    async def run(self) -> None:
        """Follow until cancelled."""
        await self._nodes.synced()
        self._decide()
        while True:
            await self._follow()
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK):
                    await self._news.wait()
            if self._news.is_set():
                await asyncio.sleep(_GATHER)
                self._news.clear()
                self._decide()

    def close(self) -> None:
        self._link.end()

    def _changed(self, old: Obj | None, new: Obj | None) -> None:
        if (old and _facts(old)) != (new and _facts(new)):
            self._news.set()

    def _decide(self) -> None:
        if (made := plan(self._nodes.items(), self._names())) != self.plan:
            self.plan = made
            networks = [IPv4Network(each.network) for each in (*made.direct, *made.tunnelled)]
            self._reached = sorted((int(each.network_address), int(each.broadcast_address)) for each in networks)
            self._tell(made.unreached)
            self.changed()

    async def _follow(self) -> None:
        made = self.plan
        peers = frozenset((each.own, each.mac, each.machine) for each in made.peers)
        wanted = Wanted(made.own, made.inward, dict(made.direct), dict(made.tunnelled), peers)
        try:
            await self._rules(nft.table(made.own, made.inward, (LINK, TUNNEL), MACHINE, self._fabric.gateway))
            troubles = await self._link.apply(wanted)
        except (OSError, RulesRefused) as error:
            troubles = [(isinstance(error, OSError) and error.strerror) or str(error)]
        text = "; ".join(sorted(set(troubles)))
        if text and text != self._trouble:
            log.warning("pods of other machines are not all reached: %s; tried again every %.3g s", text, _LOOK)
        elif self._trouble and not text:
            log.info("pods of other machines are reached again")
        self._trouble = text

    async def _rules(self, text: str) -> None:
        """Raises RulesRefused."""
        if text == self._written:
            with suppress(RulesRefused):  # it is gone
                if await self._fabric.rules(nft.LOOK) == self._listed:
                    return
            log.warning("somebody else changed the rules of what leaves for other machines: they are written anew")
        self._written = ""
        await self._fabric.rules(text)
        self._listed = await self._fabric.rules(nft.LOOK)
        self._written = text

    def _tell(self, unreached: tuple[str, ...]) -> None:
        for each in unreached:
            if each not in self._told:
                log.warning("not reached: %s", each)
        self._told = unreached


def _nobody() -> None:
    """There is nobody to tell."""


def _facts(node: Obj) -> tuple[object, ...]:
    """What of a Node decides about ways."""
    spec, status = node.get("spec") or {}, node.get("status") or {}
    return annotations_of(node), spec.get("podCIDR"), spec.get("podCIDRs"), status.get("addresses")
