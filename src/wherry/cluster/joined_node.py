"""A real node as a process of its own: it joins any API server, which reaches it by the kubelet's API.

Called by `wherry node --runtime process`. It listens first, because its Node says where; who may ask, the API server says. Without a
certificate of its own it signs itself one, as a kubelet does.
Source: https://kubernetes.io/docs/reference/command-line-tools-reference/kubelet/ (--node-ip, --port, --client-ca-file, --tls-cert-file).
"""

from __future__ import annotations

import asyncio
import ssl
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wherry.client.access import Access
from wherry.client.http import HttpClient
from wherry.client.informer import Informers
from wherry.cluster import joined_network, pod_hosts, real_nodes
from wherry.cluster.options import Options
from wherry.kit.clock import Clock
from wherry.kit.files import replace
from wherry.kit.tasks import Work
from wherry.rules.pods.kubelet import configuration

if TYPE_CHECKING:
    from wherry.cluster.standalone import Started

_DAYS = 365


@dataclass(frozen=True, slots=True, kw_only=True)
class Joining:
    """`port` 0: any. `client_ca`: whose certificates are believed, "" for the CA of the kubeconfig. `certificate` "": a new one."""

    name: str
    address: str
    port: int = 10250
    folder: Path
    client_ca: str = ""
    certificate: str = ""
    key: str = ""


async def run(access: Access, options: Options, joining: Joining, started: Started, reading: Access | None = None) -> None:
    """`reading`: as whom Services, policies and names are read for its pods; None: as the node.

    Until cancelled. Raises Unavailable where the machine lets no programs run, OSError for a port that is taken."""
    from wherry.cluster.standalone import run_all
    pod_hosts.check(options)
    from wherry.node.api.access import Access as Asking
    from wherry.node.api.pods import PodRequests
    from wherry.node.api.server import NodeApi
    from wherry.node.real.nodes import Joined

    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(HttpClient(access, manager="kubelet"))
        informers, clock = Informers(client), Clock()
        made = real_nodes.kubelet_configuration(options.kubelet_config) or configuration.read(configuration.NOTHING)
        api = NodeApi(Asking(client, joining.name, time.monotonic), lambda: _config(joining, made), joining.name)
        port = await api.start(joining.address, joining.port, _context(access, joining))
        stack.push_async_callback(api.stop)
        network = await joined_network.prepare(stack, reading or access) if options.runtime == pod_hosts.PROCESS else None
        own = Joined(joining.name, joining.address, port)
        nodes = real_nodes.build(client, informers, clock, options, joining.folder, own, network.names if network else "")
        await nodes.begin()
        stack.push_async_callback(nodes.close)
        works: dict[str, Work] = {"nodes": nodes.run}
        if network is not None:
            works |= await network.begin(nodes, options, joining.address)
            await network.informers.start()
        api.serve(nodes, PodRequests(nodes, nodes.runtime, clock.now))
        at = f"{joining.address}:{port}"
        running = asyncio.ensure_future(
            run_all(informers, works, lambda: started(f"the node {joining.name} runs, its API at {at}"))
        )
        try:
            await asyncio.shield(running)
        except asyncio.CancelledError:
            await nodes.shut_down(options.shutdown_seconds)
            raise
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


def _config(joining: Joining, made: configuration.KubeletConfiguration) -> dict[str, Any]:
    """As its API shows it: what it was told, on the command line too."""
    authentication = {"anonymous": {"enabled": False}, "webhook": {"enabled": True}, "x509": {"clientCAFile": joining.client_ca}}
    own = {"address": joining.address, "port": joining.port, "authentication": authentication, "authorization": {"mode": "Webhook"}}
    return configuration.shown(made, own)


def _context(access: Access, joining: Joining) -> ssl.SSLContext:
    """Raises OSError, ssl.SSLError for files that are none."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate, key = joining.certificate, joining.key
    if not certificate:
        certificate, key = _own_certificate(joining)
    made.load_cert_chain(certificate, key or None)
    made.verify_mode = ssl.CERT_OPTIONAL
    if joining.client_ca or access.ca_file:
        made.load_verify_locations(joining.client_ca or access.ca_file)
    elif access.ca_data:
        made.load_verify_locations(cadata=access.ca_data.decode())
    return made


def _own_certificate(joining: Joining) -> tuple[str, str]:
    """Made anew at every start, of a CA that nobody keeps."""
    from wherry.cluster import certificates

    authority = certificates.Authority(*certificates.make_ca())
    names = (joining.address, joining.name)
    certificate, key = certificates.issue(authority, joining.name, organizations=(), hosts=names, days=_DAYS)
    folder = joining.folder / "pki"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    replace(folder / "kubelet.crt", certificate, 0o644)
    replace(folder / "kubelet.key", key)
    return str(folder / "kubelet.crt"), str(folder / "kubelet.key")
