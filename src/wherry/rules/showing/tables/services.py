"""Rows of Services, Endpoints and EndpointSlices. Called through `tables.row`. Source: pkg/printers/internalversion/printers.go."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from wherry.api.objects import Obj
from wherry.rules.showing.tables.cells import NONE, UNKNOWN, UNSET, age, labels_text, limited, name, part, spec
from wherry.rules.showing.tables.column import AGE, NAME, Printer, doc, text, wide


def load_balancer(obj: Obj) -> list[str]:
    """Addresses of a load balancer, sorted, each once: its IP, else its host name."""
    ingress = part(obj, "status", "loadBalancer").get("ingress") or ()
    return sorted({i.get("ip") or i.get("hostname") for i in ingress} - {None, ""})


def _external(service: Obj) -> str:
    wanted = spec(service)
    fixed = list(wanted.get("externalIPs") or ())
    match wanted.get("type"):
        case "ClusterIP" | "NodePort":
            return ",".join(fixed) or NONE
        case "LoadBalancer":
            return ",".join(load_balancer(service) + fixed) or "<pending>"
        case "ExternalName":
            return wanted.get("externalName", "")  # type: ignore[no-any-return]
    return UNKNOWN


def _port(port: Obj) -> str:
    number, protocol = port.get("port", 0), port.get("protocol", "")
    return f"{number}:{port['nodePort']}/{protocol}" if port.get("nodePort") else f"{number}/{protocol}"


def _service(obj: Obj, now: float) -> list[Any]:
    wanted = spec(obj)
    ips = wanted.get("clusterIPs") or ()
    return [name(obj), wanted.get("type", ""), ips[0] if ips else NONE, _external(obj),
            ",".join(map(_port, wanted.get("ports") or ())) or NONE, age(obj, now), labels_text(wanted.get("selector"))]  # fmt: skip


def _subset(subset: Obj) -> Iterator[str]:
    addresses = [a.get("ip", "") for a in subset.get("addresses") or ()]
    if not subset.get("ports"):
        yield from addresses
    for port in subset.get("ports") or ():
        for ip in addresses:
            yield f"[{ip}]:{port.get('port', 0)}" if ":" in ip else f"{ip}:{port.get('port', 0)}"


def _endpoints(obj: Obj, now: float) -> list[Any]:
    subsets = obj.get("subsets") or ()
    shown = limited(a for s in subsets for a in _subset(s)) if subsets else NONE
    return [name(obj), shown, age(obj, now)]


def _slice_port(port: Obj) -> str:
    if port.get("port") is not None:
        return str(port["port"])
    return "*" if port.get("name") is None else port["name"]


def _endpoint_slice(obj: Obj, now: float) -> list[Any]:
    ports = limited(_slice_port(p) for p in obj.get("ports") or ())
    addresses = limited(a for e in obj.get("endpoints") or () for a in e.get("addresses") or ())
    return [name(obj), obj.get("addressType", ""), ports or UNSET, addresses or UNSET, age(obj, now)]


PRINTERS = {
    "Service": Printer(
        (
            NAME,
            text("Type", doc("core.v1.ServiceSpec", "type")),
            text("Cluster-IP", doc("core.v1.ServiceSpec", "clusterIP")),
            text("External-IP", doc("core.v1.ServiceSpec", "externalIPs")),
            text("Port(s)", doc("core.v1.ServiceSpec", "ports")),
            AGE,
            wide("Selector", doc("core.v1.ServiceSpec", "selector")),
        ),
        _service,
    ),
    "Endpoints": Printer((NAME, text("Endpoints", doc("core.v1.Endpoints", "subsets")), AGE), _endpoints),
    "EndpointSlice.discovery.k8s.io": Printer(
        (
            NAME,
            text("AddressType", doc("discovery.v1.EndpointSlice", "addressType")),
            text("Ports", doc("discovery.v1.EndpointSlice", "ports")),
            text("Endpoints", doc("discovery.v1.EndpointSlice", "endpoints")),
            AGE,
        ),
        _endpoint_slice,
    ),
}
