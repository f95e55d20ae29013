"""Pods that reach addresses outside of the cluster: the option `pods_outbound`.

Called by `real_network` before nodes run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wherry.cluster import dns, users
from wherry.cluster.component import Component
from wherry.cluster.option_values import OptionError
from wherry.linux.fabric import RulesRefused
from wherry.rules.networking.services.allocation import DEFAULT_CIDR

if TYPE_CHECKING:
    from wherry.cluster.cluster import Cluster


async def begin(cluster: Cluster) -> None:
    """Raises OptionError when the machine's kernel cannot do it, with why."""
    from wherry.network.outbound import Outbound

    nodes = cluster.real_nodes
    assert nodes is not None
    assert nodes.fabric is not None
    made = Outbound(nodes.fabric, (str(DEFAULT_CIDR), *nodes.networks()), dns.ADDRESS)
    try:
        await made.begin()
    except (OSError, RulesRefused) as error:
        raise OptionError(f"pods_outbound: this machine's kernel does not take the rules for it: {error}") from error
    cluster.outbound = made
    cluster.run(Component("outbound connections", users.PROXY, made.run, made.health))
