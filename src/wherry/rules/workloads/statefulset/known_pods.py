"""Who of a StatefulSet's pods is there, and in what state: kept from one look to the next, and changed only where a pod did.

So a look costs as much as there is to see, not as much as there are pods: one pod is replaced as fast in a set of a thousand as in one of
ten. Made and told of changes by the controller, read through `view.View`. Invariant: telling it of each change in turn gives the same as
telling a new one of all pods that there are (`tests/statefulset` holds it to that).
Source of the facts: pkg/controller/statefulset/stateful_set_utils.go (isRunningAndReady, isRunningAndAvailable, isTerminating).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from wherry.api import objects
from wherry.api.objects import Obj
from wherry.rules.pods import state_of_replica as pod_state
from wherry.rules.workloads.statefulset import identity, retention, storage
from wherry.rules.workloads.statefulset.storage import Lookup


class Member(NamedTuple):
    """One ordinal. `pod` None: not there. `ready`: running and ready; `available`: ready for minReadySeconds.

    `settled`: it works and it and its claims are as they should be, so until one of them changes there is nothing to see here.
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


def member(stateful_set: Obj, pod: Obj, claim: Lookup, now: float) -> Member:
    phase = (pod.get("status") or {}).get("phase") or "Pending"
    available = pod_state.is_available(pod, min_ready_seconds(stateful_set), now)
    ready = phase == "Running" and (available or pod_state.is_ready(pod))
    terminating = objects.is_deleting(pod)
    works = ready and available and not terminating and identity.is_labelled(pod)
    settled = works and storage.fits(stateful_set, pod) and retention.is_satisfied(stateful_set, pod, claim)
    ordinal = identity.ordinal_of(objects.name(stateful_set), objects.name(pod))
    return Member(ordinal, pod, identity.revision_of(pod), phase, terminating, ready, available, settled)


def min_ready_seconds(stateful_set: Obj) -> int:
    return int(stateful_set["spec"].get("minReadySeconds") or 0)


class Standing:
    """Of one spec: when that changes, all pods are looked at anew."""

    def __init__(self, stateful_set: Obj) -> None:
        self._spec = stateful_set["spec"]
        self._members: dict[int, Member] = {}
        self._wanted = identity.ordinals(stateful_set)
        #: the ordinals that have to be looked at every time: without a pod, or with one that is not settled
        self._open = set(self._wanted)
        #: the ordinals of the pods that there should not be
        self._extra: set[int] = set()
        #: the ordinals of the pods that are not terminating, by revision
        self._staying: dict[str, set[int]] = {}

    def is_of(self, stateful_set: Obj) -> bool:
        spec = stateful_set["spec"]
        return spec is self._spec or spec == self._spec

    # --- changes ---
    def take(self, stateful_set: Obj, pods: Iterable[Obj], gone: Iterable[int], claim: Lookup, now: float) -> None:
        """`pods`: members that are new or changed, in whatever state; `gone`: ordinals whose pod is no more. What is open is seen again."""
        for ordinal in gone:
            self._put(ordinal, None)
        told = [member(stateful_set, pod, claim, now) for pod in pods]
        for found in told:
            self._put(found.ordinal, found)
        for ordinal in self._open - {found.ordinal for found in told}:
            before = self._members.get(ordinal)
            if before is not None and before.pod is not None:
                self._put(ordinal, member(stateful_set, before.pod, claim, now))

    def _put(self, ordinal: int, new: Member | None) -> None:
        old = self._members.pop(ordinal, None)
        if old is not None and not old.terminating:
            self._staying[old.revision].discard(ordinal)
        if new is not None:
            self._members[ordinal] = new
            if not new.terminating:
                self._staying.setdefault(new.revision, set()).add(ordinal)
        wanted = ordinal in self._wanted
        _mark(self._extra, ordinal, new is not None and not wanted)
        _mark(self._open, ordinal, wanted if new is None else not new.settled)

    # --- reading ---
    def __len__(self) -> int:
        """How many pods there are."""
        return len(self._members)

    def get(self, ordinal: int) -> Member:
        return self._members.get(ordinal) or Member(ordinal)

    def open_replicas(self) -> Iterator[Member]:
        """Those of the ordinals that there should be which are to be looked at, the lowest first."""
        return (self.get(ordinal) for ordinal in sorted(self._open) if ordinal in self._wanted)

    def open_pods(self) -> list[Member]:
        """The members that have a pod, but no settled one, in no order."""
        return [self._members[ordinal] for ordinal in self._open if ordinal in self._members]

    def condemned(self) -> list[Member]:
        """The pods that there should not be, the highest ordinal first."""
        return [self._members[ordinal] for ordinal in sorted(self._extra, reverse=True)]

    def staying(self, revision: str) -> set[int]:
        """The ordinals of the pods of that revision that are not on their way out."""
        return self._staying.get(revision, set())

    def of_other_revisions(self, revision: str) -> Iterator[int]:
        """The ordinals of the pods of all others that are not on their way out, in no order."""
        return (ordinal for name, ordinals in self._staying.items() if name != revision for ordinal in ordinals)

    def revisions(self) -> set[str]:
        """What the pods were made from."""
        return {name for name, ordinals in self._staying.items() if ordinals} | {m.revision for m in self.open_pods()}


def _mark(marked: set[int], ordinal: int, wanted: bool) -> None:
    if wanted:
        marked.add(ordinal)
    else:
        marked.discard(ordinal)
