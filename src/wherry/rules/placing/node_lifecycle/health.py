"""Is a node alive: what was last heard of it, by lease or status, and the conditions that silence leads to.

Called by the node lifecycle controller every few seconds. Silence counts from when a sign was seen here, on a clock that nobody sets, not
from what the node wrote: clocks may differ. Source of the rule: pkg/controller/nodelifecycle tryUpdateNodeHealth; https://kubernetes.io/docs/concepts/architecture/nodes/.
"""

from __future__ import annotations

from typing import NamedTuple

from wherry.api import objects, timestamps
from wherry.api.objects import Obj

#: seconds of silence until a node that had a status, or never had one, counts as unreachable
GRACE, STARTUP_GRACE = 40.0, 60.0
_TYPES = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")


class Health(NamedTuple):
    """`heartbeat`: of the Ready condition ("" when there is none); `renewed`: of the lease.

    `probe`: when the last sign was seen, in seconds of the steady clock.
    """

    heartbeat: str | None
    renewed: str
    probe: float


def observe(node: Obj, lease: Obj | None, before: Health | None, steady: float, now: float) -> Health:
    """`steady`, `now`: this moment on the steady and on the wall clock, in seconds."""
    ready = objects.condition(node, "Ready")
    heartbeat = (ready.get("lastHeartbeatTime") or "") if ready is not None else None
    renewed = ((lease or {}).get("spec") or {}).get("renewTime") or ""
    if before is None:
        age = 0.0 if ready is not None or renewed else now - timestamps.parse(node["metadata"]["creationTimestamp"])
        return Health(heartbeat, renewed, steady - age)
    sign = heartbeat != before.heartbeat or _later(renewed, before.renewed)
    return Health(heartbeat, renewed or before.renewed, steady if sign else before.probe)


def _later(new: str, old: str) -> bool:
    return bool(new) and (not old or timestamps.parse(new) > timestamps.parse(old))


def is_silent(node: Obj, health: Health, steady: float) -> bool:
    grace = STARTUP_GRACE if objects.condition(node, "Ready") is None else GRACE
    return steady > health.probe + grace


def ready_status(node: Obj) -> str:
    """Of the Ready condition; a node that never said anything is Unknown."""
    return (objects.condition(node, "Ready") or {}).get("status") or "Unknown"


def unknown(node: Obj, now: float) -> Obj | None:
    """The status of a silent node, or None when it is that already."""
    status = node.get("status") or {}
    if (ready := objects.condition(node, "Ready")) is not None and ready.get("status") == "Unknown":
        return None
    at = timestamps.time(now)
    found = [_stopped(c, at) if c["type"] in _TYPES else c for c in status.get("conditions") or ()]
    known = {c["type"] for c in found}
    found += [_never(node, type_, at) for type_ in _TYPES if type_ not in known]
    return {**status, "conditions": found}


def _stopped(condition: Obj, at: str) -> Obj:
    if condition.get("status") == "Unknown":
        return condition
    said = {"reason": "NodeStatusUnknown", "message": "Kubelet stopped posting node status."}
    return {**condition, "status": "Unknown", "lastTransitionTime": at, **said}


def _never(node: Obj, type_: str, at: str) -> Obj:
    return {"type": type_, "status": "Unknown", "lastHeartbeatTime": node["metadata"]["creationTimestamp"], "lastTransitionTime": at,
            "reason": "NodeStatusNeverUpdated", "message": "Kubelet never posted node status."}  # fmt: skip


def not_ready(pod: Obj, now: float) -> Obj | None:
    """The pod's status when its node is not ready: neither is the pod. None when it says so already, or nothing about it."""
    ready = objects.condition(pod, "Ready")
    if ready is None or ready.get("status") == "False":
        return None
    new = {**ready, "status": "False", "lastTransitionTime": timestamps.time(now)}
    status = pod["status"]
    return {**status, "conditions": [new if c is ready else c for c in status["conditions"]]}
