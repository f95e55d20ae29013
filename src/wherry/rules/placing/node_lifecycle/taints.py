"""The taints of a node that follow from its conditions and from its being cordoned off.

Called by the node lifecycle controller. NoSchedule follows at once; NoExecute (which evicts) only when the pace allows.
Each gives the node's new taints, or None when they are right. Taints of others stay where they are.
Source of the rule: pkg/controller/nodelifecycle doNoScheduleTaintingPass, doNoExecuteTaintingPass;
https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/.
"""

from __future__ import annotations

from wherry.api import timestamps
from wherry.api.objects import Obj
from wherry.rules.placing.node_lifecycle.health import ready_status

NOT_READY, UNREACHABLE = "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"
UNSCHEDULABLE, OUT_OF_SERVICE = "node.kubernetes.io/unschedulable", "node.kubernetes.io/out-of-service"
_OF_CONDITION = {
    ("Ready", "False"): NOT_READY,
    ("Ready", "Unknown"): UNREACHABLE,
    ("MemoryPressure", "True"): "node.kubernetes.io/memory-pressure",
    ("DiskPressure", "True"): "node.kubernetes.io/disk-pressure",
    ("NetworkUnavailable", "True"): "node.kubernetes.io/network-unavailable",
    ("PIDPressure", "True"): "node.kubernetes.io/pid-pressure",
}
_OWN = {*_OF_CONDITION.values(), UNSCHEDULABLE}
_BY_STATUS = {"False": NOT_READY, "Unknown": UNREACHABLE}


def of(node: Obj) -> list[Obj]:
    return node["spec"].get("taints") or []


def no_execute(node: Obj) -> list[Obj]:
    return [t for t in of(node) if t["effect"] == "NoExecute"]


def scheduling(node: Obj, now: float) -> list[Obj] | None:
    """With the NoSchedule taints that its conditions ask for."""
    conditions = (node.get("status") or {}).get("conditions") or ()
    due = [key for c in conditions if (key := _OF_CONDITION.get((c["type"], c.get("status", ""))))]
    if node["spec"].get("unschedulable"):
        due.append(UNSCHEDULABLE)
    return _exchanged(node, "NoSchedule", due, _OWN, now)


def evicting(node: Obj, now: float) -> list[Obj] | None:
    """With the one NoExecute taint that its Ready condition asks for."""
    due = _BY_STATUS.get(ready_status(node))
    return _exchanged(node, "NoExecute", [due] if due else [], {NOT_READY, UNREACHABLE}, now)


def freed(node: Obj) -> list[Obj] | None:
    """Without the NoExecute taints of this controller."""
    return _exchanged(node, "NoExecute", [], {NOT_READY, UNREACHABLE}, 0.0)


def is_swap(node: Obj) -> bool:
    """It has the other one of the two NoExecute taints: its pods are being evicted already, so no pace applies."""
    due = _BY_STATUS.get(ready_status(node))
    return due is not None and any(t["key"] in (NOT_READY, UNREACHABLE) and t["key"] != due for t in no_execute(node))


def _exchanged(node: Obj, effect: str, due: list[str], own: set[str], now: float) -> list[Obj] | None:
    present = of(node)
    kept = [t for t in present if t["effect"] != effect or t["key"] not in own or t["key"] in due]
    there = {t["key"] for t in kept if t["effect"] == effect}
    new = [{"key": key, "effect": effect, "timeAdded": timestamps.time(now)} for key in due if key not in there]
    return None if not new and len(kept) == len(present) else [*kept, *new]
