"""The first objects of every cluster: its namespaces, the `kubernetes` Service and where it leads, the system priority classes.

Source: pkg/controlplane (system namespaces, kubernetes service), pkg/apis/scheduling (system priority classes).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress

from wherry.api.errors import AlreadyExists, NotFound, StatusError
from wherry.api.objects import Obj
from wherry.api.resources import Resource, resource
from wherry.client.protocol import Client

NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
SLICES = resource("endpointslices", "discovery.k8s.io")
_OWN_SLICE = re.compile(r"kubernetes(-\d+)?")
SERVICE_ADDRESS = "10.96.0.1"
#: what machines that join read, to serve Services, policies and names to their pods
NODE_NETWORK = "wherry:node-network"
_SYSTEM_CRITICAL = 2_000_000_000


async def bootstrap(client: Client) -> None:
    """Makes what is missing."""
    for namespace in NAMESPACES:
        await _ensure(client, resource("namespaces"), {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    for obj in _priority_classes():
        await _ensure(client, resource("priorityclasses", "scheduling.k8s.io"), obj)
    await _ensure(client, resource("services"), _service())


async def let_nodes_read(client: Client) -> None:
    """What their pods' network needs, once machines may join. Who wants it otherwise takes the subjects away."""
    nodes = {"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "system:nodes"}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": NODE_NETWORK}
    binding = {"metadata": {"name": NODE_NETWORK}, "roleRef": role, "subjects": [nodes],
               "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding"}
    await _ensure(client, resource("clusterrolebindings", "rbac.authorization.k8s.io"), binding)


def is_reached(host: str, port: int) -> bool:
    """Whether other machines reach a server there (`host` "": they do not). Endpoints may not be loopback addresses."""
    return bool(port and host and not ipaddress.ip_address(host).is_loopback)


async def lead_to(client: Client, servers: Sequence[tuple[str, int]]) -> None:
    """Lets the `kubernetes` endpoints name these servers, by address and port, and no others; without any they go."""
    by_port: dict[int, list[str]] = {}
    for host, port in sorted(set(servers), key=lambda server: (server[1], server[0])):
        by_port.setdefault(port, []).append(host)
    slices = {f"kubernetes-{port}" if at else "kubernetes": _slice(port, hosts) for at, (port, hosts) in enumerate(by_port.items())}
    for name, obj in slices.items():
        obj["metadata"]["name"] = name
        await _replace(client, SLICES, obj)
    for obj in (await client.list(SLICES, "default", label_selector="kubernetes.io/service-name=kubernetes")).items:
        if obj["metadata"]["name"] not in slices and _OWN_SLICE.fullmatch(obj["metadata"]["name"]):
            await _remove(client, SLICES, obj["metadata"]["name"])
    if by_port:
        await _replace(client, resource("endpoints"), _endpoints(by_port))
    else:
        await _remove(client, resource("endpoints"), "kubernetes")


async def _remove(client: Client, kind: Resource, name: str) -> None:
    with suppress(NotFound):
        await client.delete(kind, "default", name)


async def _ensure(client: Client, kind: Resource, obj: Obj) -> None:
    namespace, name = obj["metadata"].get("namespace", ""), obj["metadata"]["name"]
    try:
        await client.get(kind, namespace, name)
    except NotFound:
        try:
            await client.create(kind, namespace, obj)
        except StatusError:
            await client.get(kind, namespace, name)  # another server was quicker: the name is taken, and the address of the Service


async def _replace(client: Client, kind: Resource, obj: Obj) -> None:
    """What is right already is left alone."""
    try:
        there = await client.get(kind, obj["metadata"]["namespace"], obj["metadata"]["name"])
    except NotFound:
        with suppress(AlreadyExists):
            await client.create(kind, obj["metadata"]["namespace"], obj)
    else:
        said = [field for field in obj if field not in ("kind", "apiVersion", "metadata")]
        if any(there.get(field) != obj[field] for field in said):
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


def _endpoints(by_port: Mapping[int, list[str]]) -> Obj:
    return {
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {"name": "kubernetes", "namespace": "default", "labels": {"endpointslice.kubernetes.io/skip-mirror": "true"}},
        "subsets": [
            {"addresses": [{"ip": host} for host in hosts], "ports": [{"name": "https", "port": port, "protocol": "TCP"}]}
            for port, hosts in by_port.items()
        ],
    }


def _slice(port: int, hosts: list[str]) -> Obj:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "kubernetes", "namespace": "default", "labels": {"kubernetes.io/service-name": "kubernetes"}},
        "addressType": "IPv6" if ":" in hosts[0] else "IPv4",
        "endpoints": [{"addresses": [host], "conditions": {"ready": True}} for host in hosts],
        "ports": [{"name": "https", "port": port, "protocol": "TCP"}],
    }
