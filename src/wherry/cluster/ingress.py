"""The ingress controller of a cluster whose pods run programs: its class, and its start with the first Ingress.

Called by `real_network`. The class `wherry` is made when it is missing, never changed; the controller is imported, and its ports are taken,
when there is an Ingress.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from wherry.api.errors import AlreadyExists
from wherry.api.objects import name
from wherry.api.resources import resource
from wherry.client.protocol import Client
from wherry.cluster import addresses, elected, users
from wherry.cluster.component import Component
from wherry.rules.networking.ingress.classes import CLASS, ingress_class
from wherry.store.follow import when_first

if TYPE_CHECKING:
    from wherry.cluster.cluster import Cluster
    from wherry.network.ingress.controller import IngressController
    from wherry.network.leaving import Leaving

_CLASSES = resource("ingressclasses", "networking.k8s.io")
_DAYS = 365


async def begin(cluster: Cluster, leaving: Leaving) -> None:
    """`leaving`: who is asked before a pod is told to end."""
    await _ensure_class(cluster.component("kube-apiserver", users.API_SERVER))
    when_first(cluster.store, "ingresses.networking.k8s.io", lambda: _start(cluster, leaving))


async def _ensure_class(client: Client) -> None:
    there = (await client.list(_CLASSES)).items
    if all(name(each) != CLASS for each in there):
        with suppress(AlreadyExists):  # another server on the same store was quicker
            await client.create(_CLASSES, "", ingress_class(there))


def _start(cluster: Cluster, leaving: Leaving) -> None:
    if not cluster.stopping:
        cluster.ingress = controller = _controller(cluster)
        leaving.add(controller.without)
        work = elected.one_of_all(cluster, "wherry-ingress", users.INGRESS, controller.run)
        cluster.run(Component("ingress controller", users.INGRESS, work, controller.health))


def _controller(cluster: Cluster) -> IngressController:
    from wherry.network.ingress.controller import IngressController, Settings

    options, nodes = cluster.options, cluster.real_nodes
    assert nodes is not None
    assert nodes.fabric is not None
    host = options.ingress_host
    reached = (addresses.advertised(host) or addresses.here(host),)
    settings = Settings(host, reached, options.ingress_port, options.ingress_tls_port, lambda: _certificate(reached))
    client = cluster.component("ingress-controller", users.INGRESS)
    return IngressController(client, cluster.informers, cluster.own_clock, nodes.fabric, settings)


async def _certificate(hosts: tuple[str, ...]) -> tuple[bytes, bytes]:
    """For hosts without a Secret: of a CA that nobody keeps, made anew at every start."""
    return await asyncio.to_thread(_make, hosts)


def _make(hosts: tuple[str, ...]) -> tuple[bytes, bytes]:
    from wherry.cluster import certificates

    authority = certificates.Authority(*certificates.make_ca())
    return certificates.issue(authority, "wherry ingress controller", organizations=(), hosts=(*hosts, "localhost"), days=_DAYS)
