"""The conditions of a pod that its node writes: may start, initialized, containers ready, ready.

Called by `status`. What others wrote stays and comes first; `lastTransitionTime` moves only with the status.
Source of the rules and of the texts: pkg/kubelet/status/generate.go; https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-conditions.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from wherry.api.objects import Obj
from wherry.rules.pods.kubelet import resize
from wherry.rules.pods.kubelet.container import Container, Terminated, Waiting
from wherry.rules.pods.kubelet.resize import Resizing

_TARGET = "DisruptionTarget"
OWNED = (resize.PENDING, resize.IN_PROGRESS, "PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")


class Verdict(NamedTuple):
    true: bool
    reason: str = ""
    message: str = ""


YES = Verdict(True)


def _names(containers: Iterable[Container]) -> str:
    return "[" + " ".join(c.name for c in containers) + "]"


def initialized(containers: list[Container], phase: str) -> Verdict:
    incomplete = [c for c in containers if (c.role == "sidecar" and not c.started) or (c.role == "init" and not _succeeded(c))]
    if phase == "Succeeded":
        return Verdict(True, "PodCompleted")
    begun = any(c.role == "app" and (c.last is not None or not isinstance(c.state, Waiting)) for c in containers)
    if incomplete and not begun:
        return Verdict(False, "ContainersNotInitialized", f"containers with incomplete status: {_names(incomplete)}")
    return YES


def _succeeded(container: Container) -> bool:
    return isinstance(container.state, Terminated) and container.state.exit_code == 0


def containers_ready(containers: list[Container], phase: str) -> Verdict:
    if phase == "Succeeded":
        return Verdict(False, "PodCompleted")
    if phase == "Failed":
        return Verdict(False, "PodFailed")
    unready = [c for c in containers if c.role in ("app", "sidecar") and not c.ready]
    if unready:
        return Verdict(False, "ContainersNotReady", f"containers with unready status: {_names(unready)}")
    return YES


def ready(pod_spec: Obj, others: list[Obj], containers: Verdict) -> Verdict:
    """All containers are ready, and so is every readiness gate."""
    if not containers.true:
        return containers
    messages = []
    for gate in pod_spec.get("readinessGates") or ():
        type_ = gate["conditionType"]
        found = next((c for c in others if c["type"] == type_), None)
        if found is None:
            messages.append(f'corresponding condition of pod readiness gate "{type_}" does not exist.')
        elif found["status"] != "True":
            messages.append(f'the status of pod readiness gate "{type_}" is not "True", but {found["status"]}')
    return Verdict(False, "ReadinessGatesNotReady", ", ".join(messages)) if messages else YES


def condition(type_: str, verdict: Verdict, old: Obj | None, now: str, generation: int) -> Obj:
    """`generation` 0: not said."""
    status = "True" if verdict.true else "False"
    since = old.get("lastTransitionTime") if old is not None and old.get("status") == status else None
    return _entry(type_, verdict, since or now, generation)


@lru_cache(maxsize=4096)
def _entry(type_: str, verdict: Verdict, since: str, generation: int) -> Obj:
    """Shared: of the pods of a rollout many become ready in the same second."""
    entry: Obj = {"type": type_}
    if generation:
        entry["observedGeneration"] = generation
    entry["status"], entry["lastProbeTime"], entry["lastTransitionTime"] = "True" if verdict.true else "False", None, since
    if verdict.reason:
        entry["reason"] = verdict.reason
    if verdict.message:
        entry["message"] = verdict.message
    return entry


class Also(NamedTuple):
    """Conditions that are seldom there. `disrupted`: why the node ended the pod."""

    disrupted: str = ""
    resizing: Resizing | None = None


NOTHING_MORE = Also()


def _of_resize(resizing: Resizing, old: dict[str, Obj], now: str, generation: int) -> list[Obj]:
    if resizing.refusal is not None:
        verdict = Verdict(True, resizing.refusal.shown, resizing.refusal.message)
        return [condition(resize.PENDING, verdict, old.get(resize.PENDING), now, generation)]
    verdict = Verdict(True, resize.ERROR if resizing.error else "", resizing.error)
    return [condition(resize.IN_PROGRESS, verdict, old.get(resize.IN_PROGRESS), now, resizing.generation)]


def pod_conditions(pod: Obj, containers: list[Container], phase: str, now: str, *, networked: bool, full: bool,
                   also: Also = NOTHING_MORE) -> list[Obj]:
    """All conditions of the pod, in the order in which the kubelet writes them. `networked`: the pod has its sandbox and address."""
    old = {c["type"]: c for c in (pod.get("status") or {}).get("conditions") or ()}
    others = [c for c in old.values() if c["type"] not in OWNED]
    generation = (pod["metadata"].get("generation") or 0) if full else 0
    if also.disrupted:
        target = condition(_TARGET, Verdict(True, "TerminationByKubelet", also.disrupted), old.get(_TARGET), now, generation)
        others = [*(each for each in others if each["type"] != _TARGET), target]
    if also.resizing is not None:
        others += _of_resize(also.resizing, old, now, generation)
    complete = containers_ready(containers, phase)
    verdicts = (
        ("PodReadyToStartContainers", Verdict(networked)),
        ("Initialized", initialized(containers, phase)),
        ("Ready", ready(pod["spec"], others, complete)),
        ("ContainersReady", complete),
    )
    found = [condition(type_, verdict, old.get(type_), now, generation) for type_, verdict in verdicts]
    scheduled = old.get("PodScheduled")
    if scheduled is None or full or scheduled.get("status") != "True":
        scheduled = condition("PodScheduled", YES, scheduled, now, generation)
    return [*others, *found, scheduled]
