"""For how many seconds kubelets may use Secrets and ConfigMaps that they have read: the larger the cluster, the longer.

Called by `wherry.controllers.node_ttl`. A count of nodes between two steps keeps the step that was reached.
Source of the rule: pkg/controller/ttl.
"""

from __future__ import annotations

from typing import NamedTuple

from wherry.api.objects import Obj, annotations_of
from wherry.api.options import MERGE_PATCH
from wherry.rules.objects.plan import NOTHING, Patch, Plan

TTL = "node.alpha.kubernetes.io/ttl"


class Step(NamedTuple):
    """Holds while there are at least `least` and at most `most` nodes."""

    least: int
    most: float
    seconds: int


STEPS = (Step(0, 100, 0), Step(90, 500, 15), Step(450, 1000, 30), Step(900, 2000, 60), Step(1800, float("inf"), 300))


def next_step(step: int, nodes: int) -> int:
    """The index of the step for that many nodes, coming from `step`."""
    while nodes > STEPS[step].most:
        step += 1
    while nodes < STEPS[step].least:
        step -= 1
    return step


def plan(node: Obj, step: int) -> Plan:
    wanted = str(STEPS[step].seconds)
    if annotations_of(node).get(TTL) == wanted:
        return NOTHING
    return Plan((Patch(node, {"metadata": {"annotations": {TTL: wanted}}}, MERGE_PATCH),))
