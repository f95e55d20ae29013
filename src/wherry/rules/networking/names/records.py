"""The answer to a question about the cluster's zone, from Services and EndpointSlices.

Called by the name server for each question that it does not remember. A `Directory` is what is known at the moment; the answer depends on
it alone. Names that exist without having the type asked for are answered with nothing, others with NXDOMAIN.
Source: https://github.com/kubernetes/dns/blob/master/docs/specification.md (1.1.0); pods by their address as CoreDNS has them in a cluster
of kubeadm (`pods insecure`).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from wherry.api.objects import Obj, labels, name, namespace
from wherry.rules.networking.endpoints.places import SERVICE_NAME

ZONE = "cluster.local"
#: seconds for which a client may keep an answer, as CoreDNS's in a cluster of kubeadm
TTL = 30
VERSION = "1.1.0"
Type = Literal["A", "AAAA", "SRV", "PTR", "CNAME", "TXT"]


class Record(NamedTuple):
    """`name` without the last dot. `value`: an address, a name or a text; of SRV `PORT NAME`."""

    name: str
    type: Type
    value: str


@dataclass(frozen=True, slots=True)
class Answer:
    """`known` False: there is no such name. `more`: addresses of names in `records`. `elsewhere`: a name that has to be asked of others."""

    known: bool
    records: tuple[Record, ...] = ()
    more: tuple[Record, ...] = ()
    elsewhere: str = ""


class Directory(Protocol):
    """What is known of the cluster."""

    def has_namespace(self, namespace: str) -> bool: ...

    def service(self, namespace: str, name: str) -> Obj | None: ...

    def slices(self, namespace: str, service: str) -> Iterable[Obj]: ...

    def of_address(self, address: str) -> tuple[Iterable[Obj], Iterable[Obj]]:
        """The Services and the EndpointSlices that have it."""
        ...


class Member(NamedTuple):
    """An endpoint of a headless Service, with the ports of its slice."""

    host: str
    address: str
    ports: tuple[Obj, ...]


NOTHING, UNKNOWN = Answer(True), Answer(False)


def owns(asked: str) -> bool:
    """Whether a name is of the cluster's zone. `asked`: in lower case, without the last dot."""
    return asked == ZONE or asked.endswith(f".{ZONE}")


def answer(asked: str, kind: str, directory: Directory) -> Answer:
    """`asked`: a name of the zone, in lower case, without the last dot; `kind`: the type asked for, ANY for all."""
    labels = asked.removesuffix(ZONE).rstrip(".").split(".") if asked != ZONE else []
    match labels[::-1]:
        case []:
            return NOTHING
        case ["dns-version"]:
            return _of_kind((Record(asked, "TXT", VERSION),), kind)
        case ["svc"] | ["pod"]:
            return NOTHING
        case ["svc", space]:
            return NOTHING if directory.has_namespace(space) else UNKNOWN
        case ["svc", space, service, *below]:
            found = directory.service(space, service)
            return UNKNOWN if found is None else _service(asked, kind, found, tuple(below[::-1]), directory)
        case ["pod", space]:
            return NOTHING if directory.has_namespace(space) else UNKNOWN
        case ["pod", space, host] if directory.has_namespace(space):
            return _pod(asked, kind, host)
    return UNKNOWN


def reverse(address: str, asked: str, directory: Directory) -> Answer | None:
    """The names of an address; None when it is none of the cluster's. `asked`: the question's own name."""
    services, slices = directory.of_address(address)
    names = [_called(service) for service in services]
    for each in slices:
        service = directory.service(namespace(each), _owner(each))
        if service is not None and _is_headless(service):
            names += [f"{member.host}.{_called(service)}" for member in _members(service, [each]) if member.address == address]
    records = tuple(Record(asked, "PTR", called) for called in sorted(set(names)))
    return Answer(True, records) if records else None


