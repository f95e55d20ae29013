"""What a pod as a whole asks for and is limited to: its containers' amounts together, as its status tells.

Called by `status`. Containers and sidecars add up; an init container counts with the sidecars before it where it asks for more at once;
what the pod says for itself comes first; overhead is on top.
Source of the rule: k8s.io/component-helpers/resource (PodRequests, PodLimits); KEP-2837, KEP-5419.
"""

from __future__ import annotations

from typing import Literal

from wherry.api import quantity
from wherry.api.objects import Obj

Which = Literal["requests", "limits"]
Amounts = dict[str, str]

#: of pods that ask for nothing; shared
NOTHING: Obj = {}


def effective(spec: Obj) -> Obj:
    """`requests` and `limits`, each only if there is one."""
    if not any("resources" in part and part["resources"] for part in (spec, *_containers(spec))):
        return NOTHING
    return {which: amounts for which in ("limits", "requests") if (amounts := _of_pod(spec, which))}


def _containers(spec: Obj) -> list[Obj]:
    return [*(spec.get("initContainers") or ()), *spec["containers"]]


def _asked(part: Obj, which: Which) -> Amounts:
    return (part.get("resources") or {}).get(which) or {}


def _of_pod(spec: Obj, which: Which) -> Amounts:
    total: Amounts = {}
    for container in spec["containers"]:
        _add(total, _asked(container, which))
    sidecars: Amounts = {}
    most: Amounts = {}
    for container in spec.get("initContainers") or ():
        alone = dict(_asked(container, which))
        if container.get("restartPolicy") == "Always":
            _add(total, alone)
            _add(sidecars, alone)
            alone = dict(sidecars)
        else:
            _add(alone, sidecars)
        _raise(most, alone)
    _raise(total, most)
    total.update(_asked(spec, which))
    overhead = spec.get("overhead") or {}
    _add(total, overhead if which == "requests" else {name: amount for name, amount in overhead.items() if name in total})
    return {name: total[name] for name in sorted(total)}


def _add(total: Amounts, more: Amounts) -> None:
    for name, amount in more.items():
        total[name] = quantity.add(total[name], amount) if name in total else amount


def _raise(total: Amounts, least: Amounts) -> None:
    for name, amount in least.items():
        if name not in total or quantity.compare(amount, total[name]) > 0:
            total[name] = amount
