"""A server's own node under a name of its own, for several servers on one etcd, each with the pods of its machine: the option `node_name`.

Called by `components` for real nodes. Such a node is as one that joined: its address is the machine's, its range of pods goes by its name,
and it serves the kubelet's API, by which the other servers reach its pods. Its certificate is of the cluster's CA.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from typing import TYPE_CHECKING

from wherry.api.resources import resource
from wherry.client.access import Access as ServerAccess
from wherry.client.access import Impersonate
from wherry.cluster import addresses, users
from wherry.cluster.bootstrap import is_reached
from wherry.cluster.component import Component
from wherry.cluster.option_values import OptionError
from wherry.kit.files import replace
from wherry.rules.objects.names import dns1123_subdomain
from wherry.rules.pods.kubelet.pod_ranges import of_nodes

if TYPE_CHECKING:
    from wherry.client.http import HttpClient
    from wherry.cluster.cluster import Cluster
    from wherry.cluster.options import Options
    from wherry.cluster.pki import Pki
    from wherry.node.api.server import NodeApi
    from wherry.node.real.nodes import Joined

_DAYS = 365


def check(options: Options) -> None:
    """Raises OptionError."""
    if not options.node_name:
        return
    if not options.run_nodes or options.runtime == "simulated":
        raise OptionError("node_name: it is of a node that runs programs")
    if options.nodes != 1:
        raise OptionError(f"node_name: one node has it, not {options.nodes}: --nodes 1")
    if bad := dns1123_subdomain(options.node_name):
        raise OptionError(f"node_name: {bad[0]}")
    if not options.serve or not is_reached(_address(options), options.port or 1):
        raise OptionError("node_name: other machines do not reach this one; --bind-address 0.0.0.0 lets them")


def _address(options: Options) -> str:
    return addresses.advertised(options.host, options.advertise_address)


def of(options: Options) -> Joined | None:
    """None for nodes that go by number."""
    if not options.node_name:
        return None
    from wherry.node.real.nodes import Joined

    return Joined(options.node_name, _address(options), options.kubelet_port)


async def begin(cluster: Cluster) -> None:
    """Before it runs pods. Raises OptionError when its port is taken."""
    from wherry.client.http import HttpClient
    from wherry.node.api.access import Access
    from wherry.node.api.pods import PodRequests
    from wherry.node.api.server import NodeApi

    nodes, pki, name = cluster.real_nodes, cluster.pki, cluster.options.node_name
    assert nodes is not None
    assert pki is not None
    known = cluster.informers.of(resource("nodes"))
    nodes.ranges_of_others = lambda: of_nodes(known.items(), [name])
    user = users.node(name)
    client = HttpClient(ServerAccess(cluster.url, ca_data=pki.ca_pem.encode(), token=pki.token,
                                     impersonate=Impersonate(user.name, groups=user.groups)), manager="kubelet")  # fmt: skip
    api = NodeApi(Access(client, name, time.monotonic), lambda: nodes.configz(name), name)
    api.serve(nodes, PodRequests(nodes, nodes.runtime, cluster.own_clock.now))
    context = await asyncio.to_thread(_context, pki, (_address(cluster.options), name))
    try:
        await api.start(cluster.options.host, cluster.options.kubelet_port, context)
    except OSError as error:
        raise OptionError(f"kubelet_port: {error.strerror or error}") from error
    cluster.run(Component("kubelet API", user, lambda: _until_stopped(api, client)))


async def _until_stopped(api: NodeApi, client: HttpClient) -> None:
    try:
        async with client:
            await asyncio.Event().wait()
    finally:
        await api.stop()


def _context(pki: Pki, names: tuple[str, ...]) -> ssl.SSLContext:
    from wherry.cluster import certificates

    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority = certificates.Authority((pki.directory / "ca.crt").read_bytes(), (pki.directory / "ca.key").read_bytes())
    certificate, key = certificates.issue(authority, names[1], organizations=(), hosts=names, days=_DAYS)
    crt, private = pki.directory / "kubelet.crt", pki.directory / "kubelet.key"
    replace(crt, certificate, 0o644)
    replace(private, key)
    made.load_cert_chain(crt, private)
    made.verify_mode = ssl.CERT_OPTIONAL
    made.load_verify_locations(cadata=pki.ca_pem)
    return made
