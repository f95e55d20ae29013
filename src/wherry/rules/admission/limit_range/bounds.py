"""What of a pod or a claim lies outside the bounds of a LimitRange, one sentence each.

Called with a pod whose defaults are filled in. Amounts are compared in thousandths, or whole where that would be too large to count,
as the reference's 64-bit numbers have it.
"""

from __future__ import annotations

from collections.abc import Mapping

from wherry.api import quantity
from wherry.api.objects import Obj
from wherry.rules.schema.defaults.pod_resources import aggregate

_MAX_MILLI = (2**63 - 1) // 1000
_Listed = Mapping[str, str]


def pod_violations(limit_range: Obj, pod: Obj) -> list[str]:
    spec = pod["spec"]
    found: list[str] = []
    for item in (limit_range.get("spec") or {}).get("limits") or ():
        if item.get("type") == "Container":
            for field in ("containers", "initContainers"):
                for container in spec.get(field) or ():
                    resources = container.get("resources") or {}
                    found += _checked(item, resources.get("requests") or {}, resources.get("limits") or {})
        elif item.get("type") == "Pod":
            found += _checked(item, _of_pod(spec, "requests"), _of_pod(spec, "limits"))
    return found


def claim_violations(limit_range: Obj, claim: Obj) -> list[str]:
    """Claims request storage and limit nothing."""
    requests = ((claim.get("spec") or {}).get("resources") or {}).get("requests") or {}
    found: list[str] = []
    for item in (limit_range.get("spec") or {}).get("limits") or ():
        if item.get("type") == "PersistentVolumeClaim":
            found += [_minimum(item["type"], n, v, requests, {}) for n, v in (item.get("min") or {}).items()]
            found += [_maximum_request(item["type"], n, v, requests) for n, v in (item.get("max") or {}).items()]
    return [text for text in found if text]


def _of_pod(spec: Obj, which: str) -> _Listed:
    total = aggregate(spec, which)
    own = (spec.get("resources") or {}).get(which) or {}
    return total | {name: value for name, value in own.items() if name in ("cpu", "memory")}


def _checked(item: Obj, requests: _Listed, limits: _Listed) -> list[str]:
    kind = item["type"]
    found = [_minimum(kind, n, v, requests, limits) for n, v in (item.get("min") or {}).items()]
    found += [_maximum(kind, n, v, requests, limits) for n, v in (item.get("max") or {}).items()]
    found += [_ratio(kind, n, v, requests, limits) for n, v in (item.get("maxLimitRequestRatio") or {}).items()]
    return [text for text in found if text]


def _amounts(request: str, limit: str, enforced: str) -> tuple[int, int, int]:
    whole = quantity.to_int(request), quantity.to_int(limit), quantity.to_int(enforced)
    if max(whole) > _MAX_MILLI:
        return whole
    return quantity.milli(request), quantity.milli(limit), quantity.milli(enforced)


def _minimum(kind: str, name: str, enforced: str, requests: _Listed, limits: _Listed) -> str:
    request, limit, least = _amounts(requests.get(name, "0"), limits.get(name, "0"), enforced)
    head = f"minimum {name} usage per {kind} is {enforced}"
    if name not in requests:
        return f"{head}.  No request is specified"
    if request < least:
        return f"{head}, but request is {requests[name]}"
    if name in limits and limit < least:
        return f"{head}, but limit is {limits[name]}"
    return ""


def _maximum_request(kind: str, name: str, enforced: str, requests: _Listed) -> str:
    request, _, most = _amounts(requests.get(name, "0"), "0", enforced)
    head = f"maximum {name} usage per {kind} is {enforced}"
    if name not in requests:
        return f"{head}.  No request is specified"
    return f"{head}, but request is {requests[name]}" if request > most else ""


def _maximum(kind: str, name: str, enforced: str, requests: _Listed, limits: _Listed) -> str:
    request, limit, most = _amounts(requests.get(name, "0"), limits.get(name, "0"), enforced)
    head = f"maximum {name} usage per {kind} is {enforced}"
    if name not in limits:
        return f"{head}.  No limit is specified"
    if limit > most:
        return f"{head}, but limit is {limits[name]}"
    if name in requests and request > most:
        return f"{head}, but request is {requests[name]}"
    return ""


def _ratio(kind: str, name: str, enforced: str, requests: _Listed, limits: _Listed) -> str:
    request, limit, _ = _amounts(requests.get(name, "0"), limits.get(name, "0"), enforced)
    head = f"{name} max limit to request ratio per {kind} is {enforced}, but"
    if not request:
        return f"{head} no request is specified or request is 0"
    if not limit:
        return f"{head} no limit is specified or limit is 0"
    ratio = limit / request
    return f"{head} provided ratio is {ratio:f}" if _is_above(ratio, enforced) else ""


def _is_above(ratio: float, enforced: str) -> bool:
    if quantity.to_int(enforced) <= _MAX_MILLI:
        return ratio * 1000 > quantity.milli(enforced)
    return ratio > quantity.to_int(enforced)
