"""The API server as programs in pods reach it: at the address of the Service `kubernetes`, on the pods' own network.

Called by `real_network` before nodes start. It is the server of the cluster with its certificates, on sockets of the fabric; nothing is
translated, so it works whatever the host's address is, and requests come from the pods' own addresses. The endpoints of the Service name
the fabric's gateway, where the server listens too, unless other machines reach it at an address of this one.
Source: pkg/controlplane/controller/kubernetesservice (the Service and its endpoints).
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from wherry.cluster import addresses, inside, serving, users
from wherry.cluster.bootstrap import SERVICE_ADDRESS, is_reached, lead_to

if TYPE_CHECKING:
    from wherry.cluster.cluster import Cluster
    from wherry.linux.fabric import Fabric

SERVICE_PORT = 443
#: where the Service leads to
PORT = 6443
_BACKLOG = 1024


async def begin(cluster: Cluster) -> None:
    """Raises OSError when an address cannot be had."""
    nodes, pki, options = cluster.real_nodes, cluster.pki, cluster.options
    assert nodes is not None
    assert nodes.fabric is not None
    assert pki is not None
    assert cluster.server is not None
    await nodes.fabric.address(SERVICE_ADDRESS)
    places = [(SERVICE_ADDRESS, SERVICE_PORT), (nodes.fabric.gateway, PORT)]
    cluster.server.start_on(await _listening(nodes.fabric, places), serving.tls(pki))
    reached = is_reached(addresses.advertised(options.host, options.advertise_address), cluster.port)
    if not reached and not options.etcd_servers:
        await lead_to(inside.bare(cluster, "kube-apiserver", users.API_SERVER, trusted=False), [places[1]])


async def _listening(fabric: Fabric, places: list[tuple[str, int]]) -> list[socket.socket]:
    made = await fabric.sockets(count=len(places))
    try:
        for each, place in zip(made, places, strict=True):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            each.bind(place)
            each.listen(_BACKLOG)
    except OSError:
        for each in made:
            each.close()
        raise
    return made
