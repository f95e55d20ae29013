"""The two reports on what is used: `/stats/summary` and `/metrics/resource`.

Called by `server`. A look that came earlier is kept, so that the summary can tell rates; looks closer together than `_APART` share one.
"""

from __future__ import annotations

from collections.abc import Mapping

from wherry.api.objects import Obj
from wherry.node.api import usage
from wherry.node.api.pods import Pods
from wherry.node.engine import Usage

#: seconds between two looks that make a rate
_APART = 1.0


class Reports:
    def __init__(self, node: str) -> None:
        self._node = node
        self._before: Mapping[str, Usage] = {}
        self._last: Mapping[str, Usage] = {}

    async def summary(self, pods: Pods) -> Obj:
        machine, used = await pods.used()
        found = usage.running(pods.all(), used)
        self._remember(machine, found)
        signals, uses = await pods.storage(used)
        return usage.summary(self._node, usage.Machine(machine, signals), found, self._before, uses)

    async def metrics(self, pods: Pods) -> str:
        machine, used = await pods.used()
        return usage.metrics(machine, usage.running(pods.all(), used))

    def _remember(self, machine: Usage, found: list[usage.Running]) -> None:
        """The look before the last one that is old enough is what rates are made from."""
        last = self._last.get("")
        if last is not None and machine.at - last.at < _APART:
            return
        self._before = self._last
        names = {f"{one.pod['metadata']['namespace']}/{one.pod['metadata']['name']}/{one.name}": one.usage for one in found}
        self._last = {"": machine, **names}
