"""What a ReplicaSet's pods are, counted: kept from one look to the next, and changed only where a pod did.

So a look costs as much as there is news, not as much as there are pods. Made and told of changes by the controller; read by `replicas` (how
many there are), `deletion_order` (who goes first) and `status`. Invariant: telling it of each change in turn gives the same as telling a
new one of all pods that there are (`tests/replicaset` holds it to that).
Source of the facts: pkg/controller/replicaset calculateStatus; pkg/controller ActivePodsWithRanks.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from wherry.api import objects, timestamps
from wherry.api.objects import Obj

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"

_PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}
_COST = re.compile(r"-[0-9]+|0|[1-9][0-9]*")


class Group(NamedTuple):
    """What pods have in common that are alike to whoever looks for one to delete, but for their age. Smaller goes first."""

    assigned: bool
    phase: int
    ready: bool
    cost: int
    node: str


class Age(NamedTuple):
    """What decides between pods of a group. `restarts`: of containers and of sidecars, negative; `created`: in seconds."""

    restarts: tuple[int, int]
    created: float | None
    uid: str


@dataclass(slots=True)
class Replica:
    """An active pod. `since`: when it became ready, in seconds, None when it is not or does not say; `labelled`: as the template says.

    `age`: once somebody asked for it (`deletion_order`).
    """

    pod: Obj
    group: Group
    since: float | None
    labelled: bool
    age: Age | None = None


def deletion_cost(pod: Obj) -> int:
    """The number in the annotation; 0 when it is missing or not a 32-bit number."""
    text = objects.annotations_of(pod).get(DELETION_COST, "")
    cost = int(text) if _COST.fullmatch(text) else 0
    return cost if -(2**31) <= cost < 2**31 else 0


def _replica(pod: Obj, labels: Mapping[str, str]) -> Replica:
    node, phase = pod["spec"].get("nodeName", ""), (pod.get("status") or {}).get("phase", "")
    condition = objects.condition(pod, "Ready")
    ready = condition is not None and condition.get("status") == "True"
    moment = condition.get("lastTransitionTime") if condition is not None and ready else None
    group = Group(bool(node), _PHASES.get(phase, 0), ready, deletion_cost(pod), node)
    return Replica(pod, group, timestamps.parse(moment) if moment else None, labels.items() <= objects.labels(pod).items())


def _shape(replica_set: Obj) -> tuple[Any, ...]:
    """What of the ReplicaSet says how its pods count."""
    spec = replica_set["spec"]
    return spec["selector"], spec.get("minReadySeconds", 0), objects.labels(spec["template"])


class Standing:
    """Of one selector, `minReadySeconds` and set of labels: when these change, all pods are looked at anew."""

    def __init__(self, replica_set: Obj) -> None:
        self._of = _shape(replica_set)
        self._labels = self._of[2]
        self.min_ready = int(self._of[1] or 0)
        self._active: dict[str, Replica] = {}
        self._terminating: set[str] = set()
        #: ready, but not for long enough when last told
        self._waiting: dict[str, Replica] = {}
        #: the active ones, as they go when there are too many
        self.groups: dict[Group, dict[str, Replica]] = {}
        #: how many active ones are on each node
        self.nodes: Counter[str] = Counter()
        self.ready = 0
        self.labelled = 0

    def is_of(self, replica_set: Obj) -> bool:
        return self._of == _shape(replica_set)

    # --- changes ---
    def take(self, active: Iterable[Obj], terminating: Iterable[Obj], gone: Iterable[str], now: float) -> None:
        """Pods that are new or changed, sorted by `plan.gather`, and the names of those that do not count any more."""
        for name in gone:
            self._drop(name)
        for pod in terminating:
            self._drop(objects.name(pod))
            self._terminating.add(objects.name(pod))
        for pod in active:
            self._drop(objects.name(pod))
            self._add(objects.name(pod), _replica(pod, self._labels))
        for name in [n for n, replica in self._waiting.items() if self._is_available(replica, now)]:
            del self._waiting[name]

    def _is_available(self, replica: Replica, now: float) -> bool:
        return replica.since is not None and replica.since + self.min_ready <= now

    def _add(self, name: str, replica: Replica) -> None:
        self._active[name] = replica
        group = self.groups.setdefault(replica.group, {})
        replica.group = next(iter(group.values()), replica).group  # one object for all who are in it
        group[name] = replica
        self.nodes[replica.group.node] += 1
        self.ready += replica.group.ready
        self.labelled += replica.labelled
        if self.min_ready and replica.group.ready:
            self._waiting[name] = replica

    def _drop(self, name: str) -> None:
        self._terminating.discard(name)
        self._waiting.pop(name, None)
        replica = self._active.pop(name, None)
        if replica is None:
            return
        group = self.groups[replica.group]
        del group[name]
        if not group:
            del self.groups[replica.group]
        self.nodes[replica.group.node] -= 1
        self.ready -= replica.group.ready
        self.labelled -= replica.labelled

    # --- reading ---
    def __len__(self) -> int:
        """How many active pods there are."""
        return len(self._active)

    def __contains__(self, name: str) -> bool:
        return name in self._active

    def pods(self) -> list[Obj]:
        """The active ones."""
        return [replica.pod for replica in self._active.values()]

    @property
    def terminating(self) -> int:
        return len(self._terminating)

    @property
    def available(self) -> int:
        return self.ready - len(self._waiting)

    @property
    def next_available(self) -> float | None:
        """The moment (seconds) at which the next ready pod has been ready for long enough, None when none says since when it is."""
        return min((r.since + self.min_ready for r in self._waiting.values() if r.since is not None), default=None)
