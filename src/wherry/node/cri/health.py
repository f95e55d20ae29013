"""Whether the runtime answers and has what pods need: looked at every few seconds, for the Ready condition of its nodes.

Used by the engine. Source of the rule: pkg/kubelet/kubelet.go updateRuntimeUp, pkg/kubelet/runtime.go runtimeErrors.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from wherry.node.cri import checking
from wherry.node.cri.calls import CallFailed, Calls
from wherry.node.engine import Unavailable

log = logging.getLogger(__name__)

#: seconds in which a runtime takes up a network that was set up for it, and between two looks
_NETWORK, _LOOK = 20.0, 0.1


class Health:
    """`steady`: seconds of a clock that only goes on."""

    def __init__(self, calls: Calls, state: checking.State, steady: Callable[[], float]) -> None:
        self._calls, self._steady = calls, steady
        self.state = state
        self._answered = steady()
        self._silent = ""

    def trouble(self) -> str:
        if self._steady() - self._answered >= checking.DOWN_AFTER:
            return checking.DOWN
        return self.state.trouble

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._look()
            await asyncio.sleep(checking.EVERY)

    async def until_network(self) -> None:
        """Raises Unavailable when it does not come."""
        until = self._steady() + _NETWORK
        while self.state.network:
            if self._steady() > until:
                raise Unavailable(self.state.trouble, "look at the CNI configuration of the container runtime")
            await asyncio.sleep(_LOOK)
            await self._look()

    async def _look(self) -> None:
        try:
            self.state = await checking.state(self._calls)
        except (CallFailed, Unavailable) as error:
            if not self._silent:
                log.warning("%s", error)
            self._silent = str(error)
            return
        if self._silent:
            log.info("the container runtime answers again")
        self._silent, self._answered = "", self._steady()
