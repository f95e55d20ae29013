"""The life signs of nodes: registers their objects, renews a lease each every 10 seconds, posts their statuses every 5 minutes, and with
the next sign when what they say has changed.

Used by the node agent. A node in `silent` gives no sign until it is taken out of there.
Source of the rule: https://kubernetes.io/docs/concepts/architecture/nodes/#heartbeats (nodeStatusReportFrequency, nodeLeaseDuration / 4).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Container, Coroutine, Mapping, Sequence
from typing import Any

from wherry.api.errors import AlreadyExists, Conflict, NotFound, StatusError
from wherry.api.objects import Obj
from wherry.api.resources import resource
from wherry.client.protocol import Client
from wherry.kit.clock import Clock
from wherry.rules.pods.kubelet.node_object import (
    LEASE_NAMESPACE,
    QUIET,
    NodeFacts,
    NodeSpec,
    lease,
    new_node,
    node_annotations,
    node_labels,
    node_status,
)

log = logging.getLogger(__name__)

NODES = resource("nodes")
LEASES = resource("leases", "coordination.k8s.io")
LEASE_EVERY = 10.0
STATUS_EVERY = 300.0
_PARALLEL = 16
NO_SKEW: Mapping[str, float] = {}


class Together:
    """What is in one of several collections, as they are now."""

    def __init__(self, *parts: Container[str]) -> None:
        self._parts = parts

    def __contains__(self, name: object) -> bool:
        return any(name in part for part in self._parts)


class Heartbeat:
    """`skew`: seconds by which a node's own clock is ahead of the cluster's."""

    def __init__(
        self, client: Client, clock: Clock, nodes: Sequence[NodeSpec], silent: Container[str], skew: Mapping[str, float] = NO_SKEW
    ) -> None:
        self._client = client
        self._clock = clock
        self._specs = list(nodes)
        self._silent = silent
        self._skew = skew
        self._objects: dict[str, Obj] = {}
        self._leases: dict[str, Obj] = {}
        self._posted: dict[str, float] = {}
        self._said: dict[str, NodeFacts] = {}
        #: what changes while the nodes run
        self.facts: Callable[[], NodeFacts] = lambda: QUIET

    def add(self, spec: NodeSpec) -> None:
        """One more node, before `register`."""
        self._specs.append(spec)

    def change(self, spec: NodeSpec) -> None:
        """More is known of one, before `register`."""
        self._specs = [spec if each.name == spec.name else each for each in self._specs]

    async def register(self) -> None:
        """Returns once every node has its object."""
        await self._for_each(self._register)

    async def run(self) -> None:
        """Renew until cancelled."""
        while True:
            await self._for_each(self._beat)
            await self._clock.sleep(LEASE_EVERY)

    async def post(self) -> None:
        """Say what is so now; what cannot be said is told in the log."""
        for spec in self._specs:
            try:
                await self._post_status(spec)
            except (StatusError, OSError) as error:
                log.warning("status of node %s not posted: %s", spec.name, error)

    def post_soon(self, node: str) -> None:
        """With its next sign the node posts its status: it is back, and what the API says of it is not true."""
        self._posted[node] = 0.0

    async def _for_each(self, work: Callable[[NodeSpec], Coroutine[Any, Any, None]]) -> None:
        specs = [spec for spec in self._specs if spec.name not in self._silent]
        for at in range(0, len(specs), _PARALLEL):
            await asyncio.gather(*(work(spec) for spec in specs[at:at + _PARALLEL]))

    async def _register(self, spec: NodeSpec) -> None:
        now = self._clock.now()
        self._posted[spec.name] = now
        try:
            self._objects[spec.name] = await self._client.create(NODES, "", new_node(spec, now))
        except AlreadyExists:
            node = await self._client.get(NODES, "", spec.name)
            meta = node["metadata"]
            told = {
                "labels": {**(meta.get("labels") or {}), **node_labels(spec)},
                **({"annotations": node_annotations(spec, meta.get("annotations") or {})} if spec.annotations else {}),
            }
            if any((meta.get(part) or {}) != entries for part, entries in told.items()):
                node = await self._client.update(NODES, {**node, "metadata": {**meta, **told}})
            self._objects[spec.name] = node
            await self._post_status(spec)

    async def _beat(self, spec: NodeSpec) -> None:
        try:
            await self._renew(spec)
            due = self._clock.now() - self._posted[spec.name] >= STATUS_EVERY
            if due or self.facts() != self._said.get(spec.name, QUIET):
                await self._post_status(spec)
        except (StatusError, OSError) as error:
            log.warning("heartbeat of node %s failed: %s", spec.name, error)

    def _now(self, spec: NodeSpec) -> float:
        """As the node's own clock says."""
        return self._clock.now() + self._skew.get(spec.name, 0.0)

    async def _renew(self, spec: NodeSpec) -> None:
        node, old = self._objects[spec.name], self._leases.get(spec.name)
        try:
            if old is None:
                written = await self._client.create(LEASES, LEASE_NAMESPACE, lease(node, self._now(spec)))
            else:
                written = await self._client.update(LEASES, lease(node, self._now(spec), old))
            self._leases[spec.name] = written
        except (AlreadyExists, Conflict):
            self._leases[spec.name] = await self._client.get(LEASES, LEASE_NAMESPACE, spec.name)
            await self._renew(spec)
        except NotFound:
            if self._leases.pop(spec.name, None) is None:
                raise  # the namespace is not there
            await self._renew(spec)

    async def _post_status(self, spec: NodeSpec) -> None:
        """Onto the newest version; what another wrote meanwhile is read again."""
        while True:
            node = await self._client.get(NODES, "", spec.name)
            now, facts = self._clock.now(), self.facts()
            new = {**node, "status": node_status(spec, node.get("status") or {}, self._now(spec), facts)}
            try:
                self._objects[spec.name] = await self._client.update(NODES, new, subresource="status")
            except Conflict:
                continue
            self._posted[spec.name], self._said[spec.name] = now, facts
            return
