"""Which plug-ins a profile has at each extension point: the defaults, with what the configuration enables and disables.

Called by `profiles`. A point's own list goes before `multiPoint`; there a plug-in named again takes the place of the default one.
Source of the rule: pkg/scheduler/apis/config/v1/default_plugins.go (mergePluginSet), framework/runtime expandMultiPointPlugins.
"""

from __future__ import annotations

from typing import NamedTuple

from wherry.rules.placing.scheduling.configuration.fields import Faults, Fields

POINTS = ("preEnqueue", "queueSort", "preFilter", "filter", "postFilter", "preScore", "score", "reserve", "permit", "preBind", "bind",
          "postBind")  # fmt: skip
#: points of pod groups, which are not scheduled as such
_GROUP_POINTS = ("placementGenerate", "placementScore")

#: the plug-ins there are, in the order of the defaults, with their points
PLUGINS: dict[str, tuple[str, ...]] = {
    "SchedulingGates": ("preEnqueue",),
    "PrioritySort": ("queueSort",),
    "NodeUnschedulable": ("filter",),
    "NodeName": ("filter",),
    "TaintToleration": ("filter", "preScore", "score"),
    "NodeAffinity": ("preFilter", "filter", "preScore", "score"),
    "NodePorts": ("preFilter", "filter"),
    "NodeResourcesFit": ("preFilter", "filter", "preScore", "score"),
    "VolumeRestrictions": ("preFilter", "filter"),
    "NodeVolumeLimits": ("preFilter", "filter"),
    "VolumeBinding": ("preFilter", "filter", "reserve", "preBind", "preScore", "score"),
    "VolumeZone": ("preFilter", "filter"),
    "PodTopologySpread": ("preFilter", "filter", "preScore", "score"),
    "InterPodAffinity": ("preFilter", "filter", "preScore", "score"),
    "DynamicResources": ("preEnqueue", "preFilter", "filter", "postFilter", "score", "reserve", "preBind"),
    "DefaultPreemption": ("preEnqueue", "postFilter"),
    "NodeResourcesBalancedAllocation": ("preScore", "score"),
    "ImageLocality": ("score",),
    "DefaultBinder": ("bind",),
}
_WEIGHTS = {"TaintToleration": 3, "NodeAffinity": 2, "PodTopologySpread": 2, "InterPodAffinity": 2, "DynamicResources": 2}
#: known to the reference and not here; they may be disabled
_ABSENT = frozenset({"GangScheduling", "NodeDeclaredFeatures", "TopologyPlacementGenerator", "PodGroupPodsCount"})
#: gone from the reference; they may be disabled
_GONE = frozenset({"AzureDiskLimits", "CinderLimits", "EBSLimits", "GCEPDLimits"})


class Enabled(NamedTuple):
    """A plug-in at a point. `weight` 0: the plug-in's own."""

    name: str
    weight: int = 0


class _Set(NamedTuple):
    enabled: list[Enabled]
    disabled: frozenset[str]


#: the plug-ins of each point, in order
Points = dict[str, list[Enabled]]


def unknown(name: str) -> str:
    """Why a plug-in of that name cannot be had; "" when it can."""
    if name in PLUGINS:
        return ""
    if name in _GONE:
        return f'plug-in "{name}" is gone since v1 of this configuration'
    return f'plug-in "{name}" is not in wherry' if name in _ABSENT else f'unknown plug-in "{name}"'


def points_of(profile: Fields) -> Points:
    """The plug-ins that work in a profile."""
    given = profile.within("plugins", (*POINTS, *_GROUP_POINTS, "multiPoint"))
    for name in _GROUP_POINTS:
        if given.has(name):
            given.fault(name, "pod groups are not scheduled by wherry")
    everywhere = _merged(_set(given, "multiPoint"))
    found = {point: _expanded(point, _set(given, point), everywhere, given) for point in POINTS}
    _check(found, given)
    return found


def _set(given: Fields, point: str) -> _Set:
    part = given.within(point, ("enabled", "disabled"))
    enabled = []
    for path, item in part.items("enabled"):
        entry = Fields(item, path, ("name", "weight"), part.faults)
        name, weight = entry.text("name"), entry.integer("weight", 0, 0, 2**31 - 1)
        if why := unknown(name):
            entry.fault("name", why)
        elif point in PLUGINS[name] or point == "multiPoint":
            enabled.append(Enabled(name, weight))
        else:
            entry.fault("name", f'plug-in "{name}" has nothing to do at {point}')
    disabled = set()
    for path, item in part.items("disabled"):
        name = Fields(item, path, ("name", "weight"), part.faults).text("name")
        if name != "*" and name not in PLUGINS and name not in _ABSENT | _GONE:
            part.faults.add(f"{path}.name", unknown(name))
        disabled.add(name)
    _once(enabled, part)
    return _Set(enabled, frozenset(disabled))


def _once(enabled: list[Enabled], part: Fields) -> None:
    names = [each.name for each in enabled]
    for name in sorted({n for n in names if names.count(n) > 1}):
        part.fault("enabled", f'plug-in "{name}" is there twice')


def _merged(custom: _Set) -> list[Enabled]:
    """The defaults of all points, with what is said for all points."""
    defaults = [] if "*" in custom.disabled else [Enabled(n, _WEIGHTS.get(n, 0)) for n in PLUGINS if n not in custom.disabled]
    again = {each.name: each for each in custom.enabled}
    kept = [again.get(each.name, each) for each in defaults]
    known = {each.name for each in kept}
    return [*kept, *(each for each in custom.enabled if each.name not in known)]


def _expanded(point: str, own: _Set, everywhere: list[Enabled], given: Fields) -> list[Enabled]:
    if "*" in own.disabled:
        return own.enabled
    here = [each for each in everywhere if point in PLUGINS[each.name] and each.name not in own.disabled]
    names, mine = {each.name for each in here}, {each.name for each in own.enabled}
    first = [each for each in own.enabled if each.name in names]
    return [*first, *(e for e in here if e.name not in mine), *(e for e in own.enabled if e.name not in names)]


def _check(found: Points, given: Fields) -> None:
    """What cannot work: no way to sort or bind, and half a plug-in."""
    faults: Faults = given.faults
    if [each.name for each in found["queueSort"]] != ["PrioritySort"]:
        faults.add(given.at("queueSort"), 'exactly one plug-in must sort the queue: "PrioritySort"')
    if not found["bind"]:
        faults.add(given.at("bind"), 'at least one plug-in must bind: "DefaultBinder"')
    names = {point: {each.name for each in found[point]} for point in POINTS}
    for before, after in (("preFilter", "filter"), ("preScore", "score"), ("reserve", "preBind")):
        for name in PLUGINS:
            if name in names[after] - names[before] and before in PLUGINS[name]:
                faults.add(given.at(before), f'plug-in "{name}" is enabled at {after}, and does not work there without {before}')
    if "VolumeBinding" in names["filter"] - names["preBind"]:
        faults.add(given.at("preBind"), 'plug-in "VolumeBinding" is enabled at filter, and does not work there without preBind')
