"""A StatefulSet as one reconciliation sees it: its ordinals, who is there, and in what state.

Made by `plan.decide`, read by all steps. Invariant: `replicas` has one member for every ordinal that there should be, in order, whether
its pod exists or not; `condemned` are the others, the highest ordinal first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from wherry.api import objects
from wherry.api.objects import Obj
from wherry.rules.replicaset import pod_state
from wherry.rules.statefulset import identity
from wherry.rules.statefulset.storage import Lookup


class Member(NamedTuple):
    """One ordinal. `pod` None: not there. `ready`: running and ready; `available`: ready for minReadySeconds.

    `settled`: it works and says who it is, so for as long as the pod is the same object nothing of this changes.
    """

    ordinal: int
    pod: Obj | None = None
    revision: str = ""
    phase: str = ""
    terminating: bool = False
    ready: bool = False
    available: bool = False
    settled: bool = False

    @property
    def unavailable(self) -> bool:
        return self.terminating or not self.available


def member(pod: Obj, ordinal: int, min_ready_seconds: int, now: float) -> Member:
    phase = (pod.get("status") or {}).get("phase") or "Pending"
    available = pod_state.is_available(pod, min_ready_seconds, now)
    ready = phase == "Running" and (available or pod_state.is_ready(pod))
    terminating = objects.is_deleting(pod)
    settled = ready and available and not terminating and identity.is_labelled(pod)
    return Member(ordinal, pod, identity.revision_of(pod), phase, terminating, ready, available, settled)


#: settled members by the uid of their pod, as an earlier reconciliation saw them
Known = Mapping[str, Member]


def is_known(known: Known, pod: Obj) -> bool:
    found = known.get(objects.uid(pod))
    return found is not None and found.pod is pod


class View(NamedTuple):
    """`current` and `update`: the revisions that pods are, and should be, made from."""

    stateful_set: Obj
    current: Obj
    update: Obj
    replicas: list[Member]
    condemned: list[Member]
    claim: Lookup
    now: float

    @staticmethod
    def of(
        stateful_set: Obj, pods: Iterable[Obj], current: Obj, update: Obj, claim: Lookup, now: float, known: Known = MappingProxyType({})
    ) -> View:
        name, min_ready = objects.name(stateful_set), min_ready_seconds(stateful_set)
        wanted = identity.ordinals(stateful_set)
        replicas = [Member(ordinal) for ordinal in wanted]
        condemned = []
        for pod in pods:
            before = known.get(objects.uid(pod))
            if before is not None and before.pod is pod:
                found = before
            else:
                found = member(pod, identity.ordinal_of(name, objects.name(pod)), min_ready, now)
            if found.ordinal in wanted:
                replicas[found.ordinal - wanted.start] = found
            elif found.ordinal >= 0:
                condemned.append(found)
        condemned.sort(key=lambda m: -m.ordinal)
        return View(stateful_set, current, update, replicas, condemned, claim, now)

    def settled(self) -> dict[str, Member]:
        """What the next reconciliation need not work out again."""
        return {objects.uid(m.pod): m for m in (*self.replicas, *self.condemned) if m.settled and m.pod is not None}

    @property
    def ordered(self) -> bool:
        """One pod at a time, each after those before it."""
        return bool(self.stateful_set["spec"].get("podManagementPolicy") != "Parallel")

    def first_unavailable(self) -> Member | None:
        """The lowest replica, else the lowest condemned pod, that is not available."""
        return next((m for m in (*self.replicas, *reversed(self.condemned)) if m.unavailable), None)


def min_ready_seconds(stateful_set: Obj) -> int:
    return int(stateful_set["spec"].get("minReadySeconds") or 0)
