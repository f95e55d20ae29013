"""The end of a node in order: which pods end together, by priority, and how long each group may take.

Called when a node is told to end. Lower priorities end first. Source: pkg/kubelet/nodeshutdown (groupByPriority);
https://kubernetes.io/docs/concepts/cluster-administration/node-shutdown/#pod-priority-graceful-node-shutdown.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from wherry.api.objects import Obj
from wherry.rules.pods.kubelet.configuration import ShutdownStep

REASON = "Terminated"
MESSAGE = "Pod was terminated in response to imminent node shutdown."
#: of pods that come while it ends
NOT_ADMITTED_REASON, NOT_ADMITTED = "NodeShutdown", "Pod was rejected as the node is shutting down."
NOT_READY = "node is shutting down"


class Group(NamedTuple):
    seconds: float
    pods: tuple[Obj, ...]


def groups(steps: Sequence[ShutdownStep], pods: Iterable[Obj]) -> list[Group]:
    """In the order in which they end, without those that are empty."""
    found: list[list[Obj]] = [[] for _ in steps]
    for pod in pods:
        priority = pod["spec"].get("priority") or 0
        below = [number for number, step in enumerate(steps) if step.priority <= priority]
        found[below[-1] if below else 0].append(pod)
    return [Group(step.seconds, tuple(those)) for step, those in zip(steps, found, strict=True) if those]


def grace(group: Group, pod: Obj) -> float:
    """Seconds that a pod gets: its own, if that is less than its group's."""
    own = pod["spec"].get("terminationGracePeriodSeconds")
    return min(group.seconds, own) if own is not None else group.seconds
