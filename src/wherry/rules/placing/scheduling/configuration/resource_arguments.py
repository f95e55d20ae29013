"""The arguments about resources: which are ignored, and how nodes are scored by them.

Called by `arguments` for NodeResourcesFitArgs and NodeResourcesBalancedAllocationArgs.
Source of the rule: pkg/scheduler/apis/config/validation ValidateNodeResourcesFitArgs, validateFunctionShape.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from wherry.rules.objects.names import qualified_name
from wherry.rules.placing.scheduling.configuration.fields import Fields
from wherry.rules.placing.scheduling.resource_strategies import Shape, Weights

CPU_AND_MEMORY: Weights = (("cpu", 1), ("memory", 1))
STRATEGIES = ("LeastAllocated", "MostAllocated", "RequestedToCapacityRatio")


class FitArguments(NamedTuple):
    strategy: str = "LeastAllocated"
    weights: Weights = CPU_AND_MEMORY
    shape: Shape = ()
    ignored: tuple[str, ...] = ()
    ignored_groups: tuple[str, ...] = ()


def weights(fields: Fields, default: Weights) -> Weights:
    """Resources and their weights; no weight is 1."""
    found = []
    for path, item in fields.items("resources"):
        entry = Fields(item, path, ("name", "weight"), fields.faults)
        name, weight = entry.text("name"), entry.integer("weight", 1, 0, 100) or 1
        if not name:
            entry.fault("name", "must not be empty")
        found.append((name, weight))
    return tuple(found) or default


def fit(args: Fields) -> FitArguments:
    ignored, groups = _names(args, "ignoredResources"), _names(args, "ignoredResourceGroups")
    for i, group in enumerate(groups):
        if "/" in group:
            args.fault(f"ignoredResourceGroups[{i}]", "must not contain /")
    strategy = args.within("scoringStrategy", ("type", "resources", "requestedToCapacityRatio"))
    kind = strategy.text("type", "" if args.has("scoringStrategy") else "LeastAllocated")
    if kind not in STRATEGIES:
        strategy.fault("type", f'must be one of {", ".join(STRATEGIES)}, not "{kind}"')
    return FitArguments(kind, weights(strategy, CPU_AND_MEMORY), _shape(strategy, kind), ignored, groups)


def _names(args: Fields, name: str) -> tuple[str, ...]:
    found = []
    for path, item in args.items(name):
        if not isinstance(item, str):
            args.faults.add(path, "must be a string")
            continue
        for why in qualified_name(item):
            args.faults.add(path, why)
        found.append(item)
    return tuple(found)


def _shape(strategy: Fields, kind: str) -> Shape:
    name = "requestedToCapacityRatio"
    if kind != "RequestedToCapacityRatio":
        if strategy.has(name):
            strategy.fault(name, "must be there only when the type is RequestedToCapacityRatio")
        return ()
    given = strategy.within(name, ("shape",))
    points = []
    for path, item in given.items("shape"):
        point = Fields(item, path, ("utilization", "score"), given.faults)
        points.append((point.integer("utilization", 0, 0, 100), point.integer("score", 0, 0, 10)))
    if not points:
        given.fault("shape", "must have at least one point")
    if any(a[0] >= b[0] for a, b in pairwise(points)):
        given.fault("shape", "must be sorted by utilization, each one once")
    return tuple(points)
