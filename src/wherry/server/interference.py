"""Faults of the API at the place where requests arrive: answers them with an error, holds them up, drops them, cuts watches.

Called by `app` for every request about a resource, once the caller is known and allowed. Does nothing while no fault is in force, but
remembers the watches under way, so that a fault put in force later finds them.
"""

from __future__ import annotations

from weakref import ref

from aiohttp import web

from wherry.faults.api import ApiFault, ApiFaults, Request
from wherry.kit.clock import Clock
from wherry.server.call import Call
from wherry.server.routes import Route


class Interference:
    def __init__(self, faults: ApiFaults, clock: Clock) -> None:
        self.faults = faults
        self._clock = clock
        self._watches: dict[int, tuple[ref[web.BaseRequest], Request]] = {}

    def concerns(self, verb: str) -> bool:
        """Asked first, for every request, because a call of `before` takes time."""
        return verb == "watch" or bool(self.faults.active)

    async def before(self, call: Call, route: Route, verb: str) -> None:
        """Raises StatusError, or ConnectionResetError when the connection is dropped."""
        target = route.target
        user = call.user.name if call.user is not None else ""
        asked = Request(verb, target.resource.plural, target.namespace, target.name, call.header("User-Agent"), user)
        if verb == "watch":
            number = id(call.request)
            self._watches[number] = ref(call.request, lambda gone: self._watches.pop(number, None)), asked
            if self.faults.active and (cut := self.faults.struck(asked, watching=True)) is not None:
                self._clock.call_later(cut.delay, drop, call.request)
        if self.faults.active and (fault := self.faults.struck(asked)) is not None:
            await self._strike(fault, asked, call.request)

    async def _strike(self, fault: ApiFault, asked: Request, request: web.BaseRequest) -> None:
        if fault.delay > 0:
            await self._clock.sleep(fault.delay)
        if fault.does == "drop":
            drop(request)
            raise ConnectionResetError("dropped by a fault")
        if fault.does == "answer":
            raise fault.error(asked)

    def cut(self, fault: ApiFault) -> None:
        """A fault that cuts watches is in force from now on: those under way are cut too."""
        for reference, asked in list(self._watches.values()):
            request = reference()
            if request is not None and request.transport is not None and fault.matches(asked):
                self._clock.call_later(fault.delay, drop, request)


def drop(request: web.BaseRequest) -> None:
    """The connection ends in the middle, as when a cable is pulled."""
    if request.transport is not None:
        request.transport.abort()
