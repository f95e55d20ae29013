"""The pods behind a port of a Service, from its EndpointSlices, for the ingress controller.

Endpoints that are ready get requests; where none is, those that still serve while they terminate (KEP-1669). A Service's port is found by
number or name; its endpoints' port by the name of it.
Source: https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/ (conditions).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from wherry.api.objects import Obj
from wherry.rules.networking.ingress.table import Backend


class Target(NamedTuple):
    """Where to connect to. `pod`: the uid of the pod it is, "" for an address that no pod has."""

    address: str
    port: int
    pod: str


class Targets(NamedTuple):
    """`ready`, and what may serve as long as nothing is ready."""

    ready: tuple[Target, ...] = ()
    leaving: tuple[Target, ...] = ()


def port_name(service: Obj, backend: Backend) -> str | None:
    """The name of the port that a backend means ("" for a port without one); None when the Service has no such port."""
    for port in (service.get("spec") or {}).get("ports") or ():
        named = port.get("name") or ""
        if (port.get("protocol") or "TCP") == "TCP" and (port["port"] == backend.number if backend.number else named == backend.port):
            return named
    return None


def targets(slices: Iterable[Obj], port: str) -> Targets:
    """By the name of the Service's port. Sorted: equal slices give equal targets. An endpoint in two slices is one."""
    ready: set[Target] = set()
    leaving: set[Target] = set()
    for each in slices:
        if each.get("addressType") == "FQDN":
            continue
        numbers = [
            entry["port"] for entry in each.get("ports") or ()
            if (entry.get("name") or "") == port and (entry.get("protocol") or "TCP") == "TCP" and entry.get("port")
        ]
        for endpoint in each.get("endpoints") or ():
            group = _group(endpoint.get("conditions") or {}, ready, leaving)
            if group is not None and numbers:
                pod = (endpoint.get("targetRef") or {}).get("uid", "")
                group.update(Target(endpoint["addresses"][0], number, pod) for number in numbers)
    return Targets(tuple(sorted(ready)), tuple(sorted(leaving - ready)))


def _group(conditions: Obj, ready: set[Target], leaving: set[Target]) -> set[Target] | None:
    """A condition that is not told counts as ready."""
    if conditions.get("ready") is not False:
        return ready
    return leaving if conditions.get("serving") and conditions.get("terminating") else None
