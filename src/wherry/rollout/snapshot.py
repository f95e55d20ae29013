"""A rollout at one moment, as typed values: its revisions with their pods, its deadline, what holds it up, what was told of it. Pure.

Called by `watching` for every change; the live screen, its plain lines and the JSON stream show it, and the guard judges it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from wherry.api import timestamps
from wherry.api.objects import Obj, annotations_of
from wherry.rollout import deadline
from wherry.rollout.causes import Cause
from wherry.rollout.errors import Failed
from wherry.rollout.held_up import is_of, is_ready, of_rollout, own_pods
from wherry.rollout.progress import progress
from wherry.rollout.revisions import Revision
from wherry.rollout.step_status import StepsStatus, read_steps, status_of
from wherry.rules.workloads.steps.state import STATE
from wherry.rules.workloads.steps.view import View

#: events that are shown
TOLD = 5
#: of other kinds (pods, ReplicaSets) what goes well is too much to show
_TELLING = ("Deployment", "StatefulSet", "DaemonSet")


@dataclass(frozen=True, slots=True)
class Line:
    """One revision. `wanted`: pods its ReplicaSet is to have (of other kinds: 0). `trouble`: the reason most of its pods are not ready."""

    revision: int
    name: str
    images: tuple[str, ...]
    newest: bool
    wanted: int
    ready: int
    starting: int
    terminating: int
    restarts: int
    trouble: str = ""

    @property
    def pods(self) -> int:
        return self.ready + self.starting + self.terminating


@dataclass(frozen=True, slots=True)
class Told:
    """An event. `last`: seconds since 1970."""

    last: float
    type: str
    reason: str
    about: str
    message: str
    count: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`failed`: why the rollout is over without success, "" while it is not. `deadline_left`: seconds, None without a deadline.

    `steps`: where it stands in its steps (see `wherry rollout steps`), None without any.
    """

    object: str
    message: str
    done: bool
    failed: str
    generation: int
    wanted: int
    updated: int
    available: int
    revisions: tuple[Line, ...]
    deadline_left: float | None
    causes: tuple[Cause, ...]
    events: tuple[Told, ...]
    steps: StepsStatus | None = None

    @property
    def newest(self) -> Line | None:
        return next((line for line in self.revisions if line.newest), None)

    @property
    def ready(self) -> int:
        return sum(line.ready for line in self.revisions)

    @property
    def over(self) -> bool:
        return self.done or bool(self.failed)


def snapshot(workload: Obj, shown: str, revisions: Sequence[Revision], newest: Obj | None, pods: Iterable[Obj], events: Sequence[Obj],
             now: float, *, budgets: Iterable[Obj] = (), nodes: Iterable[Obj] = ()) -> Snapshot:
    """`shown`: `deployments/web`. `events`: of the namespace. Raises RolloutError for a kind or strategy without status."""
    own = own_pods(workload, pods, (r.source for r in revisions))
    current = newest["metadata"]["name"] if newest is not None else ""
    steps = _steps(workload, [r.source for r in revisions], own, now)
    message, done, failed = _state(workload, current, steps)
    told = _sorted(events)
    causes = () if done else tuple(of_rollout(workload, newest, own, told, budgets=budgets, nodes=nodes, now=now))
    lines = tuple(line for r in revisions if (line := _line(r, newest, own, causes)).pods or line.newest or line.wanted)
    wanted, updated, available = _counts(workload)
    names = {workload["metadata"]["name"], *(r.source["metadata"]["name"] for r in revisions), *(p["metadata"]["name"] for p in own)}
    since = deadline.template_written(workload)
    return Snapshot(shown, message, done, failed, workload["metadata"].get("generation", 0), wanted, updated, available, lines,
                    deadline.left(workload, now, current) if workload["kind"] == "Deployment" else None, causes,
                    _told(told, names, since), steps)