def _service(asked: str, kind: str, service: Obj, below: tuple[str, ...], directory: Directory) -> Answer:
    spec = service["spec"]
    if spec.get("type") == "ExternalName":
        return Answer(True, (Record(asked, "CNAME", spec["externalName"].rstrip(".").lower()),), elsewhere=spec["externalName"]) \
            if not below else UNKNOWN  # fmt: skip
    members = list(_members(service, directory.slices(namespace(service), name(service)))) if _is_headless(service) else None
    if not below:
        return _whole(asked, kind, service, members)
    if len(below) == 2 and below[0].startswith("_") and below[1].startswith("_"):
        return _ports(asked, kind, service, members, below[0][1:], below[1][1:])
    if members is not None and len(below) == 1:
        return _addresses(asked, kind, [member.address for member in members if member.host == below[0]])
    return UNKNOWN


def _whole(asked: str, kind: str, service: Obj, members: list[Member] | None) -> Answer:
    """The Service's own name."""
    if kind == "SRV":
        return _ports(asked, kind, service, members, "", "")
    if members is None:
        return _addresses(asked, kind, [each for each in service["spec"].get("clusterIPs") or [service["spec"]["clusterIP"]] if each])
    return _addresses(asked, kind, list(dict.fromkeys(member.address for member in members)))


def _ports(asked: str, kind: str, service: Obj, members: list[Member] | None, port: str, protocol: str) -> Answer:
    """SRV: by a port's name and protocol, or ("") all ports."""

    def wanted(each: Obj) -> bool:
        return not port or (each.get("name") == port and (each.get("protocol") or "TCP").lower() == protocol)

    called = _called(service)
    pairs: list[tuple[str, int, list[str]]] = []
    if members is None:
        addresses = service["spec"].get("clusterIPs") or []
        pairs = [(called, each["port"], addresses) for each in service["spec"].get("ports") or () if wanted(each)]
    else:
        pairs = [(f"{member.host}.{called}", each["port"], [member.address]) for member in members for each in member.ports if wanted(each)]
    if not pairs:
        return UNKNOWN
    more = dict.fromkeys(record for host, _, each in pairs for record in _of(host, each))
    records = tuple(dict.fromkeys(Record(asked, "SRV", f"{number} {host}") for host, number, _ in pairs))
    return Answer(True, records, tuple(more)) if kind in ("SRV", "ANY") else NOTHING


def _pod(asked: str, kind: str, host: str) -> Answer:
    """A pod's name is its address with dashes; whether there is such a pod is not looked up."""
    text = host.replace("-", ".") if host.count("-") == 3 and ":" not in host else host.replace("-", ":")
    try:
        return _addresses(asked, kind, [str(ipaddress.ip_address(text))])
    except ValueError:
        return UNKNOWN


def _members(service: Obj, slices: Iterable[Obj]) -> Iterator[Member]:
    """Those that are ready; all, where the Service publishes them so (the slices say it then)."""
    for each in slices:
        ports = tuple(each.get("ports") or ())
        for endpoint in each.get("endpoints") or ():
            if (endpoint.get("conditions") or {}).get("ready") is False or each.get("addressType") == "FQDN":
                continue
            for address in endpoint["addresses"]:
                yield Member(endpoint.get("hostname") or address.replace(".", "-").replace(":", "-"), address, ports)


def _addresses(asked: str, kind: str, addresses: list[str]) -> Answer:
    return _of_kind(tuple(_of(asked, addresses)), kind) if addresses else UNKNOWN


def _of(called: str, addresses: Iterable[str]) -> Iterator[Record]:
    for each in addresses:
        yield Record(called, "AAAA" if ":" in each else "A", each)


def _of_kind(records: tuple[Record, ...], kind: str) -> Answer:
    return Answer(True, tuple(record for record in records if kind in (record.type, "ANY")))


def _called(service: Obj) -> str:
    return f"{name(service)}.{namespace(service)}.svc.{ZONE}"


def _is_headless(service: Obj) -> bool:
    return bool(service["spec"].get("clusterIP") == "None")


def _owner(one: Obj) -> str:
    return labels(one).get(SERVICE_NAME, "")
