"""The network of a cluster's pods, for what connects to them from this process. Called by `webhooks` and by the server's `gateway`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wherry.cluster.cluster import Cluster
    from wherry.network.inside import PodNetwork


def of(cluster: Cluster) -> PodNetwork | None:
    """None where pods have no network: they are simulated, or of other processes."""
    nodes = cluster.real_nodes
    if nodes is None or nodes.fabric is None:
        return None
    from wherry.network.inside import PodNetwork

    return PodNetwork(nodes.fabric, nodes.has_address)