def _steps(workload: Obj, sources: Sequence[Obj], pods: Sequence[Obj], now: float) -> StepsStatus | None:
    """Where it stands in its steps; None when it has none, or they are over."""
    if STATE not in annotations_of(workload):
        return None
    found = status_of(View(workload, sources, pods, now), read_steps(workload))
    return None if found.is_over else found


def _state(workload: Obj, newest: str, steps: StepsStatus | None) -> tuple[str, bool, str]:
    """The reference's sentence, whether the rollout is done, and why it failed. A deadline of the rollout before does not count.

    What holds a StatefulSet or a DaemonSet at a step looks to the reference as if it were done, or were none.
    """
    if steps is not None and workload["kind"] != "Deployment":
        return str(steps), False, ""
    try:
        step = progress(workload)
    except Failed as error:
        if deadline.struck(workload, newest):
            return str(error), False, str(error)
        step = progress(workload, heed=False)
    return step.message, step.done, ""


def _counts(workload: Obj) -> tuple[int, int, int]:
    status = workload.get("status") or {}
    if workload["kind"] == "DaemonSet":
        return status.get("desiredNumberScheduled", 0), status.get("updatedNumberScheduled", 0), status.get("numberAvailable", 0)
    return workload["spec"].get("replicas", 1), status.get("updatedReplicas", 0), status.get("availableReplicas", 0)


def _line(revision: Revision, newest: Obj | None, pods: Sequence[Obj], causes: Iterable[Cause]) -> Line:
    source = revision.source
    own = [pod for pod in pods if is_of(pod, source)]
    leaving = [pod for pod in own if pod["metadata"].get("deletionTimestamp")]
    staying = [pod for pod in own if not pod["metadata"].get("deletionTimestamp") and _alive(pod)]
    ready = sum(is_ready(pod) for pod in staying)
    names = {pod["metadata"]["name"] for pod in staying}
    is_newest = newest is not None and newest["metadata"]["name"] == source["metadata"]["name"]
    reasons = [c.reason for c in causes if c.pod in names and c.kind != "budget"] or [c.reason for c in causes if is_newest and not c.pod]
    wanted = source["spec"].get("replicas", 0) if source["kind"] == "ReplicaSet" else 0
    trouble = max(set(reasons), key=lambda r: (reasons.count(r), r)) if reasons else ""
    return Line(revision.number, source["metadata"]["name"], tuple(revision.images), is_newest, wanted, ready, len(staying) - ready,
                len(leaving), sum(map(restarts, staying)), trouble)


def _alive(pod: Obj) -> bool:
    return (pod.get("status") or {}).get("phase") not in ("Failed", "Succeeded")


def restarts(pod: Obj) -> int:
    """Of all its containers."""
    status = pod.get("status") or {}
    return sum(c.get("restartCount", 0) for f in ("initContainerStatuses", "containerStatuses") for c in status.get(f) or ())


def _sorted(events: Iterable[Obj]) -> list[Obj]:
    return sorted(events, key=_moment)


def _moment(event: Obj) -> float:
    text = event.get("lastTimestamp") or event.get("eventTime") or (event.get("metadata") or {}).get("creationTimestamp") or ""
    return timestamps.parse(text) if text else 0.0


def _told(events: Sequence[Obj], names: set[str], since: float | None) -> tuple[Told, ...]:
    """The last warnings about the workload, its revisions and its pods, and what its controller told, since the template was written."""
    kept = [e for e in events if (e.get("involvedObject") or {}).get("name") in names and (since is None or _moment(e) >= since)
            and (e.get("type") != "Normal" or e["involvedObject"].get("kind") in _TELLING)]
    return tuple(Told(_moment(e), str(e.get("type", "")), str(e.get("reason", "")),
                      f"{str(e['involvedObject'].get('kind', '')).lower()}/{e['involvedObject'].get('name', '')}",
                      " ".join(str(e.get("message", "")).split()), int(e.get("count") or 1)) for e in kept[-TOLD:])


