"""NetworkPolicies of a cluster whose pods run programs: the component that enforces them, and the node that waits for it.

Called by `real_network`, and by `joined_network`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from wherry.api.objects import Obj
from wherry.cluster import dns, users
from wherry.cluster.component import Component
from wherry.rules.networking.policies.facts import NamedPort, PolicyPod

if TYPE_CHECKING:
    from wherry.client.informer import Informers
    from wherry.cluster.cluster import Cluster
    from wherry.linux.fabric import Fabric
    from wherry.network.policies import NetworkPolicies
    from wherry.node.real.nodes import RealNodes


#: the cluster's name server is no pod here; policies that let pods ask kube-dns mean it all the same
_NAME_SERVER = PolicyPod(
    "", "kube-system", (("k8s-app", "kube-dns"),), (dns.ADDRESS,),
    (NamedPort("dns", "udp", 53), NamedPort("dns-tcp", "tcp", 53)),
)  # fmt: skip


def build(cluster: Cluster, nodes: RealNodes, fabric: Fabric) -> Component:
    """Before the informers start."""
    policies = enforced(nodes, fabric, cluster.informers)
    return Component("network policies", users.PROXY, policies.run, policies.health)


def enforced(nodes: RealNodes, fabric: Fabric, informers: Informers) -> NetworkPolicies:
    """To be run; no pod of these nodes starts before its rules stand."""
    from wherry.network.policies import NetworkPolicies, NotEnforced
    from wherry.node.engine import StartFailed

    policies = NetworkPolicies(informers, fabric, others=[_NAME_SERVER])

    async def admit(pod: Obj, addresses: Sequence[str]) -> None:
        try:
            await policies.admit(pod, addresses)
        except NotEnforced as error:
            raise StartFailed("CreatePodSandboxError", str(error)) from error

    nodes.admit_by(admit, policies.forget)
    return policies
