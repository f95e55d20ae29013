"""How fast a workload may grow and shrink: stabilisation over recent recommendations, then policies over recent changes.

Called by `plan` with what is remembered of the autoscaler. Without `spec.behavior` the older rules hold: doubling at most, and five
minutes of patience before it shrinks.
Source: pkg/controller/podautoscaler/horizontal.go normalizeDesiredReplicas, normalizeDesiredReplicasWithBehaviors; KEP-853.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

from wherry.api.objects import Obj

#: seconds before it shrinks, where nothing else is said
DOWNSCALE_STABILIZATION = 300
_UP_FACTOR, _UP_MINIMUM = 2, 4

Moment = tuple[int, float]


@dataclass(frozen=True, slots=True)
class Memory:
    """(replicas recommended, when), and (replicas added or taken away, when)."""

    recommendations: tuple[Moment, ...] = ()
    ups: tuple[Moment, ...] = ()
    downs: tuple[Moment, ...] = ()


class Bounds(NamedTuple):
    current: int
    least: int
    most: int


class Said(NamedTuple):
    """What the two steps decided: `stable` is (changed, reason, message) of stabilisation, `limit` the same of limits."""

    replicas: int
    memory: Memory
    stable: tuple[bool, str, str]
    limit: tuple[bool, str, str]


_DOWN_STABLE = ("ScaleDownStabilized", "recent recommendations were higher than current one, applying the highest recent recommendation")
_UP_STABLE = ("ScaleUpStabilized", "recent recommendations were lower than current one, applying the lowest recent recommendation")
_READY = ("ReadyForNewScale", "recommended size matches current size")
_FINE = ("DesiredWithinRange", "the desired count is within the acceptable range")
_UP_LIMIT = ("ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate")
_DOWN_LIMIT = ("ScaleDownLimit", "the desired replica count is decreasing faster than the maximum scale rate")
_TOO_MANY = ("TooManyReplicas", "the desired replica count is more than the maximum replica count")
_TOO_FEW = ("TooFewReplicas", "the desired replica count is less than the minimum replica count")


def remembered(memory: Memory, current: int, now: float) -> Memory:
    """An autoscaler seen for the first time takes what there is for a recommendation."""
    return memory if memory.recommendations else replace(memory, recommendations=((current, now),))


def normalised(desired: int, behavior: Obj | None, bounds: Bounds, memory: Memory, now: float) -> Said:
    """What may be done of `desired` now."""
    if behavior is None:
        return _plainly(desired, bounds, memory, now)
    up, down = behavior.get("scaleUp") or {}, behavior.get("scaleDown") or {}
    rising = up.get("stabilizationWindowSeconds") or 0
    falling = down.get("stabilizationWindowSeconds")
    falling = DOWNSCALE_STABILIZATION if falling is None else falling
    lowest = min([desired, *(r for r, at in memory.recommendations if at > now - rising)])
    highest = max([desired, *(r for r, at in memory.recommendations if at > now - falling)])
    stable = min(max(bounds.current, lowest), highest)
    memory = _recommended(memory, desired, now, max(rising, falling))
    why = _UP_STABLE if desired >= bounds.current else _DOWN_STABLE
    replicas, limit = _by_policies(stable, up, down, bounds, memory, now)
    return Said(replicas, memory, (stable != desired, *(why if stable != desired else _READY)), (replicas != stable, *limit))


def _plainly(desired: int, bounds: Bounds, memory: Memory, now: float) -> Said:
    cutoff = now - DOWNSCALE_STABILIZATION
    stable = max([desired, *(r for r, at in memory.recommendations if at >= cutoff)])
    memory = _recommended(memory, desired, now, DOWNSCALE_STABILIZATION)
    fastest = max(_UP_FACTOR * bounds.current, _UP_MINIMUM)
    most, limit = (fastest, _UP_LIMIT) if bounds.most > fastest else (bounds.most, _TOO_MANY)
    replicas = stable
    if stable < bounds.least:
        replicas, limit = bounds.least, _TOO_FEW
    elif stable > most:
        replicas = most
    else:
        limit = _FINE
    return Said(replicas, memory, (stable != desired, *(_DOWN_STABLE if stable != desired else _READY)), (replicas != stable, *limit))


def _recommended(memory: Memory, desired: int, now: float, window: float) -> Memory:
    kept = tuple(r for r in memory.recommendations if r[1] >= now - window)
    return replace(memory, recommendations=(*kept, (desired, now)))


def _by_policies(desired: int, up: Obj, down: Obj, bounds: Bounds, memory: Memory, now: float) -> tuple[int, tuple[str, str]]:
    if desired > bounds.current:
        fastest = max(_limit(up, bounds.current, memory, now, 1), bounds.current)
        most, why = (fastest, _UP_LIMIT) if bounds.most > fastest else (bounds.most, _TOO_MANY)
        return (most, why) if desired > most else (desired, _FINE)
    if desired < bounds.current:
        fastest = min(_limit(down, bounds.current, memory, now, -1), bounds.current)
        least, why = (fastest, _DOWN_LIMIT) if bounds.least < fastest else (bounds.least, _TOO_FEW)
        return (least, why) if desired < least else (desired, _FINE)
    return desired, _FINE


def _limit(rules: Obj, current: int, memory: Memory, now: float, sign: int) -> int:
    """How far the policies let it go in that direction (`sign`: 1 up, -1 down)."""
    select = rules.get("selectPolicy") or "Max"
    if select == "Disabled":
        return current
    proposals: list[int] = []
    for policy in rules.get("policies") or ():
        start = current - _changed(memory.ups, policy, now) + _changed(memory.downs, policy, now)
        if policy["type"] == "Pods":
            proposals.append(start + sign * policy["value"])
        elif sign > 0:
            proposals.append(math.ceil(start * (1 + policy["value"] / 100)))
        else:
            proposals.append(int(start * (1 - policy["value"] / 100)))
    if not proposals:
        return current
    farthest = max(proposals) if sign > 0 else min(proposals)
    nearest = min(proposals) if sign > 0 else max(proposals)
    return nearest if select == "Min" else farthest


def _changed(events: Iterable[Moment], policy: Obj, now: float) -> int:
    return sum(change for change, at in events if at > now - policy["periodSeconds"])


def scaled(memory: Memory, behavior: Obj | None, before: int, after: int, now: float) -> Memory:
    """The memory of an autoscaler that has just scaled; changes too old for every policy are forgotten."""
    if behavior is None:
        return memory
    rising = after > before
    rules = behavior.get("scaleUp" if rising else "scaleDown") or {}
    longest = max((p["periodSeconds"] for p in rules.get("policies") or ()), default=0)
    events = memory.ups if rising else memory.downs
    kept = (*(e for e in events if e[1] >= now - longest), (abs(after - before), now))
    return replace(memory, ups=kept) if rising else replace(memory, downs=kept)
