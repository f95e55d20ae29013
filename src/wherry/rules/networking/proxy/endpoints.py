"""The endpoints of one port, and which of them a client may be led to.

Called by `routes`. Hints count only when every ready endpoint has them and one is for the client's node or zone; else all are used.
Source of the rule: KEP-1669 (terminating endpoints), KEP-2433 (zone hints), KEP-3015 (node hints).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from typing import NamedTuple

from wherry.api.objects import Obj


class Backend(NamedTuple):
    address: str
    port: int


class Endpoint(NamedTuple):
    """`ready` False: it terminates and still serves. `for_zones`, `for_nodes`: whom its hints are for."""

    backend: Backend
    ready: bool
    node: str = ""
    for_zones: frozenset[str] = frozenset()
    for_nodes: frozenset[str] = frozenset()


def endpoints(slices: Iterable[Obj], port_name: str, protocol: str, leaving: Set[str] = frozenset()) -> list[Endpoint]:
    """Those that serve. `leaving`: uids of pods that are about to end, which terminate."""
    found: dict[Backend, Endpoint] = {}
    for each in slices:
        numbers = [
            port["port"]
            for port in each.get("ports") or ()
            if (port.get("name") or "") == port_name and (port.get("protocol") or "TCP") == protocol and port.get("port")
        ]
        for endpoint in each.get("endpoints") or ():
            ready = _ready(endpoint, leaving)
            for number in numbers if ready is not None else ():
                one = _endpoint(endpoint, Backend(endpoint["addresses"][0], number), ready=bool(ready))
                # an address may be in two slices for a moment: the better news counts
                if one.backend not in found or one.ready:
                    found[one.backend] = one
    return sorted(found.values())


def _ready(endpoint: Obj, leaving: Set[str]) -> bool | None:
    """None: it serves nobody. A condition that is not told counts as ready."""
    conditions = endpoint.get("conditions") or {}
    if conditions.get("ready") is not False:
        return (endpoint.get("targetRef") or {}).get("uid") not in leaving
    return False if conditions.get("serving") and conditions.get("terminating") else None


def _endpoint(endpoint: Obj, backend: Backend, *, ready: bool) -> Endpoint:
    hints = endpoint.get("hints") or {}
    zones, nodes = (frozenset(each["name"] for each in hints.get(field) or ()) for field in ("forZones", "forNodes"))
    return Endpoint(backend, ready, endpoint.get("nodeName") or "", zones, nodes)


def usable(there: Sequence[Endpoint], node: str = "", zone: str = "") -> tuple[Backend, ...]:
    """For a client on that node; sorted. Without a node hints do not count."""
    ready = [each for each in there if each.ready]
    if not ready:
        return tuple(sorted(each.backend for each in there))
    return tuple(sorted(each.backend for each in _hinted(ready, node, zone)))


def _hinted(ready: list[Endpoint], node: str, zone: str) -> list[Endpoint]:
    if node and all(each.for_nodes for each in ready) and (near := [each for each in ready if node in each.for_nodes]):
        return near
    if zone and all(each.for_zones for each in ready) and (near := [each for each in ready if zone in each.for_zones]):
        return near
    return ready
