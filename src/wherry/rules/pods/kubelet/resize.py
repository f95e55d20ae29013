"""Changes of a running pod's resources in place: whether its node has room, who has to start again for it, and the kubelet's words.

Called by the node when the resources of a pod's spec are not those that its containers have.
Source of the rules and texts: pkg/kubelet/allocation, pkg/kubelet/events/resize.go, kuberuntime computePodResizeAction; KEP-1287.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from wherry.api import quantity
from wherry.api.objects import Obj
from wherry.rules.pods.requests import of_spec

#: types of conditions
PENDING, IN_PROGRESS = "PodResizePending", "PodResizeInProgress"
INFEASIBLE, DEFERRED, ERROR = "Infeasible", "Deferred", "Error"
_LISTS = ("initContainers", "containers")


class Refusal(NamedTuple):
    """`reason`: Infeasible, or what the node is out of; the condition says Deferred for that."""

    reason: str
    message: str

    @property
    def shown(self) -> str:
        return self.reason if self.reason == INFEASIBLE else DEFERRED


class Resizing(NamedTuple):
    """Where a pod's resize stands. `generation`: of the spec that is on its way, 0 for none."""

    refusal: Refusal | None = None
    generation: int = 0
    error: str = ""


def wanted(spec: Obj) -> dict[str, Obj]:
    """Resources by container, as the spec has them."""
    return {each["name"]: each.get("resources") or {} for kind in _LISTS for each in spec.get(kind) or ()}


def shortage(spec: Obj, others: Iterable[Obj], capacity: Mapping[str, Any]) -> Refusal | None:
    """Why a node of that capacity cannot give what the spec asks, beside the specs of its other pods. None: it can."""
    used: dict[str, int] = {}
    for other in others:
        for name, amount in of_spec(other).items():
            used[name] = used.get(name, 0) + amount
    for name, amount in of_spec(spec).items():
        whole = str(capacity.get(name, "0"))
        there = quantity.milli(whole) if name == "cpu" else quantity.to_int(whole)
        if amount + used.get(name, 0) > there:
            text = f"Node didn't have enough resource: {name}, requested: {amount}, used: {used.get(name, 0)}, capacity: {there}"
            return Refusal(f"OutOf{name}", text)
    return None


def restarts(container: Obj, before: Obj) -> bool:
    """Does one of the resources that changed ask for a new start?"""
    after = container.get("resources") or {}
    policies = {each["resourceName"]: each.get("restartPolicy") for each in container.get("resizePolicy") or ()}
    return any(policies.get(name) == "RestartContainer" for name in changed(before, after))


def changed(before: Obj, after: Obj) -> list[str]:
    """The names of resources that are not the same."""
    parts = [(before.get(which) or {}, after.get(which) or {}) for which in ("requests", "limits")]
    return sorted({name for old, new in parts for name in {*old, *new} if old.get(name) != new.get(name)})


def told(prefix: str, pod: Obj, generation: int, error: str = "") -> str:
    """Of an event."""
    spec = pod["spec"]
    listed = {kind: [_of(each) for each in spec[kind]] for kind in _LISTS if spec.get(kind)}
    summary = {**listed, "generation": generation, **({"error": error} if error else {})}
    return f"{prefix}: {msgspec.json.encode(summary).decode()}"


def _of(container: Obj) -> Obj:
    resources = container.get("resources") or {}
    amounts = {key: dict(sorted(resources[key].items())) for key in sorted(resources) if key != "claims"}
    return {"name": container["name"], "resources": amounts}


def below_usage(container: str, limit: int, used: int) -> str:
    """Why a memory limit is not set."""
    return f'attempting to set container "{container}" memory limit ({limit}) below current usage ({used})'
