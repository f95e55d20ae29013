"""What a DaemonSet's reconciliation does now: the pods to create and the pods to delete.

Called by the DaemonSet controller once pods, nodes and revision are known. First every node gets what it needs; only when nothing is to
do there, the rolling update takes its next step. At most BURST pods are created and deleted in one go; the rest follows after those.
Source of the rule: pkg/controller/daemon manage, syncNodes, updateDaemonSet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from wherry.api.objects import Obj
from wherry.rules.objects.plan import Create, Delete, Emit
from wherry.rules.workloads.daemonset import strategy, surge
from wherry.rules.workloads.daemonset.backoff import Pause, Pauses
from wherry.rules.workloads.daemonset.manage import needs
from wherry.rules.workloads.daemonset.pod import Maker
from wherry.rules.workloads.daemonset.rolling import replacements
from wherry.rules.workloads.daemonset.view import View

BURST = 250


@dataclass(frozen=True, slots=True)
class Decision:
    """`creates` and `deletes` are independent of each other; `pauses`: new ones after failed pods, to be kept by the controller."""

    events: tuple[Emit, ...] = ()
    creates: tuple[Create, ...] = ()
    deletes: tuple[Delete, ...] = ()
    pauses: dict[str, Pause] = field(default_factory=dict)
    requeue_after: float | None = None


def decide(view: View, pauses: Pauses, names: Iterator[str]) -> Decision:
    """`names` gives 5 random characters at a time. Raises ValueError for a strategy that says nonsense."""
    found = needs(view, pauses)
    nodes, pods = found.nodes, found.pods
    if not nodes and not pods and strategy.is_rolling(view.daemon_set):
        nodes, pods = _update(view)
    creates, deletes = _create(view, nodes[:BURST], names), tuple(map(Delete, pods[:BURST]))
    return Decision(tuple(found.events), creates, deletes, found.pauses, min(found.waits, default=None))


def _update(view: View) -> tuple[list[str], list[Obj]]:
    if all(view.is_updated(pod) for pods in view.on.values() for pod in pods):
        return [], []
    max_surge, max_unavailable = strategy.limits(view.daemon_set, view.desired())
    return surge.steps(view, max_surge) if max_surge else ([], replacements(view, max_unavailable))


def _create(view: View, nodes: Iterable[str], names: Iterator[str]) -> tuple[Create, ...]:
    maker = Maker(view.daemon_set, view.code)
    return tuple(Create(maker.pod(node, next(names))) for node in nodes)
