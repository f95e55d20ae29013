"""A DaemonSet as one reconciliation sees it: every node, whether it should have a pod, and the pods it has.

Made by `View.of`, read by the rules that create, delete and count. Invariant: `on` has only pods that are the DaemonSet's own business (a
finished pod that is on its way out is nobody's any more).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from wherry.api import objects
from wherry.api.objects import Obj
from wherry.rules.pods import state_of_replica as pod_state
from wherry.rules.workloads.daemonset import pod, strategy
from wherry.rules.workloads.daemonset.nodes import Verdict


class View(NamedTuple):
    """`code`: the hash of the present revision; `verdicts` and `on` by the node's name."""

    daemon_set: Obj
    code: str
    verdicts: dict[str, Verdict]
    on: dict[str, list[Obj]]
    now: float

    min_ready: int
    generation: str | None

    @staticmethod
    def of(daemon_set: Obj, code: str, verdicts: dict[str, Verdict], pods: Iterable[Obj], now: float) -> View:
        """`verdicts`: of all nodes (`nodes.Eligibility.of_all`)."""
        min_ready, generation = strategy.min_ready_seconds(daemon_set), strategy.template_generation(daemon_set)
        return View(daemon_set, code, verdicts, by_node(pods), now, min_ready, generation)

    def desired(self) -> int:
        """How many nodes should have a pod."""
        return sum(verdict.run for verdict in self.verdicts.values())

    def is_available(self, daemon_pod: Obj) -> bool:
        return pod_state.is_available(daemon_pod, self.min_ready, self.now)

    def is_updated(self, daemon_pod: Obj) -> bool:
        return pod.is_updated(daemon_pod, self.code, self.generation)


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
    return [p for p in pods if "deletionTimestamp" not in p["metadata"]]
