"""The name server of a cluster whose pods run programs, and its Service `kube-dns`, which charts expect.

Called by `real_network`. It answers at the Service's own address, without endpoints: the service proxy leaves that address alone.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from wherry.api.errors import NotFound, StatusError
from wherry.api.objects import Obj
from wherry.api.resources import resource
from wherry.client.informer import Informers
from wherry.client.protocol import Client
from wherry.cluster.option_values import OptionError
from wherry.linux.fabric import Fabric

if TYPE_CHECKING:
    from wherry.cluster.options import Options
    from wherry.network.dns.server import NameServer

log = logging.getLogger(__name__)

ADDRESS = "10.96.0.10"
_SERVICES = resource("services")
_RESOLV = Path("/etc/resolv.conf")
HOST, NONE = "host", "none"


def build(informers: Informers, fabric: Fabric, options: Options, address: str = ADDRESS) -> NameServer:
    """Before the informers start. Raises OptionError."""
    from wherry.network.dns.directory import ClusterDirectory
    from wherry.network.dns.forwarding import Forwarding
    from wherry.network.dns.server import NameServer

    return NameServer(ClusterDirectory(informers), Forwarding(*resolvers(options.dns_forward)), fabric, address)


def resolvers(rows: tuple[str, ...], file: Path = _RESOLV) -> tuple[list[str], dict[str, list[str]]]:
    """Those of all names, and those of single zones. Raises OptionError."""
    from wherry.rules.pods.kubelet.network_files import parse_resolver

    every: list[str] = []
    zones: dict[str, list[str]] = {}
    for row in rows:
        zone, equals, server = row.rpartition("=")
        if equals:
            if not zone or not server:
                raise OptionError(f"dns_forward: a row is host, none, ADDRESS or ZONE=ADDRESS, not {row!r}")
            zones.setdefault(zone, []).append(server)
        elif row == HOST:
            try:
                every += parse_resolver(file.read_text()).nameservers
            except OSError as error:
                log.info("names outside of the cluster are not known: %s: %s", file, error.strerror)
        elif row != NONE:
            every.append(row)
    return every, zones


async def ensure_service(client: Client) -> None:
    """Raises Unavailable when its address is another's."""
    try:
        await client.get(_SERVICES, "kube-system", "kube-dns")
    except NotFound:
        try:
            await client.create(_SERVICES, "kube-system", _service())
        except StatusError as error:
            from wherry.node.engine import Unavailable

            why = f"the address of the name server, {ADDRESS}, cannot be had: {error}"
            raise Unavailable(why, "delete the Service that has it, in a cluster started with --runtime simulated") from error


def _service() -> Obj:
    labels = {"k8s-app": "kube-dns", "kubernetes.io/cluster-service": "true", "kubernetes.io/name": "CoreDNS"}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "kube-dns", "namespace": "kube-system", "labels": labels},
        "spec": {
            "clusterIP": ADDRESS,
            "clusterIPs": [ADDRESS],
            "selector": {"k8s-app": "kube-dns"},
            "ports": [
                {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 53},
                {"name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": 53},
            ],
        },
    }
