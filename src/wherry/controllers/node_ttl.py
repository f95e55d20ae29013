"""The TTL controller: says on every node how long its kubelet may use what it has read. Its keys are those of nodes.

Rule: `wherry.rules.placing.node_lifecycle.ttl`. Source of the wiring: pkg/controller/ttl.
"""

from __future__ import annotations

from wherry.api.errors import NotFound
from wherry.api.resources import resource
from wherry.reconcile import Controller, Parts
from wherry.rules.placing.node_lifecycle import ttl as node_ttl


class NodeTTLController(Controller):
    name = "ttl-controller"
    workers = 1

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._step = 0
        self._nodes = self.watch(resource("nodes"))

    async def reconcile(self, key: str) -> float | None:
        node = self._nodes.get(key)
        if node is None:
            return None
        self._step = node_ttl.next_step(self._step, len(self._nodes))
        error = (await self.apply(node_ttl.plan(node, self._step))).error
        if error is not None and not isinstance(error, NotFound):
            raise error
        return None
