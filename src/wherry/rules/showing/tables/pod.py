"""Rows of pods: readiness, the one word that sums up a pod's state, restarts.

Called through `tables.row`. The status word is the most telling thing: a deletion, a container's trouble, an init container's
progress, else the phase. Source: pkg/printers/internalversion/printers.go printPod.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wherry.api import timestamps
from wherry.api.objects import Obj
from wherry.rules.showing.tables.cells import NONE, age, labels_text, name, part, spec, status
from wherry.rules.showing.tables.cells import containers as container_cells
from wherry.rules.showing.tables.column import AGE, NAME, Column, Printer, doc, text, wide
from wherry.rules.texts import age as duration

_COLUMNS: tuple[Column, ...] = (
    NAME,
    text("Ready", "The aggregate readiness state of this pod for accepting traffic."),
    text("Status", "The aggregate status of the containers in this pod."),
    text(
        "Restarts",
        "The number of times the containers in this pod have been restarted and when the last container in this pod has restarted.",
    ),
    AGE,
    wide("IP", doc("core.v1.PodStatus", "podIP")),
    wide("Node", doc("core.v1.PodSpec", "nodeName")),
    wide("Nominated Node", doc("core.v1.PodStatus", "nominatedNodeName")),
    wide("Readiness Gates", doc("core.v1.PodSpec", "readinessGates")),
)
_TERMINAL = ("Succeeded", "Failed")
#: what the node controller writes into the status of pods on a node it lost
_NODE_LOST = "NodeLost"


@dataclass(slots=True)
class _Tally:
    """What counting through a pod's containers gathers."""

    reason: str
    ready: int = 0
    restarts: int = 0
    last_restart: float = 0.0

    def restarted(self, container: Obj) -> None:
        self.restarts += container.get("restartCount", 0)
        finished = part(container, "lastState", "terminated").get("finishedAt")
        if finished:
            self.last_restart = max(self.last_restart, timestamps.parse(finished))


def _conditions(pod: Obj) -> Sequence[Obj]:
    return status(pod).get("conditions") or ()


def _has(pod: Obj, type_: str) -> bool:
    return any(c.get("type") == type_ and c.get("status") == "True" for c in _conditions(pod))


def _initialized(pod: Obj) -> bool:
    found = next((c for c in _conditions(pod) if c.get("type") == "Initialized"), None)
    return found is not None and found.get("status") == "True"


def _ended(terminated: Obj) -> str:
    """Why a container ended: its reason, else its signal, else its exit code."""
    if terminated.get("reason"):
        return terminated["reason"]  # type: ignore[no-any-return]
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated.get('exitCode', 0)}"


def _base_reason(pod: Obj) -> str:
    state = status(pod)
    if any(c.get("type") == "PodScheduled" and c.get("reason") == "SchedulingGated" for c in _conditions(pod)):
        return "SchedulingGated"
    return state.get("reason") or state.get("phase", "")  # type: ignore[no-any-return]


def _init_reason(container: Obj, index: int, total: int) -> str:
    """What an init container that is not through yet says."""
    state = container.get("state") or {}
    if "terminated" in state:
        return "Init:" + _ended(state["terminated"])
    waiting = part(state, "waiting").get("reason")
    if waiting and waiting != "PodInitializing":
        return f"Init:{waiting}"
    return f"Init:{index}/{total}"


def _count_init(pod: Obj, sidecars: set[str], tally: _Tally, sidecar_tally: _Tally) -> bool:
    """Counts init containers up to the first one that is not through; True when there is one."""
    for index, container in enumerate(status(pod).get("initContainerStatuses") or ()):
        sidecar = container.get("name") in sidecars
        tally.restarted(container)
        if sidecar:
            sidecar_tally.restarted(container)
        terminated = part(container, "state").get("terminated")
        if terminated is not None and not terminated.get("exitCode"):
            continue
        if sidecar and container.get("started"):
            tally.ready += bool(container.get("ready"))
            continue
        tally.reason = _init_reason(container, index, len(spec(pod).get("initContainers") or ()))
        return True
    return False


