"""What pods use, as the resource metrics API says it: one sample per pod, of all its containers or of one.

Called by `plan`. Amounts are in milli-units, as the reference counts them.
Source: pkg/controller/podautoscaler/metrics/client.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from wherry.api import quantity, timestamps
from wherry.api.objects import Obj, name
from wherry.rules.texts.go_duration import nanoseconds


class Sample(NamedTuple):
    value: int
    at: float = 0.0
    window: float = 0.0


def of_pods(metrics: Iterable[Obj], resource: str, container: str = "") -> dict[str, Sample]:
    """By the pod's name. A pod that lacks the resource in one of its containers has no sample."""
    found = {}
    for pod in metrics:
        value = _of_container(pod, resource, container) if container else _of_all(pod, resource)
        if value is not None:
            found[name(pod)] = Sample(value, timestamps.parse(pod["timestamp"]), nanoseconds(pod.get("window") or "0s") / 1e9)
    return found


def _of_all(pod: Obj, resource: str) -> int | None:
    containers = pod.get("containers") or ()
    if not containers or any(resource not in (c.get("usage") or {}) for c in containers):
        return None
    return sum(quantity.milli(c["usage"][resource]) for c in containers)


def _of_container(pod: Obj, resource: str, container: str) -> int | None:
    for each in pod.get("containers") or ():
        if each["name"] == container:
            value = (each.get("usage") or {}).get(resource)
            return quantity.milli(value) if value is not None else None
    return None
