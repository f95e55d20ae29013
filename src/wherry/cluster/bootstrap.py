"""The first objects of every cluster: its namespaces, the `kubernetes` Service and where it leads, the system priority classes.

Source: pkg/controlplane (system namespaces, kubernetes service), pkg/apis/scheduling (system priority classes).
"""

from __future__ import annotations

import ipaddress
from contextlib import suppress

from wherry.api.errors import NotFound
from wherry.api.objects import Obj
from wherry.api.resources import Resource, resource
from wherry.client.protocol import Client

NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
SERVICE_ADDRESS = "10.96.0.1"
_SYSTEM_CRITICAL = 2_000_000_000


async def bootstrap(client: Client, host: str, port: int) -> None:
    """Makes what is missing, and lets the `kubernetes` endpoints name this server. `host`: as other machines reach it, "" when none can.

    Endpoints may not be loopback addresses (the reference refuses them), so a server on loopback has none; those of an earlier start go.
    """
    for namespace in NAMESPACES:
        await _ensure(client, resource("namespaces"), {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    for obj in _priority_classes():
        await _ensure(client, resource("priorityclasses", "scheduling.k8s.io"), obj)
    await _ensure(client, resource("services"), _service())
    reached = bool(port and host and not ipaddress.ip_address(host).is_loopback)
    for kind, make in ((resource("endpoints"), _endpoints), (resource("endpointslices", "discovery.k8s.io"), _slice)):
        if reached:
            await _replace(client, kind, make(host, port))
        else:
            with suppress(NotFound):
                await client.delete(kind, "default", "kubernetes")


async def _ensure(client: Client, kind: Resource, obj: Obj) -> None:
    namespace, name = obj["metadata"].get("namespace", ""), obj["metadata"]["name"]
    try:
        await client.get(kind, namespace, name)
    except NotFound:
        await client.create(kind, namespace, obj)


async def _replace(client: Client, kind: Resource, obj: Obj) -> None:
    try:
        await client.get(kind, obj["metadata"]["namespace"], obj["metadata"]["name"])
    except NotFound:
        await client.create(kind, obj["metadata"]["namespace"], obj)
    else:
        await client.update(kind, obj)


def _priority_classes() -> list[Obj]:
    return [
        {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": {"name": name},
            "value": _SYSTEM_CRITICAL + extra,
            "description": text,
        }
        for name, extra, text in (
            (
                "system-cluster-critical",
                0,
                "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
            ),
            ("system-node-critical", 1000, "Used for system critical pods that must not be moved from their current node."),
        )
    ]


def _service() -> Obj:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "kubernetes", "namespace": "default", "labels": {"component": "apiserver", "provider": "kubernetes"}},
        "spec": {
            "type": "ClusterIP",
            "clusterIP": SERVICE_ADDRESS,
            "clusterIPs": [SERVICE_ADDRESS],
            "ports": [{"name": "https", "protocol": "TCP", "port": 443, "targetPort": 6443}],
        },
    }


def _endpoints(host: str, port: int) -> Obj:
    return {
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {"name": "kubernetes", "namespace": "default", "labels": {"endpointslice.kubernetes.io/skip-mirror": "true"}},
        "subsets": [{"addresses": [{"ip": host}], "ports": [{"name": "https", "port": port, "protocol": "TCP"}]}],
    }


def _slice(host: str, port: int) -> Obj:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "kubernetes", "namespace": "default", "labels": {"kubernetes.io/service-name": "kubernetes"}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [host], "conditions": {"ready": True}}],
        "ports": [{"name": "https", "port": port, "protocol": "TCP"}],
    }
