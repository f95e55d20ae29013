"""Real nodes: a number of nodes of one machine whose pods run programs, on one engine and one fabric, served by one agent.

Built by the cluster for `runtime="process"`. The nodes are named node-0, node-1, ... at 10.0.0.1 and on inside the fabric, and say in
nodeInfo what the machine is. What volumes are made of is looked at again every twenty seconds.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from wherry.api.errors import StatusError
from wherry.api.objects import Obj, name, namespace
from wherry.api.resources import resource
from wherry.client.informer import Informers
from wherry.client.protocol import Client
from wherry.kit.clock import Clock
from wherry.linux.fabric import Fabric
from wherry.node.agent import NodeAgent
from wherry.node.engine import Engine, Usage
from wherry.node.real import machine
from wherry.node.real.runtime import RealRuntime
from wherry.rules.pods.kubelet.network_files import parse_resolver
from wherry.rules.pods.kubelet.node_object import NodeSpec
from wherry.rules.pods.kubelet.pod_ranges import pod_ranges
from wherry.rules.pods.kubelet.references import of_volumes

log = logging.getLogger(__name__)

NODES = resource("nodes")
_NAME = "node-"
_MACHINES = uuid.UUID("2f0f3c1a-55d1-5d9b-8a0e-0f4d6c1be001")
_ATTACHING = "volumes.kubernetes.io/controller-managed-attach-detach"
#: the limits that the kernel does not keep here: memory is watched, and who takes too much is killed; the rest is not
_LOOSE = "wherry.dev/limits-not-enforced"
#: seconds between two looks at what volumes are made of
_REFRESH = 20.0


class Joined(NamedTuple):
    """A node that joins a cluster of other processes, and is asked by its API server."""

    name: str
    address: str
    port: int


class RealNodes(NodeAgent):
    """`count` nodes; `folder`: where their pods' files are; `dns`: the cluster's name server, "" for none.

    `joined`: one node of this name, whose API is at this address and port; instead of `count`.
    """

    def __init__(self, client: Client, informers: Informers, clock: Clock, engine: Engine, folder: Path, *, count: int = 1,
                 pods_per_node: int = 110, dns: str = "", routine_events: bool = True, joined: Joined | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o755)
        self._capacity = machine.capacity(folder, pods_per_node)
        self._pods_per_node = pods_per_node
        self._client = client
        self._engine = engine
        specs = [self._spec(index) for index in range(count)] if joined is None else [self._joined(joined)]
        self._real = RealRuntime(
            engine, client, clock, folder, nodes={spec.name: (spec.internal_ip,) for spec in specs}, dns=dns,
            resolver=parse_resolver(machine.resolver_text()), allocatable=self._capacity,
        )  # fmt: skip
        super().__init__(client, informers, clock, self._real, specs, full=True, routine_events=routine_events,
                         services=informers.of(resource("services")))

    def _spec(self, index: int) -> NodeSpec:
        called = f"{_NAME}{index}"
        return NodeSpec(
            called, f"10.0.{(index + 1) // 250}.{(index + 1) % 250}", self._capacity, architecture=machine.architecture(),
            runtime_version=f"{self._engine.name}://{self._engine.version}", os_image=machine.os_image(), kernel_version=machine.kernel(),
            machine_id=uuid.uuid5(_MACHINES, called + machine.machine_id()).hex,
        )  # fmt: skip

    def _joined(self, joined: Joined) -> NodeSpec:
        uuid_ = uuid.uuid5(_MACHINES, joined.name + machine.machine_id())
        return replace(
            self._spec(0), name=joined.name, kubelet_address=joined.address, kubelet_port=joined.port, machine_id=uuid_.hex
        )

    # --- its pods, for its own API ---
    def find(self, namespace: str, name: str) -> Obj | None:
        pod = self._pods.get(f"{namespace}/{name}")
        return pod if pod is not None and pod["spec"].get("nodeName") in self._nodes else None

    def all(self) -> list[Obj]:
        return [pod for pod in self._pods.items() if pod["spec"].get("nodeName") in self._nodes]

    async def used(self) -> tuple[Usage, Mapping[str, Usage]]:
        """What the machine uses, and each container by its id."""
        return machine.used(self.clock.now()), await self._engine.stats()

    @property
    def fabric(self) -> Fabric | None:
        """The network of their pods, None where the engine has none of its own."""
        return self._engine.fabric

    async def begin(self) -> None:
        """Whether the machine lets programs run: once, before `run`. Raises Unavailable."""
        await self._real.ready()
        loose = sorted({"cpu", "memory"} - set(self._engine.enforced))
        said = {_ATTACHING: "true", **({_LOOSE: ",".join(loose)} if loose else {})}
        version = f"{self._engine.name}://{self._engine.version}"
        for spec in list(self._nodes.values()):
            own = (spec.kubelet_address or machine.address()) if self._engine.machine else spec.internal_ip
            self.place_node(replace(spec, annotations=said, runtime_version=version, internal_ip=own))
            self._real.place_node(spec.name, (own,))

    async def run(self) -> None:
        await self._place_nodes()
        refreshing = asyncio.get_running_loop().create_task(self._refresh(), name="volumes")
        try:
            await super().run()
        finally:
            refreshing.cancel()
            await asyncio.gather(refreshing, return_exceptions=True)

    async def close(self) -> None:
        """End every pod's programs at once."""
        await self._real.close()

    async def _place_nodes(self) -> None:
        """Everyone gets a range of addresses; those that have one keep it."""
        there = {name(node): (node.get("spec") or {}).get("podCIDR") or "" for node in (await self._client.list(NODES)).items}
        ranges = {each: text for each, text in there.items() if text}
        new = [each for each in self._nodes if each not in ranges]
        ranges.update(zip(new, pod_ranges(len(new), self._pods_per_node, ranges.values()), strict=False))
        for each in list(self._nodes):
            if each in ranges:
                self.place_node(replace(self._nodes[each], pod_range=ranges[each]))
                self._real.place(each, ranges[each])
        await self._engine.use_ranges([ranges[each] for each in self._nodes if each in ranges])

    async def _refresh(self) -> None:
        while True:
            await self.clock.sleep(_REFRESH)
            for worker in list(self._workers.values()):
                refs = of_volumes(worker.pod["spec"], credentials=True)
                if worker.sandbox != "ready" or worker.ends or not refs:
                    continue
                pod = worker.pod
                try:
                    self._real.refresh(pod, await self._reading.now(namespace(pod), refs))
                except (StatusError, OSError) as error:
                    log.info("volumes of %s stay as they are: %s", name(pod), error)

