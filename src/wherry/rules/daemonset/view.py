"""A DaemonSet as one reconciliation sees it: every node, whether it should have a pod, and the pods it has.

Made by `View.of`, read by the rules that create, delete and count. Invariant: `on` has only pods that are the DaemonSet's own business (a
finished pod that is on its way out is nobody's any more).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from wherry.api import objects
from wherry.api.objects import Obj
from wherry.rules.daemonset import pod, strategy
from wherry.rules.daemonset.nodes import Eligibility, Verdict
from wherry.rules.replicaset import pod_state


@dataclass(frozen=True, slots=True)
class View:
    """`code`: the hash of the present revision; `verdicts` and `on` by the node's name."""

    daemon_set: Obj
    code: str
    verdicts: dict[str, Verdict]
    on: dict[str, list[Obj]]
    now: float

    @staticmethod
    def of(daemon_set: Obj, code: str, nodes: Iterable[Obj], pods: Iterable[Obj], now: float) -> View:
        ask = Eligibility(daemon_set["spec"]["template"])
        return View(daemon_set, code, {objects.name(node): ask.of(node) for node in nodes}, by_node(pods), now)

    def desired(self) -> int:
        """How many nodes should have a pod."""
        return sum(verdict.run for verdict in self.verdicts.values())

    def is_available(self, daemon_pod: Obj) -> bool:
        return pod_state.is_available(daemon_pod, strategy.min_ready_seconds(self.daemon_set), self.now)

    def is_updated(self, daemon_pod: Obj) -> bool:
        return pod.is_updated(daemon_pod, self.code, strategy.template_generation(self.daemon_set))


def by_node(pods: Iterable[Obj]) -> dict[str, list[Obj]]:
    """The pods of each node, those apart that are over and gone, and those that name no node."""
    found: dict[str, list[Obj]] = {}
    for each in pods:
        if objects.is_deleting(each) and pod_state.is_terminal(each):
            continue
        if node := pod.target_node(each):
            found.setdefault(node, []).append(each)
    return found


def staying(pods: Sequence[Obj]) -> list[Obj]:
    """Those that nobody has deleted."""
    return [p for p in pods if not objects.is_deleting(p)]
