"""The helper's network namespace as a `Fabric`: sockets, rules, addresses and nodes in it."""

from __future__ import annotations

import socket

from wherry.linux.fabric import RulesRefused, RulesTooLarge
from wherry.node.process.client import Helper, HelperError


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


def node_place(name: str) -> str:
    """No pod's id holds a slash."""
    return f"node/{name}"


def _as_error(error: HelperError) -> Exception:
    return KeyError(error.text) if error.kind == "missing" else OSError(error.number, error.text)
