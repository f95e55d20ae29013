"""NetworkPolicies of a cluster whose pods run programs: the component that enforces them, and the node that waits for it.

Called by `components`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from wherry.api.objects import Obj
from wherry.cluster import users
from wherry.cluster.component import Component

if TYPE_CHECKING:
    from wherry.cluster.cluster import Cluster


def build(cluster: Cluster) -> Component | None:
    """None where pods have no network of ours. Before the informers start."""
    nodes = cluster.real_nodes
    if nodes is None or nodes.fabric is None:
        return None
    from wherry.network.policies import NetworkPolicies, NotEnforced
    from wherry.node.engine import StartFailed

    policies = NetworkPolicies(cluster.informers, nodes.fabric)

    async def admit(pod: Obj, addresses: Sequence[str]) -> None:
        try:
            await policies.admit(pod, addresses)
        except NotEnforced as error:
            raise StartFailed("CreatePodSandboxError", str(error)) from error

    nodes.admit_by(admit)
    return Component("network policies", users.PROXY, policies.run, policies.health)
