"""The quality-of-service class of a pod: what is promised to it when its node runs short.

Called when a pod is created, and for pods that carry no class yet. Pure. Invariant: the class of a pod never changes.
Source: pkg/apis/core/helper/qos; https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from wherry.api import quantity
from wherry.api.objects import Obj

BEST_EFFORT = "BestEffort"
BURSTABLE = "Burstable"
GUARANTEED = "Guaranteed"

_COMPUTE = ("cpu", "memory")


def qos_class(pod: Obj) -> str:
    """The class that the pod's status says, or the one its resources give."""
    known: str = (pod.get("status") or {}).get("qosClass") or ""
    return known or computed(pod["spec"])


def computed(spec: Mapping[str, Any]) -> str:
    own = spec.get("resources")
    if own is not None:
        parts: Iterable[Mapping[str, Any]] = (own,)
        limited = not own.get("limits") or _all_limited(own)
    else:
        parts = [c.get("resources") or {} for kind in ("containers", "initContainers") for c in spec.get(kind) or ()]
        limited = all(_all_limited(part) for part in parts)
    requests = _total(parts, "requests")
    limits = _total(parts, "limits")
    if not requests and not limits:
        return BEST_EFFORT
    return GUARANTEED if limited and requests == limits else BURSTABLE


def _all_limited(resources: Mapping[str, Any]) -> bool:
    limits = resources.get("limits") or {}
    return all(name in limits and quantity.nano(limits[name]) > 0 for name in _COMPUTE)


def _total(parts: Iterable[Mapping[str, Any]], which: str) -> dict[str, int]:
    total: dict[str, int] = {}
    for part in parts:
        listed = part.get(which)
        for name in _COMPUTE if listed else ():
            if listed is not None and name in listed and (amount := quantity.nano(listed[name])) > 0:
                total[name] = total.get(name, 0) + amount
    return total
