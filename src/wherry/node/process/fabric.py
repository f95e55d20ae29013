"""The helper's network namespace as a `Fabric`: sockets, rules, addresses and nodes in it."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Sequence

from wherry.linux import host_routes
from wherry.linux.fabric import RulesRefused, RulesTooLarge
from wherry.node.process.client import Helper, HelperError

#: looks at the machine's routes, and seconds between two
_LOOKS, _BETWEEN = 20, 0.1


class ProcessFabric:
    """Every call raises Unavailable once the helper is gone."""

    def __init__(self, helper: Helper) -> None:
        self._helper = helper

    @property
    def gateway(self) -> str:
        return self._helper.settings.gateway

    async def sockets(self, place: str = "", *, udp: bool = False, ipv6: bool = False, count: int = 1) -> list[socket.socket]:
        out: list[socket.socket] = []
        while len(out) < count:
            # as many as one message carries
            part = min(count - len(out), 60)
            out += await self._sockets(place, udp, ipv6, part)
        return out

    async def _sockets(self, place: str, udp: bool, ipv6: bool, count: int) -> list[socket.socket]:
        try:
            _, descriptors = await self._helper.ask("sockets", place=place, udp=udp, ipv6=ipv6, count=count)
        except HelperError as error:
            raise _as_error(error) from error
        made = [socket.socket(fileno=descriptor) for descriptor in descriptors]
        for one in made:
            one.setblocking(False)
        return made

    async def rules(self, text: str) -> str:
        try:
            answer, _ = await self._helper.ask("rules", text=text)
            return str(answer.get("said", ""))
        except HelperError as error:
            raise (RulesTooLarge if "Message too long" in error.text else RulesRefused)(error.text) from error

    async def address(self, ip: str) -> None:
        await self._address(ip, there=True)

    async def release(self, ip: str) -> None:
        await self._address(ip, there=False)

    async def expose(self, networks: Sequence[str]) -> None:
        await _free(networks)
        here = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            await self._helper.ask("expose", [here], networks=list(networks))
        except HelperError as error:
            raise OSError(error.number, error.text) from error
        finally:
            os.close(here)

    async def catch_all(self) -> None:
        try:
            await self._helper.ask("catch_all")
        except HelperError as error:
            raise _as_error(error) from error

    async def namespace(self) -> int:
        try:
            _, [descriptor] = await self._helper.ask("namespace")
        except HelperError as error:
            raise _as_error(error) from error
        return descriptor

    async def node(self, name: str, addresses: tuple[str, ...]) -> str:
        place = node_place(name)
        try:
            await self._helper.ask("node", id=place, name=name, addresses=list(addresses))
        except HelperError as error:
            raise _as_error(error) from error
        return place

    async def _address(self, ip: str, *, there: bool) -> None:
        try:
            await self._helper.ask("address", ip=ip, there=there)
        except HelperError as error:
            raise _as_error(error) from error


async def _free(networks: Sequence[str]) -> None:
    """Of other ways; one that has just ended is waited for, as the kernel takes a namespace away a moment later. Raises FileExistsError."""
    for look in range(_LOOKS):
        taken = [each for each in networks if host_routes.leads_to(each, host_routes.text())]
        if not taken:
            return
        if look < _LOOKS - 1:
            await asyncio.sleep(_BETWEEN)
    raise FileExistsError(f"this machine has a way to {', '.join(taken)} already")


def node_place(name: str) -> str:
    """No pod's id holds a slash."""
    return f"node/{name}"


def _as_error(error: HelperError) -> Exception:
    return KeyError(error.text) if error.kind == "missing" else OSError(error.number, error.text)
