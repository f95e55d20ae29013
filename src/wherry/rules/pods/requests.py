"""What a pod asks of a node: spec to whole numbers (cpu in milli-units, everything else in units).

Called when a pod is compiled (demand) and when a node is (node_info). Invariant: equal specs give equal numbers.
Source of the rule: k8s.io/component-helpers/resource PodRequests; KEP-753 (sidecars), KEP-2837 (pod-level resources).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from wherry.api import quantity

Amounts = dict[str, int]

#: what the resource scores assume of a container that does not say
ASSUMED: Amounts = {"cpu": 100, "memory": 200 * 1024 * 1024}

_POD_LEVEL = ("cpu", "memory")


@lru_cache(maxsize=4096)
def _amount(name: str, text: str) -> int:
    return quantity.milli(text) if name == "cpu" else quantity.to_int(text)


def amounts(listed: Mapping[str, Any] | None) -> Amounts:
    """A ResourceList as numbers."""
    return {name: _amount(name, str(text)) for name, text in listed.items()} if listed else {}


def _add(total: Amounts, more: Amounts) -> None:
    for name, amount in more.items():
        total[name] = total.get(name, 0) + amount


def _raise_to(total: Amounts, least: Amounts) -> None:
    for name, amount in least.items():
        if amount > total.get(name, 0):
            total[name] = amount


def _of_container(container: Mapping[str, Any], assumed: Amounts) -> Amounts:
    asked = amounts((container.get("resources") or {}).get("requests"))
    return {**assumed, **asked} if assumed else asked


def of_spec(spec: Mapping[str, Any], assumed: Amounts | None = None) -> Amounts:
    """The pod's requests: containers and sidecars together, or the greediest moment of initialization if that is more."""
    assumed = assumed or {}
    total: Amounts = {}
    for container in spec["containers"]:
        _add(total, _of_container(container, assumed))
    sidecars: Amounts = {}
    peak: Amounts = {}
    for container in spec.get("initContainers") or ():
        asked = _of_container(container, assumed)
        if container.get("restartPolicy") == "Always":
            _add(total, asked)
            _add(sidecars, asked)
            _raise_to(peak, sidecars)
        else:
            _add(asked, sidecars)
            _raise_to(peak, asked)
    _raise_to(total, peak)
    for name, amount in amounts((spec.get("resources") or {}).get("requests")).items():
        if name in _POD_LEVEL or name.startswith("hugepages-"):
            total[name] = amount
    _add(total, amounts(spec.get("overhead")))
    return total
