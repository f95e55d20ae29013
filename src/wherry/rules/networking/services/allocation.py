"""Cluster IPs and node ports of a Service: which a write takes, which it gives back.

The registry calls `allocate` on every create and update of a Service, after defaulting and before `Strategy.prepare_*` (so that
validation sees what was allocated), adds `taken_*` to its sets before the write and takes it out again when the write fails, and
takes `released_*` out once the write succeeded; `held` says what a deleted Service gives back.
Invariant: of `used` nothing is taken twice; an allocation with errors takes nothing.
Source: pkg/registry/core/service/storage (alloc.go, storage.go), ipallocator, portallocator; KEP-3070 and KEP-3668 (the lower band of
both ranges is left to explicit requests); a cluster with one IPv4 range, as KEP-563 describes it.
"""

from __future__ import annotations

import random
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from typing import NamedTuple

from wherry.api.field import Errors, index, invalid, show
from wherry.api.objects import Obj
from wherry.rules.networking.services.families import init_families, normalize_cluster_ips, patch_allocated
from wherry.rules.objects.addresses import canonical, parse_ip

DEFAULT_CIDR = IPv4Network("10.96.0.0/16")
DEFAULT_PORTS = range(30000, 32768)


class Pools(NamedTuple):
    """What there is and what of it is in use. `ips` in canonical form."""

    ips: AbstractSet[str]
    ports: AbstractSet[int]
    cidr: IPv4Network = DEFAULT_CIDR
    port_range: range = DEFAULT_PORTS
    #: further ranges, tried when the first is full (KEP-1880)
    more: tuple[IPv4Network, ...] = ()


@dataclass(frozen=True, slots=True)
class Allocation:
    """What the write takes and, once it succeeded, gives back; or why it cannot be (`errors`: 422, `internal`: 500)."""

    taken_ips: frozenset[str] = frozenset()
    taken_ports: frozenset[int] = frozenset()
    released_ips: frozenset[str] = frozenset()
    released_ports: frozenset[int] = frozenset()
    errors: Errors = field(default_factory=list)
    internal: str = ""


class _Refused(Exception):
    def __init__(self, errors: Errors | None = None, internal: str = "") -> None:
        super().__init__(internal)
        self.errors = errors or []
        self.internal = internal


def allocate(draft: Obj, old: Obj | None, pools: Pools, rng: random.Random) -> Allocation:
    """Fill in the draft's addresses and ports. `old` is None on create."""
    spec, old_spec = draft.setdefault("spec", {}), (old or {}).get("spec")
    if old_spec is not None:
        patch_allocated(spec, old_spec)
    normalize_cluster_ips(spec, old_spec)
    if errors := init_families(spec, old_spec):
        return Allocation(errors=errors)
    name = draft["metadata"].get("name", "")
    try:
        ips = _take_ips(spec, old_spec, name, pools, rng)
        ports = _take_ports(spec, old_spec, pools, rng)
    except _Refused as refused:
        return Allocation(errors=refused.errors, internal=refused.internal)
    if old_spec is None:
        return Allocation(frozenset(ips), frozenset(ports))
    return Allocation(frozenset(ips), frozenset(ports), _ips_given_back(spec, old_spec), _ports_given_back(spec, old_spec))


def held(service: Obj) -> tuple[frozenset[str], frozenset[int]]:
    """The addresses and ports a stored Service occupies: what its deletion gives back, and what a restart must count as used."""
    spec = service.get("spec") or {}
    ports = set(_node_ports(spec))
    if needs_health_check(spec) and spec.get("healthCheckNodePort"):
        ports.add(spec["healthCheckNodePort"])
    return frozenset(_held_ips(spec)), frozenset(ports)


def needs_health_check(spec: Obj) -> bool:
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def _held_ips(spec: Obj) -> list[str]:
    if spec.get("type") == "ExternalName":
        return []
    addresses = [parse_ip(ip) for ip in spec.get("clusterIPs") or []]
    return [canonical(a) for a in addresses if a is not None]


def _node_ports(spec: Obj) -> list[int]:
    return [p["nodePort"] for p in spec.get("ports") or [] if p.get("nodePort")]


def _take_ips(spec: Obj, old: Obj | None, name: str, pools: Pools, rng: random.Random) -> set[str]:
    fresh = old is None or old.get("type") == "ExternalName"
    wanted: list[str] = spec.get("clusterIPs") or []
    if not fresh or spec.get("type") == "ExternalName" or wanted[:1] == ["None"]:
        return set()
    if wanted and wanted[0]:
        return {_explicit_ip(wanted, pools)}
    try:
        ip = _next_ip(pools, rng)
    except LookupError:
        raise _Refused(internal=f"failed to allocate a serviceIP for Service {show(name)}: range is full") from None
    spec["clusterIP"], spec["clusterIPs"] = ip, [ip]
    return {ip}


def _explicit_ip(wanted: list[str], pools: Pools) -> str:
    address = parse_ip(wanted[0])
    assert address is not None  # init_families has validated it
    text = canonical(address)
    why = ""
    network = next((each for each in (pools.cidr, *pools.more) if address in each), None)
    if network is None:
        why = "the provided network does not match the current range"
    elif address in (network.network_address, network.broadcast_address):
        why = f"the provided IP ({text}) is not in the valid range. The range of valid IPs is {network}"
    elif text in pools.ips:
        why = "provided IP is already allocated"
    if why:
        raise _Refused([invalid("spec.clusterIPs", wanted, f"failed to allocate IP {wanted[0]}: {why}")])
    return text


