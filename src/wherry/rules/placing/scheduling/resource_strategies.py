"""How full a node may be: the scoring strategies of NodeResourcesFit over any resources with weights, and the balance between resources.

Made by `configuration`; the default strategy over cpu and memory alone is the cheaper `LeastAllocated`.
Source of the rules: pkg/scheduler/framework/plugins/noderesources (least_allocated.go, most_allocated.go,
requested_to_capacity_ratio.go, balanced_allocation.go, resource_allocation.go).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from wherry.rules.placing.scheduling.demand import Demand
from wherry.rules.placing.scheduling.node_info import NodeInfo
from wherry.rules.placing.scheduling.plugin import MAX_SCORE

#: requested and capacity to a score
Rate = Callable[[int, int], int]
#: (resource, weight)
Weights = tuple[tuple[str, int], ...]
#: (utilization in percent, score of 0..10), in rising order
Shape = tuple[tuple[int, int], ...]

_EVERYWHERE = frozenset(("cpu", "memory", "ephemeral-storage"))


def least(requested: int, capacity: int) -> int:
    return 0 if requested > capacity else (capacity - requested) * MAX_SCORE // capacity


def most(requested: int, capacity: int) -> int:
    return min(requested, capacity) * MAX_SCORE // capacity


def ratio(shape: Shape) -> Rate:
    """Linear between the points of the shape."""

    def rate(requested: int, capacity: int) -> int:
        used = 100 if requested > capacity else requested * 100 // capacity
        before: tuple[int, int] | None = None
        for at, score in ((at, score * 10) for at, score in shape):
            if used <= at:
                return score if before is None else before[1] + int((score - before[1]) * (used - before[0]) / (at - before[0]))
            before = (at, score)
        return before[1] if before is not None else 0

    return rate


class AllocationScore:
    """`skips_zero`: a resource that scores nothing does not count at all (requestedToCapacityRatio), and the mean is rounded."""

    name = "NodeResourcesFit"

    def __init__(self, weight: int, resources: Weights, rate: Rate, *, skips_zero: bool = False) -> None:
        self.weight = weight
        self._resources, self._rate, self._skips_zero = resources, rate, skips_zero

    def applies(self, demand: Demand) -> bool:
        return True

    def raw(self, demand: Demand, node: NodeInfo) -> int:
        total = weights = 0
        for resource, weight in self._resources:
            capacity = node.allocatable.get(resource, 0)
            asked = (demand.assumed if resource in ("cpu", "memory") else demand.requests).get(resource, 0)
            if not capacity or (not asked and resource not in _EVERYWHERE):
                continue
            score = self._rate(_used(node, resource) + asked, capacity)
            if score > 0 or not self._skips_zero:
                total += score * weight
                weights += weight
        if not weights:
            return 0
        return math.floor(total / weights + 0.5) if self._skips_zero else total // weights

    def combine(self, demand: Demand, raws: list[int], nodes: Sequence[NodeInfo]) -> list[int] | None:
        return raws


def _used(node: NodeInfo, resource: str) -> int:
    """A container that requests no cpu or memory counts as a small one."""
    if resource == "cpu":
        return node.assumed_cpu
    return node.assumed_memory if resource == "memory" else node.requested.get(resource, 0)


class BalanceScore:
    """Whether the pod brings the used shares of the resources closer together; says nothing of pods that request none of them."""

    name = "NodeResourcesBalancedAllocation"

    def __init__(self, weight: int, resources: tuple[str, ...]) -> None:
        self.weight = weight
        self._resources = resources

    def applies(self, demand: Demand) -> bool:
        return any(demand.requests.get(resource) for resource in self._resources)

    def raw(self, demand: Demand, node: NodeInfo) -> int:
        before, after = [], []
        for resource in self._resources:
            capacity, asked = node.allocatable.get(resource, 0), demand.requests.get(resource, 0)
            if capacity and (asked or resource in _EVERYWHERE):
                used = node.requested.get(resource, 0)
                before.append(min(used / capacity, 1.0))
                after.append(min((used + asked) / capacity, 1.0))
        return MAX_SCORE // 2 + (MAX_SCORE // 2 + _balance(after) - _balance(before)) // 2

    def combine(self, demand: Demand, raws: list[int], nodes: Sequence[NodeInfo]) -> list[int] | None:
        return raws


def _balance(shares: list[float]) -> int:
    """100 for equal shares, less the standard deviation."""
    if len(shares) < 2:
        return MAX_SCORE
    mean = sum(shares) / len(shares)
    deviation = math.sqrt(sum((share - mean) ** 2 for share in shares) / len(shares))
    return int((1 - deviation) * MAX_SCORE)
