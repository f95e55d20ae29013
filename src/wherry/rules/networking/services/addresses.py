"""The ServiceCIDR of a cluster, and the IPAddress that stands for each cluster IP a Service has.

`registry.initial` stores the range at a start, `controllers.ip_addresses` keeps the addresses to what the Services say.
Source: pkg/controlplane/controller/defaultservicecidr, pkg/registry/core/service/ipallocator; KEP-1880.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import ip_address

from wherry.api.objects import Obj
from wherry.rules.networking.services.allocation import DEFAULT_CIDR, held

API_VERSION = "networking.k8s.io/v1"
RANGE = "kubernetes"
FINALIZER = "networking.k8s.io/service-cidr-finalizer"
FAMILY, MANAGED_BY = "ipaddress.kubernetes.io/ip-family", "ipaddress.kubernetes.io/managed-by"
ALLOCATOR = "ipallocator.k8s.io"


def service_range() -> Obj:
    meta = {"name": RANGE, "finalizers": [FINALIZER]}
    return {"kind": "ServiceCIDR", "apiVersion": API_VERSION, "metadata": meta, "spec": {"cidrs": [str(DEFAULT_CIDR)]}}


def ready(now: str) -> Obj:
    """The condition of the range. Its reason is empty, as in the reference."""
    text = "Kubernetes default Service CIDR is ready"
    return {"type": "Ready", "status": "True", "lastTransitionTime": now, "reason": "", "message": text}


def wanted(services: Iterable[Obj]) -> Iterator[Obj]:
    """The IPAddresses that these Services hold."""
    for service in services:
        for ip in sorted(held(service)[0]):
            yield address(ip, service["metadata"]["namespace"], service["metadata"]["name"])


def address(ip: str, namespace: str, name: str) -> Obj:
    labels = {FAMILY: f"IPv{ip_address(ip).version}", MANAGED_BY: ALLOCATOR}
    parent = {"resource": "services", "namespace": namespace, "name": name}
    return {"kind": "IPAddress", "apiVersion": API_VERSION, "metadata": {"name": ip, "labels": labels}, "spec": {"parentRef": parent}}