def _band(size: int, step: int, largest: int) -> int:
    """How much of the start of a range is kept for explicit requests."""
    return 0 if size <= 16 else min(max(16, size // step), largest)


def _next_ip(pools: Pools, rng: random.Random) -> str:
    for network in (pools.cidr, *pools.more):
        if ip := _free_ip(network, pools.ips, rng):
            return ip
    raise LookupError("range is full")


def _free_ip(network: IPv4Network, used: AbstractSet[str], rng: random.Random) -> str:
    """An address of the range that is not in use, "" when there is none."""
    first, last = network.network_address + 1, network.broadcast_address - 1
    size, band = int(last) - int(first) + 1, _band(network.num_addresses, 16, 256)
    for low, count in ((band, size - band), (0, band)):
        start = rng.randrange(count) if count > 0 else 0
        for i in range(count):
            ip = str(first + low + (start + i) % count)
            if ip not in used:
                return ip
    return ""


class _Ports:
    """The ports one write takes, on top of those in use."""

    def __init__(self, pools: Pools, rng: random.Random) -> None:
        self._pools, self._rng = pools, rng
        self.taken: set[int] = set()

    def explicit(self, port: int) -> str:
        """Take that port; what is wrong with it, or ""."""
        span = self._pools.port_range
        if port not in span:
            return f"provided port is not in the valid range. The range of valid ports is {span.start}-{span.stop - 1}"
        if port in self._pools.ports or port in self.taken:
            return "provided port is already allocated"
        self.taken.add(port)
        return ""

    def next(self, what: str) -> int:
        span = self._pools.port_range
        band = _band(len(span), 32, 128)
        for part in (span[band:], span[:band]):
            start = self._rng.randrange(len(part)) if part else 0
            for i in range(len(part)):
                port = part[(start + i) % len(part)]
                if port not in self._pools.ports and port not in self.taken:
                    self.taken.add(port)
                    return port
        raise _Refused(internal=f"failed to allocate a {what}: range is full")


def _take_ports(spec: Obj, old: Obj | None, pools: Pools, rng: random.Random) -> set[int]:
    ports = _Ports(pools, rng)
    if spec.get("type") in ("NodePort", "LoadBalancer"):
        if old is None:
            _init_node_ports(spec, ports)
        else:
            _update_node_ports(spec, set(_node_ports(old)), ports)
    if needs_health_check(spec) and not (old is not None and needs_health_check(old)):
        _take_health_check_port(spec, ports)
    return ports.taken


def _wants_node_ports(spec: Obj) -> bool:
    return spec.get("type") == "NodePort" or bool(spec.get("allocateLoadBalancerNodePorts"))


def _bad_port(i: int, port: int, why: str) -> _Refused:
    return _Refused([invalid(f"{index('spec.ports', i)}.nodePort", port, why)])


def _init_node_ports(spec: Obj, ports: _Ports) -> None:
    """Ports of equal number and different protocol share a node port."""
    by_port: dict[int, int] = {}
    for i, entry in enumerate(spec.get("ports") or []):
        if not entry.get("nodePort") and not _wants_node_ports(spec):
            continue
        number = entry.get("port", 0)
        shared = by_port.get(number)
        if shared is None:
            entry["nodePort"] = by_port[number] = _first_of(number, spec["ports"], i, ports)
        elif not entry.get("nodePort"):
            entry["nodePort"] = shared
        elif entry["nodePort"] != shared and (why := ports.explicit(entry["nodePort"])):
            raise _bad_port(i, entry["nodePort"], why)


def _first_of(number: int, entries: list[Obj], i: int, ports: _Ports) -> int:
    """The node port for the first entry of that port number: what any entry of the number asks for, or a new one."""
    requested: int = next((e["nodePort"] for e in entries if e.get("port", 0) == number and e.get("nodePort")), 0)
    if not requested:
        return ports.next("nodePort")
    if why := ports.explicit(requested):
        raise _bad_port(i, requested, why)
    return requested


def _update_node_ports(spec: Obj, before: set[int], ports: _Ports) -> None:
    seen: set[tuple[str, int]] = set()
    for i, entry in enumerate(spec.get("ports") or []):
        port = entry.get("nodePort", 0)
        if not port:
            if not _wants_node_ports(spec):
                continue
            entry["nodePort"] = port = ports.next("nodePort")
        elif port not in before and port not in ports.taken and (why := ports.explicit(port)):
            raise _bad_port(i, port, why)
        pair = (entry.get("protocol", ""), port)
        if pair in seen:
            raise _Refused(internal=f"duplicate nodePort: {{{pair[0]} {pair[1]}}}")
        seen.add(pair)


def _take_health_check_port(spec: Obj, ports: _Ports) -> None:
    wanted = spec.get("healthCheckNodePort", 0)
    if not wanted:
        spec["healthCheckNodePort"] = ports.next("HealthCheck NodePort 0")
    elif why := ports.explicit(wanted):
        raise _Refused(internal=f"failed to allocate requested HealthCheck NodePort {wanted}: {why}")


def _ips_given_back(spec: Obj, old: Obj) -> frozenset[str]:
    if spec.get("type") != "ExternalName":
        return frozenset()
    return frozenset(_held_ips(old))


def _ports_given_back(spec: Obj, old: Obj) -> frozenset[int]:
    gone: set[int] = set()
    if old.get("type") in ("NodePort", "LoadBalancer") and spec.get("type") in ("ExternalName", "ClusterIP"):
        gone |= set(_node_ports(old))
    elif spec.get("type") in ("NodePort", "LoadBalancer"):
        gone |= set(_node_ports(old)) - set(_node_ports(spec))
    if needs_health_check(old) and not needs_health_check(spec) and old.get("healthCheckNodePort"):
        gone.add(old["healthCheckNodePort"])
    return frozenset(gone)
