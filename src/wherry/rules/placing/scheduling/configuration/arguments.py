"""The arguments of plug-ins (`pluginConfig`), checked and with their defaults.

Called by `profiles`, a profile at a time.
Source of the rules: pkg/scheduler/apis/config/v1/defaults.go, validation/validation_pluginargs.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from wherry.api.objects import Obj
from wherry.rules.placing.scheduling.configuration import resource_arguments
from wherry.rules.placing.scheduling.configuration.affinity_arguments import node_affinity
from wherry.rules.placing.scheduling.configuration.fields import Fields
from wherry.rules.placing.scheduling.configuration.plugins import unknown
from wherry.rules.placing.scheduling.configuration.resource_arguments import CPU_AND_MEMORY, FitArguments
from wherry.rules.schema.validation.pods.affinity import spread_constraints
from wherry.rules.texts.go_duration import nanoseconds

API_VERSION = "kubescheduler.config.k8s.io/v1"
_CONSTRAINT = ("maxSkew", "topologyKey", "whenUnsatisfiable", "labelSelector", "minDomains", "nodeAffinityPolicy", "nodeTaintsPolicy",
               "matchLabelKeys")  # fmt: skip


class Arguments(NamedTuple):
    """`spread` None: the built-in default constraints. `added`: a node affinity for all pods."""

    fit: FitArguments = FitArguments()
    balanced: tuple[str, ...] = ("cpu", "memory")
    spread: tuple[Obj, ...] | None = None
    added: Obj | None = None
    hard_weight: int = 1
    own_only: bool = False
    candidates_percent: int = 10
    candidates_least: int = 100
    bind_timeout: float = 600.0


def arguments_of(profile: Fields) -> Arguments:
    found: dict[str, Any] = {}
    seen: set[str] = set()
    for path, item in profile.items("pluginConfig"):
        entry = Fields(item, path, ("name", "args"), profile.faults)
        name = entry.text("name")
        if name in seen:
            entry.fault("name", f'the arguments of "{name}" are there twice')
        seen.add(name)
        if why := unknown(name):
            entry.fault("name", why)
        elif name not in _READERS:
            entry.fault("name", f'plug-in "{name}" takes no arguments')
        else:
            fields, read = _READERS[name]
            found |= read(_typed(entry, name, fields))
    return Arguments(**found)


def _typed(entry: Fields, plugin: str, fields: tuple[str, ...]) -> Fields:
    args = entry.within("args", ("apiVersion", "kind", *fields))
    for name, wanted in (("apiVersion", API_VERSION), ("kind", f"{plugin}Args")):
        if args.text(name, wanted) != wanted:
            args.fault(name, f"must be {wanted}")
    return args


def _balanced(args: Fields) -> dict[str, Any]:
    weights = resource_arguments.weights(args, CPU_AND_MEMORY)
    for i, (_, weight) in enumerate(weights):
        if weight != 1:
            args.fault(f"resources[{i}].weight", "must be 1")
    names = tuple(name for name, _ in weights)
    if len(set(names)) < len(names):
        args.fault("resources", "a resource is there twice")
    return {"balanced": names}


def _spread(args: Fields) -> dict[str, Any]:
    kind = args.text("defaultingType", "System")
    if kind not in ("System", "List"):
        args.fault("defaultingType", f"must be System or List, not {kind}")
    before, constraints = len(args.faults), []
    for path, item in args.items("defaultConstraints"):
        constraint = Fields(item, path, _CONSTRAINT, args.faults)
        constraint.integer("maxSkew", 0)
        for name in ("topologyKey", "whenUnsatisfiable"):
            constraint.text(name)
        for name in ("labelSelector", "matchLabelKeys"):
            if constraint.has(name):
                constraint.fault(name, "must not be there: which pods are meant follows from each pod")
        constraints.append(item)
    if len(args.faults) > before:
        return {}
    for cause in spread_constraints(constraints, args.at("defaultConstraints")):
        args.faults.add(cause.field, cause.message)
    if kind == "System" and constraints:
        args.fault("defaultingType", "must be List when there are defaultConstraints")
    return {"spread": tuple(constraints) if kind == "List" else None}


def _inter_pod(args: Fields) -> dict[str, Any]:
    own_only = args.flag("ignorePreferredTermsOfExistingPods")
    return {"hard_weight": args.integer("hardPodAffinityWeight", 1, 0, 100), "own_only": own_only}


def _preemption(args: Fields) -> dict[str, Any]:
    percent, least = args.integer("minCandidateNodesPercentage", 10, 0, 100), args.integer("minCandidateNodesAbsolute", 100, 0)
    if not percent and not least:
        args.fault("minCandidateNodesPercentage", "must not be 0 together with minCandidateNodesAbsolute")
    return {"candidates_percent": percent, "candidates_least": least}


def _volume_binding(args: Fields) -> dict[str, Any]:
    if args.has("shape"):
        args.fault("shape", "volumes are not scored by capacity: the feature gate StorageCapacityScoring is off")
    return {"bind_timeout": float(args.integer("bindTimeoutSeconds", 600, 0))}


def _devices(args: Fields) -> dict[str, Any]:
    """There are no claims of devices to allocate, so how long that may take decides nothing."""
    for name in ("filterTimeout", "bindingTimeout"):
        seconds(args, name, 0.0)
    return {}


def seconds(fields: Fields, name: str, default: float) -> float:
    """A duration as Go writes it."""
    text = fields.text(name)
    if not text:
        return default
    try:
        return nanoseconds(text) / 1e9
    except ValueError as error:
        fields.fault(name, str(error))
        return default


def _fit(args: Fields) -> dict[str, Any]:
    return {"fit": resource_arguments.fit(args)}


def _affinity(args: Fields) -> dict[str, Any]:
    return {"added": node_affinity(args, "addedAffinity")}


#: plug-in -> the fields of its arguments, and what they become
_READERS: dict[str, tuple[tuple[str, ...], Callable[[Fields], dict[str, Any]]]] = {
    "DefaultPreemption": (("minCandidateNodesPercentage", "minCandidateNodesAbsolute"), _preemption),
    "DynamicResources": (("filterTimeout", "bindingTimeout"), _devices),
    "InterPodAffinity": (("hardPodAffinityWeight", "ignorePreferredTermsOfExistingPods"), _inter_pod),
    "NodeAffinity": (("addedAffinity",), _affinity),
    "NodeResourcesBalancedAllocation": (("resources",), _balanced),
    "NodeResourcesFit": (("ignoredResources", "ignoredResourceGroups", "scoringStrategy"), _fit),
    "PodTopologySpread": (("defaultConstraints", "defaultingType"), _spread),
    "VolumeBinding": (("bindTimeoutSeconds", "shape"), _volume_binding),
}
