"""The status of an Ingress: where its controller is reached, as status.loadBalancer says it.

Source: networking.k8s.io/v1 IngressLoadBalancerStatus.
"""

from __future__ import annotations

from collections.abc import Iterable

from wherry.api.objects import Obj


def load_balancer(addresses: Iterable[str], ports: Iterable[int]) -> Obj:
    """`ports`: those that are listened on, in order."""
    listed = [{"port": port, "protocol": "TCP"} for port in ports]
    return {"ingress": [{"ip": address, "ports": listed} for address in addresses]} if listed else {}


def with_status(ingress: Obj, wanted: Obj) -> Obj | None:
    """The Ingress with that status; None when it says so already."""
    if ((ingress.get("status") or {}).get("loadBalancer") or {}) == wanted:
        return None
    return {**ingress, "status": {**(ingress.get("status") or {}), "loadBalancer": wanted}}
