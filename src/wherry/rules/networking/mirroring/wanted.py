"""What Endpoints say, as endpoints of slices: by address family and ports.

Called by `plan`. Invariant: no more than MAX addresses of a subset are mirrored, ready ones first; what is no address is only counted.
Source: pkg/controller/endpointslicemirroring/reconciler_helpers.go, utils.go.
"""

from __future__ import annotations

import ipaddress
from typing import NamedTuple

from wherry.api.objects import Obj
from wherry.rules.networking.endpoints.endpoints import repacked
from wherry.rules.networking.endpoints.slice_endpoints import Identity, PortKey, identity, port_key

MAX = 1000
#: (address family, ports)
Key = tuple[str, PortKey]


class Group(NamedTuple):
    ports: list[Obj]
    endpoints: dict[Identity, Obj]


class Wanted(NamedTuple):
    """`invalid` addresses are no addresses; `skipped` counts them and those too many."""

    groups: dict[Key, Group]
    invalid: int
    skipped: int


def wanted(endpoints: Obj) -> Wanted:
    groups: dict[Key, Group] = {}
    invalid = skipped = 0
    for subset in repacked(endpoints.get("subsets") or ()):
        ports = [_port(port) for port in subset.get("ports") or ()]
        by_family = {f: groups.setdefault((f, port_key(ports)), Group(ports, {})) for f in ("IPv4", "IPv6")}
        added = 0
        listed = [(a, True) for a in subset.get("addresses") or ()] + [(a, False) for a in subset.get("notReadyAddresses") or ()]
        for address, ready in listed:
            if added >= MAX:
                break
            found = _endpoint(address, ready)
            if found is None:
                invalid += 1
                continue
            family, endpoint = found
            by_family[family].endpoints[identity(endpoint)] = endpoint
            added += 1
        skipped += len(listed) - added
    return Wanted(groups, invalid, skipped)


def _port(port: Obj) -> Obj:
    found = {"name": port.get("name", ""), "port": port["port"], "protocol": port.get("protocol", "TCP")}
    return {**found, "appProtocol": port["appProtocol"]} if port.get("appProtocol") is not None else found


def _endpoint(address: Obj, ready: bool) -> tuple[str, Obj] | None:
    try:
        parsed = ipaddress.ip_address(address["ip"])
    except ValueError:
        return None
    endpoint: Obj = {"addresses": [str(parsed)], "conditions": {"ready": ready}}
    if address.get("hostname"):
        endpoint["hostname"] = address["hostname"]
    if address.get("targetRef") is not None:
        endpoint["targetRef"] = address["targetRef"]
    if address.get("nodeName") is not None:
        endpoint["nodeName"] = address["nodeName"]
    return f"IPv{parsed.version}", endpoint
