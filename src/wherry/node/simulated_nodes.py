"""Simulated nodes: a number of nodes whose containers are state machines, served by one agent.

Built by the cluster for tests, rehearsals and load; the default of `wherry up`. The nodes are named sim-0, sim-1, ... at 10.0.0.1 and on,
and say in nodeInfo that they are simulated.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

from wherry.api.resources import resource
from wherry.client.informer import Informers
from wherry.client.protocol import Client
from wherry.kit.clock import Clock
from wherry.node.agent import NodeAgent
from wherry.node.node_faults import NodeFaults
from wherry.node.simulated import SimulatedRuntime
from wherry.rules.kubelet.images import MISSING
from wherry.rules.kubelet.node_object import NodeSpec
from wherry.rules.kubelet.simulation import Timings

#: roomy, so that what is simulated is the workload and not a lack of machines; pods as many as addresses allow for four nodes
CAPACITY: Mapping[str, str] = {"cpu": "256", "ephemeral-storage": "10Ti", "hugepages-1Gi": "0", "hugepages-2Mi": "0", "memory": "1Ti",
                               "pods": "16000"}

_MACHINES = uuid.UUID("6b0f2f3e-8c3d-5b8f-9a55-7d1d52c1a001")


def simulated_node(index: int, capacity: Mapping[str, str] = CAPACITY, labels: Mapping[str, str] | None = None) -> NodeSpec:
    """The declaration of sim-<index>; its machine id is derived from the name, so it stays."""
    name = f"sim-{index}"
    high, low = divmod(index + 1, 250)
    return NodeSpec(
        name=name,
        internal_ip=f"10.0.{high}.{low}" if low else f"10.0.{high - 1}.250",
        capacity=capacity,
        labels=labels or {},
        runtime_version=f"{SimulatedRuntime.name}://{SimulatedRuntime.version}",
        machine_id=uuid.uuid5(_MACHINES, name).hex,
    )


class SimulatedNodes(NodeAgent):
    """`count` nodes, or the `nodes` given. Plain statuses and no routine events unless asked for: as in the recordings, and quick."""

    def __init__(self, client: Client, informers: Informers, clock: Clock, *, count: int = 4, pods_per_node: int = 16000,
                 nodes: Sequence[NodeSpec] | None = None, timings: Timings | None = None, image_missing: Sequence[str] = MISSING,
                 whole_pods: bool = True, full: bool = False, routine_events: bool = False, pod_network: str = "10.244.0.0/16") -> None:
        runtime = SimulatedRuntime(clock, timings or Timings(), image_missing, whole_pods=whole_pods)
        capacity = {**CAPACITY, "pods": str(pods_per_node)}
        specs = [simulated_node(i, capacity) for i in range(count)] if nodes is None else list(nodes)
        super().__init__(client, informers, clock, runtime, specs, full=full, routine_events=routine_events, pod_network=pod_network)
        self.faults = runtime.faults
        self.load_image = runtime.load
        informers.of(resource("nodes")).add_handler(NodeFaults(self, runtime.faults, runtime.load).on_node)
