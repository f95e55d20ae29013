"""Which module says it for which kind, and what is asked of all three alike."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from wherry.api.objects import Obj
from wherry.rules.workloads.deployment.replica_sets import by_revision, size
from wherry.rules.workloads.steps import daemon_set, deployment, stateful_set
from wherry.rules.workloads.steps.move import Fields, Move, NoSteps
from wherry.rules.workloads.steps.spec import Step
from wherry.rules.workloads.steps.view import View, available, share

_MODULES: dict[str, ModuleType] = {"Deployment": deployment, "StatefulSet": stateful_set, "DaemonSet": daemon_set}


def of(kind: str) -> Any:
    """Raises NoSteps."""
    if kind not in _MODULES:
        raise NoSteps(f"a {kind} is not rolled out in steps: only Deployments, StatefulSets and DaemonSets are")
    return _MODULES[kind]


def supports(kind: str, steps: tuple[Step, ...]) -> None:
    """Raises NoSteps for steps that objects of that kind cannot have."""
    of(kind)
    if kind != "Deployment" and any(step.kind == "preview" for step in steps):
        raise NoSteps(f"preview needs all new pods beside all old ones, which a {kind} cannot have: only a Deployment can")


def restored(own: Fields, *, unpause: bool = False) -> dict[str, Any]:
    """The owner's fields as they were."""
    return {**own, "paused": None} if unpause else dict(own)


def target(view: View, step: Step) -> int:
    return share(step.percent, view.wanted) if view.wanted else 0


def held(view: View, own: Fields, step: Step) -> Move:
    """The next write that brings the new pods to the step, or keeps them there. A switch stays at what the preview before it made."""
    if step.kind not in ("preview", "switch"):
        move: Move = of(view.kind).move(view, own, target(view, step))
        return move
    made = deployment.preview(view)
    if not made.arrived:
        return made
    ready, at = available(view.new_pods, own.get("minReadySeconds") or 0, view.now)
    return made if ready >= view.wanted else Move(at=at)


def stable(view: View) -> Obj | None:
    """The revision that runs beside the newest one: where an abort goes back to. None when there is none."""
    newest = view.newest
    others = [source for source in view.sources if newest is None or source["metadata"]["name"] != newest["metadata"]["name"]]
    if view.kind == "Deployment":
        running = [source for source in others if size(source)]
        return max(by_revision(running), key=size, default=None)
    if newest is None:
        return None
    if view.kind == "StatefulSet":
        current = (view.workload.get("status") or {}).get("currentRevision")
        return next((source for source in others if source["metadata"]["name"] == current), None)
    return max((source for source in others if view.of(source)), key=lambda source: (len(view.of(source)), source.get("revision", 0)),
               default=None)
