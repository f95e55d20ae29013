"""Simulated nodes: a number of nodes whose containers are state machines, served by one agent.

Built by the cluster for tests, rehearsals and load; the default of `wherry up`. The nodes are named sim-0, sim-1, ... at 10.0.0.1 and on,
and say in nodeInfo that they are simulated.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace

from wherry.api.objects import Obj, name
from wherry.api.resources import resource
from wherry.client.informer import Informers
from wherry.client.protocol import Client
from wherry.kit.clock import Clock
from wherry.node.agent import NodeAgent
from wherry.node.node_faults import NodeFaults
from wherry.node.simulated import SimulatedRuntime
from wherry.rules.pods.kubelet.images import MISSING
from wherry.rules.pods.kubelet.node_object import NodeSpec
from wherry.rules.pods.kubelet.pod_ranges import pod_ranges
from wherry.rules.pods.kubelet.simulation import Timings

#: roomy, so that what is simulated is the workload and not a lack of machines; pods as many as addresses allow for four nodes
CAPACITY: Mapping[str, str] = {"cpu": "256", "ephemeral-storage": "10Ti", "hugepages-1Gi": "0", "hugepages-2Mi": "0", "memory": "1Ti",
                               "pods": "16000"}

NODES = resource("nodes")
_NAME = "sim-"
_MACHINES = uuid.UUID("6b0f2f3e-8c3d-5b8f-9a55-7d1d52c1a001")


def simulated_node(index: int, capacity: Mapping[str, str] = CAPACITY, labels: Mapping[str, str] | None = None) -> NodeSpec:
    """The declaration of sim-<index>; its machine id is derived from the name, so it stays."""
    name = f"{_NAME}{index}"
    high, low = divmod(index + 1, 250)
    return NodeSpec(
        name=name,
        internal_ip=f"10.0.{high}.{low}" if low else f"10.0.{high - 1}.250",
        capacity=capacity,
        labels=labels or {},
        runtime_version=f"{SimulatedRuntime.name}://{SimulatedRuntime.version}",
        machine_id=uuid.uuid5(_MACHINES, name).hex,
    )


def zone_labels(index: int, zones: int) -> dict[str, str]:
    """Of the node with that index, when nodes are spread over `zones` zones in turn (0: none has one)."""
    return {"topology.kubernetes.io/region": "sim", "topology.kubernetes.io/zone": f"zone-{index % zones + 1}"} if zones else {}


def _index(node: Obj) -> int | None:
    """Which of our nodes it is; None for those of others."""
    number = name(node).removeprefix(_NAME)
    runs = ((node.get("status") or {}).get("nodeInfo") or {}).get("containerRuntimeVersion", "")
    ours = name(node).startswith(_NAME) and number.isdecimal() and runs.startswith(f"{SimulatedRuntime.name}://")
    return int(number) if ours else None


class SimulatedNodes(NodeAgent):
    """`count` nodes (and those of ours that are in the API from before), or just the `nodes` given.

    Plain statuses and no routine events unless asked for: as in the recordings. `cpu`, `memory`: of each node; `zones`: how many.
    """

    def __init__(self, client: Client, informers: Informers, clock: Clock, *, count: int = 4, pods_per_node: int = 16000,
                 cpu: str = CAPACITY["cpu"], memory: str = CAPACITY["memory"], zones: int = 0, nodes: Sequence[NodeSpec] | None = None,
                 timings: Timings | None = None, image_missing: Sequence[str] = MISSING, whole_pods: bool = True, full: bool = False,
                 routine_events: bool = False) -> None:
        runtime = SimulatedRuntime(clock, timings or Timings(), image_missing, whole_pods=whole_pods)
        self._capacity = {**CAPACITY, "cpu": cpu, "memory": memory, "pods": str(pods_per_node)}
        self._given = nodes is not None
        self._zones = zones
        self._pods_per_node = pods_per_node
        self._client = client
        self._sim = runtime
        super().__init__(client, informers, clock, runtime, list(nodes or ()), full=full, routine_events=routine_events, write_ends=False)
        for index in range(0 if self._given else count):
            self.add_node(self._spec(index))
        self.faults = runtime.faults
        self.load_image = runtime.load
        self._node_faults = NodeFaults(self, runtime.faults, runtime.load)
        informers.of(NODES).add_handler(self._node_faults.on_node)

    def _spec(self, index: int) -> NodeSpec:
        return simulated_node(index, self._capacity, zone_labels(index, self._zones))

    async def run(self) -> None:
        await self._place_nodes()
        await super().run()

    async def _place_nodes(self) -> None:
        """Nodes of ours from before live on, and everyone gets a range of addresses; those that have one keep it."""
        there = {name(node): node for node in (await self._client.list(NODES)).items}
        if not self._given:
            for node in there.values():
                index = _index(node)
                if index is not None and name(node) not in self._nodes:
                    self.add_node(self._spec(index))
        ranges = {each: text for each, node in there.items() if (text := (node.get("spec") or {}).get("podCIDR"))}
        new = [each for each in self._nodes if each not in ranges and each not in there]
        ranges.update(zip(new, pod_ranges(len(new), self._pods_per_node, ranges.values()), strict=False))
        for each, text in ranges.items():
            if each in self._nodes:
                self.place_node(replace(self._nodes[each], pod_range=text))
                self._sim.addresses.add(each, text)
