"""Resources: does the pod fit (NodeResourcesFit), on the emptiest node (least allocated), at the best balance (BalancedAllocation).

Source of the rules and of the texts: pkg/scheduler/framework/plugins/noderesources (fit.go, least_allocated.go, balanced_allocation.go).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from wherry.rules.placing.scheduling.demand import Demand
from wherry.rules.placing.scheduling.node_info import NodeInfo
from wherry.rules.placing.scheduling.plugin import MAX_SCORE, Rejection

_TOO_MANY_PODS = "Too many pods"
_ORDER = ("cpu", "memory", "ephemeral-storage")


class NodeResourcesFit:
    """Filter: the node has a place left and enough of everything requested.

    Extended resources that are `ignored`, or in an ignored group (what is before the slash), are not looked at.
    """

    name = "NodeResourcesFit"

    def __init__(self, ignored: Collection[str] = (), ignored_groups: Collection[str] = ()) -> None:
        self._ignored, self._ignored_groups = frozenset(ignored), frozenset(ignored_groups)

    def _ignores(self, resource: str) -> bool:
        if not self._ignored and not self._ignored_groups:
            return False
        group, slash, _ = resource.partition("/")
        extended = bool(slash) and "kubernetes.io" not in group
        return extended and (resource in self._ignored or group in self._ignored_groups)

    def check(self, demand: Demand, node: NodeInfo) -> Rejection | None:
        full = len(node.pods) + 1 > node.max_pods
        if not full:
            requested, allocatable = node.requested, node.allocatable
            for resource, amount in demand.requests.items():
                if amount > allocatable.get(resource, 0) - requested.get(resource, 0) and amount and not self._ignores(resource):
                    break
            else:
                return None
        return self._why(demand, node, full)

    def _why(self, demand: Demand, node: NodeInfo, full: bool) -> Rejection:
        reasons = [_TOO_MANY_PODS] if full else []
        resolvable = True
        asked = demand.requests
        for resource in (*(r for r in _ORDER if r in asked), *(r for r in asked if r not in _ORDER)):
            offered = node.allocatable.get(resource, 0)
            if asked[resource] and asked[resource] > offered - node.requested.get(resource, 0) and not self._ignores(resource):
                reasons.append(f"Insufficient {resource}")
                resolvable = resolvable and asked[resource] <= offered
        return Rejection(self.name, tuple(reasons), resolvable)


class LeastAllocated:
    """Score: the share of cpu and memory that stays free; a container that requests nothing counts as a small one."""

    name = "NodeResourcesFit"

    def __init__(self, weight: int = 1) -> None:
        self.weight = weight

    def applies(self, demand: Demand) -> bool:
        return True

    def raw(self, demand: Demand, node: NodeInfo) -> int:
        total = parts = 0
        for resource, used in (("cpu", node.assumed_cpu), ("memory", node.assumed_memory)):
            capacity = node.allocatable.get(resource, 0)
            if capacity:
                parts += 1
                left = capacity - used - demand.assumed.get(resource, 0)
                total += max(left, 0) * MAX_SCORE // capacity
        return total // parts if parts else 0

    def combine(self, demand: Demand, raws: list[int], nodes: Sequence[NodeInfo]) -> list[int] | None:
        return raws


class BalancedAllocation:
    """Score: whether the pod brings the used shares of cpu and memory closer together; says nothing of pods that request neither."""

    name = "NodeResourcesBalancedAllocation"

    def __init__(self, weight: int = 1) -> None:
        self.weight = weight

    def applies(self, demand: Demand) -> bool:
        return bool(demand.requests.get("cpu") or demand.requests.get("memory"))

    def raw(self, demand: Demand, node: NodeInfo) -> int:
        cpu, memory = node.requested.get("cpu", 0), node.requested.get("memory", 0)
        after = _balance(node, cpu + demand.requests.get("cpu", 0), memory + demand.requests.get("memory", 0))
        return MAX_SCORE // 2 + (MAX_SCORE // 2 + after - _balance(node, cpu, memory)) // 2

    def combine(self, demand: Demand, raws: list[int], nodes: Sequence[NodeInfo]) -> list[int] | None:
        return raws


def _balance(node: NodeInfo, cpu: int, memory: int) -> int:
    """100 for equal shares; 50 when one is used up and the other is free."""
    cpu_offered, memory_offered = node.allocatable.get("cpu", 0), node.allocatable.get("memory", 0)
    if not cpu_offered or not memory_offered:
        return MAX_SCORE
    deviation = abs(min(cpu / cpu_offered, 1.0) - min(memory / memory_offered, 1.0)) / 2
    return int((1 - deviation) * MAX_SCORE)
