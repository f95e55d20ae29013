"""Which pods go first when a ReplicaSet has too many.

Called by `replicas`. Pods and their neighbours in, the pods in the order in which they should be deleted out: not assigned, pending, not
ready, cheap by annotation, doubled up on a node, ready for a short time, often restarted, young. Times are compared on a logarithmic scale
(by uid within one step), so that not always the newest pod goes. Where the reference leaves it to the uid, that is to chance, because two
pods became ready within one step but not in the same second, the one that restarted more often or is younger goes here.
Source of the rule: pkg/controller ActivePodsWithRanks; KEP-2185 (random selection), KEP-2255 (pod deletion cost).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache
from heapq import nsmallest
from itertools import chain
from typing import Any

from wherry.api import objects, timestamps
from wherry.api.objects import Obj
from wherry.rules.workloads.replicaset.known_pods import Age, Group, Replica, Standing

#: assigned, phase, ready, cost, -pods on its node: smaller goes first
_Rank = tuple[bool, int, bool, int, int]

#: the step of a moment that nobody knows: before all others
_UNKNOWN = -2


def _steps(now: float) -> Callable[[float | None], int]:
    """Of a moment, its age in nanoseconds as a power of two."""

    @cache
    def step(moment: float | None) -> int:
        if moment is None:
            return _UNKNOWN
        age = round((now - moment) * 1e9)
        return int(math.log2(age)) if age > 0 else -1

    return step


def _restarts(pod: Obj) -> tuple[int, int]:
    """The highest restart count of a container and of a sidecar, negative: the highest goes first."""
    status: dict[str, Any] = pod.get("status") or {}
    regular = max([c.get("restartCount", 0) for c in status.get("containerStatuses") or ()], default=0)
    if "initContainerStatuses" not in status:
        return -regular, 0
    sidecars = {c["name"] for c in pod["spec"].get("initContainers") or () if c.get("restartPolicy") == "Always"}
    counts = (c.get("restartCount", 0) for c in status.get("initContainerStatuses") or () if c["name"] in sidecars)
    return -regular, -max(counts, default=0)


def _rank(group: Group, crowd: Counter[str]) -> _Rank:
    return group.assigned, group.phase, group.ready, group.cost, -crowd[group.node]


def _age(replica: Replica) -> Age:
    """What decides between pods of one rank; found out once for each pod that stands for it."""
    if replica.age is None:
        created = replica.pod["metadata"].get("creationTimestamp")
        replica.age = Age(_restarts(replica.pod), timestamps.parse(created) if created else None, objects.uid(replica.pod))
    return replica.age


def _youngest(replicas: Iterable[Replica], count: int, now: float) -> list[Replica]:
    step = _steps(now)
    ages = [(step(r.since), (age := _age(r)).restarts, step(age.created), age.uid, r) for r in replicas]
    return [each[-1] for each in nsmallest(count, ages)]


def in_deletion_order(standing: Standing, related: Iterable[Standing], now: float, count: int) -> list[Obj]:
    """The first `count` of its active pods. `related`: of all ReplicaSets of the same owner; they say how crowded a node is."""
    crowd: Counter[str] = Counter()
    for each in related:
        crowd.update(each.nodes)
    ranks: dict[_Rank, list[Iterable[Replica]]] = {}
    for group, replicas in standing.groups.items():
        ranks.setdefault(_rank(group, crowd), []).append(replicas.values())
    found: list[Obj] = []
    for rank in sorted(ranks):
        if len(found) >= count:
            break
        found += [r.pod for r in _youngest(chain.from_iterable(ranks[rank]), count - len(found), now)]
    return found


def to_delete(standing: Standing, related: Iterable[Standing], count: int, now: float) -> list[Obj]:
    """The `count` pods to delete; nothing is sorted when all of them go."""
    return standing.pods() if count >= len(standing) else in_deletion_order(standing, related, now, count)
