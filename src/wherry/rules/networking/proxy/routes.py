"""What every address and port of a Service leads to, from Services and their EndpointSlices.

Called by the service proxy of real nodes; IPv4 ClusterIPs, externalIPs and load balancers' addresses, TCP and UDP. Headless Services and
ExternalName lead nowhere. Endpoints that are ready get the traffic; where none is, those that serve while they terminate
(KEP-1669); where there are none either, the address refuses at once. A pod whose deletion its node knows of terminates, also before its
EndpointSlice says so: no new connection may come to a program that is about to be told to end.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import NamedTuple

from wherry.api.objects import Obj, name, namespace

_SERVICE = "kubernetes.io/service-name"
_PROTOCOLS = ("TCP", "UDP")


class Front(NamedTuple):
    """Where a client knocks; `protocol` is tcp or udp."""

    address: str
    protocol: str
    port: int


class Backend(NamedTuple):
    address: str
    port: int


class Route(NamedTuple):
    """`sticky`: a client's address always gets the same backend, as long as these are the backends."""

    backends: tuple[Backend, ...]
    sticky: bool = False


Routes = dict[Front, Route]


def routes(services: Iterable[Obj], slices: Iterable[Obj], leaving: Set[str] = frozenset()) -> Routes:
    """Sorted, so that equal facts give equal routes. `leaving`: uids of pods that are about to end."""
    of_service: dict[tuple[str, str], list[Obj]] = {}
    for each in slices:
        owner = (each["metadata"].get("labels") or {}).get(_SERVICE)
        if owner and each.get("addressType") == "IPv4":
            of_service.setdefault((namespace(each), owner), []).append(each)
    found: Routes = {}
    for service in services:
        _add(found, service, of_service.get((namespace(service), name(service)), []), leaving)
    return dict(sorted(found.items()))


def _add(found: Routes, service: Obj, slices: list[Obj], leaving: Set[str]) -> None:
    spec = service["spec"]
    addresses = _addresses(service)
    going = frozenset() if spec.get("publishNotReadyAddresses") else leaving
    sticky = spec.get("sessionAffinity") == "ClientIP"
    for port in spec.get("ports") or () if addresses else ():
        protocol = port.get("protocol") or "TCP"
        if protocol not in _PROTOCOLS:
            continue
        route = Route(_backends(slices, port.get("name") or "", protocol, going), sticky)
        for address in addresses:
            found[Front(address, protocol.lower(), port["port"])] = route


def _addresses(service: Obj) -> list[str]:
    spec = service["spec"]
    cluster_ip = spec.get("clusterIP") or ""
    if spec.get("type") == "ExternalName" or cluster_ip in ("", "None"):
        return []
    ingress = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    # a load balancer of mode Proxy wants its traffic to come from outside
    balanced = [each["ip"] for each in ingress if each.get("ip") and each.get("ipMode") != "Proxy"]
    every = [*(spec.get("clusterIPs") or [cluster_ip]), *(spec.get("externalIPs") or ()), *balanced]
    return [each for each in every if ":" not in each]


def _backends(slices: list[Obj], port_name: str, protocol: str, going: Set[str]) -> tuple[Backend, ...]:
    ready: set[Backend] = set()
    terminating: set[Backend] = set()
    for each in slices:
        numbers = [
            port["port"]
            for port in each.get("ports") or ()
            if (port.get("name") or "") == port_name and (port.get("protocol") or "TCP") == protocol and port.get("port")
        ]
        for endpoint in each.get("endpoints") or ():
            group = _group(endpoint, ready, terminating, going)
            if group is not None:
                group.update(Backend(endpoint["addresses"][0], number) for number in numbers)
    return tuple(sorted(ready or terminating))


def _group(endpoint: Obj, ready: set[Backend], terminating: set[Backend], going: Set[str]) -> set[Backend] | None:
    """A condition that is not told counts as ready."""
    conditions = endpoint.get("conditions") or {}
    if conditions.get("ready") is not False:
        return terminating if (endpoint.get("targetRef") or {}).get("uid") in going else ready
    if conditions.get("serving") and conditions.get("terminating"):
        return terminating
    return None


def targets(slices: Iterable[Obj]) -> frozenset[str]:
    """The uids of the pods that they name."""
    return frozenset((each.get("targetRef") or {}).get("uid", "") for one in slices for each in one.get("endpoints") or ())
