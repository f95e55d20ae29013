"""The `hostPort`s of pods on nodes of this machine, where no container runtime serves them.

Called by `real_network` and `joined_network`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wherry.client.informer import Informers
from wherry.client.protocol import Client
from wherry.kit.clock import Clock
from wherry.linux.fabric import Fabric
from wherry.network.pod_ports import PodPorts
from wherry.node.process.fabric import node_place

if TYPE_CHECKING:
    from wherry.cluster.options import Options
    from wherry.node.real.nodes import RealNodes

_PROCESS = "process"


def build(nodes: RealNodes, fabric: Fabric, client: Client, informers: Informers, clock: Clock, options: Options) -> PodPorts | None:
    """Before the informers start; None where the nodes' runtime does it itself."""
    if options.runtime != _PROCESS:
        return None
    return PodPorts(client, informers, clock, fabric, options.node_port_addresses, lambda: nodes.node_names, node_place)
