"""Hints that spread a Service's traffic over zones in proportion to their processors (`service.kubernetes.io/topology-mode: Auto`).

Called by `wherry.rules.networking.endpoints.slices` for the slices of one address family. Every ready endpoint serves its own zone,
and some are lent to zones that have too few. When no zone could get its share, there are no hints at all, and the Service is told why.
Slices that are right already are not touched.
Source: staging/src/k8s.io/endpointslice/topologycache; KEP-2433.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from wherry.api import quantity
from wherry.api.objects import Obj, condition, labels
from wherry.rules.networking.endpoints.slice_endpoints import ZONE

_OVERLOAD = 0.2
_CONTROL_PLANE = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")
_FEW_FACTS = "Insufficient Node information: allocatable CPU or zone not specified on one or more nodes"
_FEW_ENDPOINTS = "Insufficient number of endpoints"
_OVERLOADED = "Unable to allocate minimum required endpoints to each zone without exceeding overload threshold"
_NO_ZONE = "One or more endpoints do not have a zone specified"

#: zone -> its share of all processors
Ratios = dict[str, float]


class Hinted(NamedTuple):
    """`update` may be longer than what was given. `refused`: why there are no hints."""

    create: list[Obj]
    update: list[Obj]
    refused: str = ""


class _Share(NamedTuple):
    desired: float
    most: int


def ratios(nodes: Iterable[Obj]) -> Ratios:
    """Empty when a node says too little, or all are in one zone. Control planes, and nodes that are not ready, do not count."""
    by_zone: dict[str, int] = {}
    for node in nodes:
        ready = condition(node, "Ready")
        if any(label in labels(node) for label in _CONTROL_PLANE) or ready is None or ready.get("status") != "True":
            continue
        cpu = quantity.milli(((node.get("status") or {}).get("allocatable") or {}).get("cpu") or "0")
        zone = labels(node).get(ZONE)
        if not zone or not cpu:
            return {}
        by_zone[zone] = by_zone.get(zone, 0) + cpu
    total = sum(by_zone.values())
    return {zone: cpu / total for zone, cpu in by_zone.items()} if len(by_zone) > 1 else {}


def hinted(create: Sequence[Obj], update: Sequence[Obj], unchanged: Sequence[Obj], zones: Ratios) -> Hinted:
    """The slices as they are to be written; those of `unchanged` that need other hints are among `update`."""
    shares = _shares(sum(_ready_count(each) for each in (*create, *update, *unchanged)), zones)
    if isinstance(shares, str):
        return _bare(create, update, unchanged, shares)
    allocated, stale = _kept(unchanged, shares)
    open_ = [_copy(each) for each in (*create, *update, *stale)]
    for endpoint in _ready(open_):
        if not endpoint.get("zone"):
            return _bare(create, update, unchanged, _NO_ZONE)
        allocated[endpoint["zone"]] = allocated.get(endpoint["zone"], 0) + 1
        endpoint["hints"] = _for(endpoint["zone"])
    _lend(open_, shares, allocated)
    if not allocated:
        return _bare(create, update, unchanged, "No hints allocated for zones")
    return Hinted(open_[: len(create)], open_[len(create) :])


def _for(zone: str) -> Obj:
    return {"forZones": [{"name": zone}]}


def _is_ready(endpoint: Obj) -> bool:
    return bool((endpoint.get("conditions") or {}).get("ready"))


def _ready_count(each: Obj) -> int:
    return sum(_is_ready(endpoint) for endpoint in each.get("endpoints") or ())


def _ready(slices: Iterable[Obj]) -> Iterable[Obj]:
    return (endpoint for each in slices for endpoint in each["endpoints"] if _is_ready(endpoint))


def _copy(each: Obj) -> Obj:
    """Its endpoints may be changed; they have no hints yet."""
    return {**each, "endpoints": [_without_hints(e) for e in each.get("endpoints") or ()]}


def _without_hints(endpoint: Obj) -> Obj:
    return {k: v for k, v in endpoint.items() if k != "hints"}


def _bare(create: Sequence[Obj], update: Sequence[Obj], unchanged: Sequence[Obj], why: str) -> Hinted:
    had = [each for each in unchanged if any("hints" in e for e in each.get("endpoints") or ())]
    return Hinted([_copy(each) for each in create], [_copy(each) for each in (*update, *had)], why)


def _shares(endpoints: int, zones: Ratios) -> dict[str, _Share] | str:
    """What each zone should and may have; or why that cannot be."""
    if not zones:
        return _FEW_FACTS
    if len(zones) > endpoints:
        return f"{_FEW_ENDPOINTS} ({endpoints} endpoints, {len(zones)} zones)"
    least = {zone: math.ceil(ratio * endpoints / (1 + _OVERLOAD)) for zone, ratio in zones.items()}
    spare = endpoints - sum(least.values())
    if spare < 0:
        return f"{_OVERLOADED} ({endpoints} endpoints, {len(zones)} zones)"
    return {zone: _Share(max(ratio * endpoints, float(least[zone])), least[zone] + spare) for zone, ratio in zones.items()}


def _kept(unchanged: Sequence[Obj], shares: dict[str, _Share]) -> tuple[dict[str, int], list[Obj]]:
    """(hints that stay, by zone; slices whose hints have to be worked out anew)."""
    allocated: dict[str, int] = {}
    stale = []
    for each in unchanged:
        own: dict[str, int] | None = {}
        for endpoint in each.get("endpoints") or ():
            if not _is_ready(endpoint):
                continue
            wanted = [z["name"] for z in (endpoint.get("hints") or {}).get("forZones") or ()]
            if not wanted or any(zone not in shares for zone in wanted):
                own = None
                break
            for zone in wanted:
                own[zone] = own.get(zone, 0) + 1  # type: ignore[index, union-attr]
        if own is None or any(count + allocated.get(zone, 0) > shares[zone].most for zone, count in own.items()):
            stale.append(each)
        else:
            for zone, count in own.items():
                allocated[zone] = allocated.get(zone, 0) + count
    return allocated, stale


def _lend(slices: Iterable[Obj], shares: dict[str, _Share], allocated: dict[str, int]) -> None:
    """Endpoints of zones that have more than their share serve zones that have less."""
    giving, receiving = _exchange(shares, allocated)
    for endpoint in _ready(slices):
        if not giving or not receiving:
            return
        giver = endpoint["zone"]
        if not giving.get(giver):
            continue
        taker = min(receiving)
        endpoint["hints"] = _for(taker)
        for zones, zone in ((giving, giver), (receiving, taker)):
            zones[zone] -= 1
            if not zones[zone]:
                del zones[zone]
        allocated[taker] = allocated.get(taker, 0) + 1
        allocated[giver] -= 1


def _exchange(shares: dict[str, _Share], allocated: dict[str, int]) -> tuple[dict[str, int], dict[str, int]]:
    over = {z: allocated.get(z, 0) - s.desired for z, s in shares.items() if allocated.get(z, 0) > s.desired}
    under = {z: s.desired - allocated.get(z, 0) for z, s in shares.items() if allocated.get(z, 0) < s.desired}
    giving: dict[str, int] = {}
    receiving: dict[str, int] = {}
    while over and under:
        giver, taker = (max(sorted(side), key=side.__getitem__) for side in (over, under))
        if (over[giver] < 1.0 and under[taker] < 1.0) or over[giver] < 0.5 or under[taker] < 0.5:
            break
        giving[giver] = giving.get(giver, 0) + 1
        receiving[taker] = receiving.get(taker, 0) + 1
        over[giver] -= 1
        under[taker] -= 1
    return giving, receiving
