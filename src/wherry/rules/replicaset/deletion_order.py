"""Which pods go first when a ReplicaSet has too many.

Called by `replicas`. Pods and their neighbours in, the pods in the order in which they should be deleted out: not assigned, pending, not
ready, cheap by annotation, doubled up on a node, ready for a short time, often restarted, young. Times are compared on a logarithmic scale
(by uid within one step), so that not always the newest pod goes.
Source of the rule: pkg/controller ActivePodsWithRanks; KEP-2185 (random selection), KEP-2255 (pod deletion cost).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cmp_to_key
from typing import Any, NamedTuple

from wherry.api import objects, timestamps
from wherry.api.objects import Obj
from wherry.rules.replicaset import pod_state as pod_rules

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"

_PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}
_COST = re.compile(r"-[0-9]+|0|[1-9][0-9]*")


#: assigned, phase, ready, cost, -pods on its node: smaller goes first
_Rank = tuple[bool, int, bool, int, int]


class _Candidate(NamedTuple):
    """What decides between pods of one rank."""

    pod: Obj
    ready_since: float | None
    ready_step: int
    restarts: tuple[int, int]
    created: float | None
    created_step: int
    uid: str


def deletion_cost(pod: Obj) -> int:
    """The number in the annotation; 0 when it is missing or not a 32-bit number."""
    text = objects.annotations_of(pod).get(DELETION_COST, "")
    cost = int(text) if _COST.fullmatch(text) else 0
    return cost if -(2**31) <= cost < 2**31 else 0


def _step(moment: float | None, now: float) -> int:
    """The age in nanoseconds as a power of two."""
    age = 0 if moment is None else round((now - moment) * 1e9)
    return int(math.log2(age)) if age > 0 else -1


def _restarts(pod: Obj) -> tuple[int, int]:
    """The highest restart count of a container and of a sidecar."""
    status: dict[str, Any] = pod.get("status") or {}
    regular = max([c.get("restartCount", 0) for c in status.get("containerStatuses") or ()], default=0)
    if "initContainerStatuses" not in status:
        return regular, 0
    sidecars = {c["name"] for c in pod["spec"].get("initContainers") or () if c.get("restartPolicy") == "Always"}
    counts = (c.get("restartCount", 0) for c in status.get("initContainerStatuses") or () if c["name"] in sidecars)
    return regular, max(counts, default=0)


def _moment(text: str | None) -> float | None:
    return timestamps.parse(text) if text else None


def _rank(pod: Obj, on_node: Counter[str]) -> _Rank:
    node, phase = pod["spec"].get("nodeName", ""), (pod.get("status") or {}).get("phase", "")
    return bool(node), _PHASES.get(phase, 0), pod_rules.is_ready(pod), deletion_cost(pod), -on_node[node]


def _candidate(pod: Obj, ready: bool, now: float) -> _Candidate:
    condition = objects.condition(pod, "Ready") if ready else None
    ready_since = _moment(condition.get("lastTransitionTime")) if condition else None
    created = _moment(pod["metadata"].get("creationTimestamp"))
    return _Candidate(pod, ready_since, _step(ready_since, now), _restarts(pod), created, _step(created, now), objects.uid(pod))


def _younger(one: _Candidate, other: _Candidate, since: tuple[float | None, float | None], steps: tuple[int, int]) -> int:
    """Two different moments: an unknown one first, then the younger by its step, then by uid."""
    if since[0] is None or since[1] is None:
        return -1 if since[0] is None else 1
    return steps[0] - steps[1] or (-1 if one.uid < other.uid else 1)


def _compare(one: _Candidate, other: _Candidate) -> int:
    if one.ready_since != other.ready_since:
        return _younger(one, other, (one.ready_since, other.ready_since), (one.ready_step, other.ready_step))
    if one.restarts != other.restarts:
        return -1 if one.restarts > other.restarts else 1
    if one.created != other.created:
        return _younger(one, other, (one.created, other.created), (one.created_step, other.created_step))
    return 0


def in_deletion_order(pods: Sequence[Obj], related: Iterable[Obj], now: float, count: int | None = None) -> list[Obj]:
    """All of them, or the first `count`: then pods of a later rank are not compared with each other.

    `related`: every pod of the ReplicaSets of the same owner, these ones included; they say how crowded a node is.
    """
    on_node = Counter(p["spec"].get("nodeName", "") for p in related if pod_rules.is_active(p))
    ranks: dict[_Rank, list[Obj]] = {}
    for pod in pods:
        ranks.setdefault(_rank(pod, on_node), []).append(pod)
    found: list[Obj] = []
    for rank in sorted(ranks):
        if count is not None and len(found) >= count:
            break
        candidates = [_candidate(p, rank[2], now) for p in ranks[rank]]
        found += [c.pod for c in sorted(candidates, key=cmp_to_key(_compare))]
    return found[:count]


def to_delete(pods: Sequence[Obj], related: Iterable[Obj], count: int, now: float) -> list[Obj]:
    """The `count` pods to delete; nothing is sorted when all of them go."""
    return list(pods) if count >= len(pods) else in_deletion_order(pods, related, now, count)
