"""The private cluster of a rehearsal: the same parts as any, on virtual time, with the world in its store before anything starts.

Used by `play`. No HTTP, no files; its nodes are the world's nodes with the room they really have, their containers are simulated. Pods of
others only stand there: they cost nothing until somebody deletes them.
"""

from __future__ import annotations

import uuid

from wherry.api import timestamps
from wherry.api.objects import Obj, is_deleting, labels, name, namespace, uid
from wherry.api.options import WriteOptions
from wherry.cluster import users
from wherry.cluster.cluster import Cluster
from wherry.cluster.component import Component
from wherry.cluster.components import node_clients
from wherry.cluster.options import DEFAULT_IMAGE_MISSING, Options
from wherry.node.agent import NodeAgent
from wherry.registry.core import key
from wherry.rehearse import prepare
from wherry.rehearse.cast import Cast, RehearsedRuntime
from wherry.rehearse.live import NODES
from wherry.rehearse.timings import Timings
from wherry.rehearse.world import Held, World
from wherry.rules.pods.kubelet.node_object import NodeSpec

#: what the world was made with may have been a small seed too, and its uids must not come again
_SEEDS = 0x7265_6865_6172_7365
#: a manifest is checked as `kubectl apply` has it checked: fields that nobody knows are faults
STRICT = WriteOptions(field_validation="Strict")
#: uids of objects that a world has without one
_NAMES = uuid.UUID("0b6b4a3e-6d0c-5c1e-9b53-27a1c2f6f001")


class Stage(Cluster):
    """`async with Stage(...)`: when it is entered, everything stands as in the world and nothing has been changed yet."""

    def __init__(self, world: World, cast: Cast, timings: Timings, missing: tuple[str, ...], *, seed: int, epoch: float) -> None:
        super().__init__(Options(serve=False, run_nodes=False, nodes=0, seed=_SEEDS + seed, epoch=epoch, guards=False))
        self._world = world
        self._cast = cast
        self._timings = timings
        self._missing = (*DEFAULT_IMAGE_MISSING, *world.missing, *missing)
        self._epoch = epoch
        self.agent: NodeAgent

    async def _seed(self) -> None:
        await super()._seed()
        created = timestamps.time(self._epoch)
        entries = []
        for held in (*(Held(NODES, prepare.held(node)) for node in self._world.nodes), *self._world.held):
            at = key(held.resource, namespace(held.object), name(held.object))
            entries.append((at, prepare.stored(held.object, str(uuid.uuid5(_NAMES, at)), created)))
        await self.registry.seed(entries)

    async def _start_parts(self) -> None:
        await super()._start_parts()
        runtime = RehearsedRuntime(self.own_clock, self._timings, self._missing, self._cast)
        specs = [_spec(node) for node in self._world.nodes if prepare.is_ready(node)]
        clients = node_clients(self, self.informers)
        self.agent = _Agent(clients, self.informers, self.own_clock, runtime, specs, full=False, routine_events=False, write_ends=False)
        self.agent.standing = self._world.standing
        self.run(Component("nodes", users.SIMULATED_NODES, self.agent.run))
        for held in self._world.made:
            await self.aclient.create(held.resource, namespace(held.object), held.object, options=STRICT)


class _Agent(NodeAgent):
    standing: frozenset[str] = frozenset()

    def _on_pod(self, old: Obj | None, new: Obj | None) -> None:
        if new is not None and uid(new) in self.standing and not is_deleting(new):
            return
        super()._on_pod(old, new)


def _spec(node: Obj) -> NodeSpec:
    """The node as the agent declares it: what the real one may give to pods is all it has."""
    status = node.get("status") or {}
    addresses = {a["type"]: a["address"] for a in status.get("addresses") or ()}
    info = status.get("nodeInfo") or {}
    return NodeSpec(
        name(node),
        addresses.get("InternalIP", "10.0.0.1"),
        status.get("allocatable") or {},
        labels(node),
        architecture=info.get("architecture") or "amd64",
        machine_id=info.get("machineID", ""),
    )