def _count_main(pod: Obj, tally: _Tally) -> None:
    """Counts the main containers, last first: the first one's trouble is what shows."""
    running, error = False, ""
    for container in reversed(status(pod).get("containerStatuses") or ()):
        tally.restarted(container)
        state = container.get("state") or {}
        waiting = part(state, "waiting").get("reason")
        if waiting:
            tally.reason = waiting
        elif state.get("terminated") is not None:
            tally.reason = _ended(state["terminated"])
            if state["terminated"].get("exitCode"):
                error = tally.reason
        elif container.get("ready") and state.get("running") is not None:
            running = True
            tally.ready += 1
    if tally.reason == "Completed":
        if running and _has(pod, "Ready"):
            tally.reason = "Running"
        elif error:
            tally.reason = error
        elif running:
            tally.reason = "NotReady"


def _tally(pod: Obj, sidecars: set[str]) -> _Tally:
    tally, sidecar_tally = _Tally(_base_reason(pod)), _Tally("")
    initializing = _count_init(pod, sidecars, tally, sidecar_tally)
    if not initializing or _initialized(pod):
        tally.restarts, tally.last_restart = sidecar_tally.restarts, sidecar_tally.last_restart
        _count_main(pod, tally)
    if pod["metadata"].get("deletionTimestamp"):
        if status(pod).get("reason") == _NODE_LOST:
            tally.reason = "Unknown"
        elif status(pod).get("phase") not in _TERMINAL:
            tally.reason = "Terminating"
    return tally


def _gates(pod: Obj) -> str:
    gates = spec(pod).get("readinessGates") or ()
    if not gates:
        return NONE
    states: dict[str, str] = {}
    for condition in _conditions(pod):
        states.setdefault(condition.get("type", ""), condition.get("status", ""))
    return f"{sum(states.get(gate.get('conditionType', '')) == 'True' for gate in gates)}/{len(gates)}"


def _cells(pod: Obj, now: float) -> list[Any]:
    sidecars = {c["name"] for c in spec(pod).get("initContainers") or () if c.get("restartPolicy") == "Always"}
    tally = _tally(pod, sidecars)
    restarts = str(tally.restarts)
    if tally.restarts and tally.last_restart:
        restarts = f"{restarts} ({duration.human(now - tally.last_restart)} ago)"
    total = len(spec(pod).get("containers") or ()) + len(sidecars)
    ips = status(pod).get("podIPs") or ()
    return [
        name(pod), f"{tally.ready}/{total}", tally.reason, restarts, age(pod, now),
        (ips[0].get("ip") if ips else "") or NONE,
        spec(pod).get("nodeName") or NONE,
        status(pod).get("nominatedNodeName") or NONE,
        _gates(pod),
    ]  # fmt: skip


_ENDS = {
    "Succeeded": "The pod has completed successfully.",
    "Failed": "The pod failed.",
}


def row_conditions(pod: Obj) -> list[Obj]:
    """Pods that ended are marked, so that clients may hide them."""
    phase = status(pod).get("phase", "")
    if phase not in _ENDS:
        return []
    return [{"type": "Completed", "status": "True", "reason": phase, "message": _ENDS[phase]}]


def _template_cells(obj: Obj, now: float) -> list[Any]:
    template = part(obj, "template")
    return [name(obj), *container_cells(part(template, "spec")), labels_text(part(template, "metadata").get("labels"))]


PRINTERS = {
    "Pod": Printer(_COLUMNS, _cells, row_conditions),
    "PodTemplate": Printer(
        (
            NAME,
            text("Containers", "Names of each container in the template."),
            text("Images", "Images referenced by each container in the template."),
            text("Pod Labels", "The labels for the pod template."),
        ),
        _template_cells,
    ),
}
