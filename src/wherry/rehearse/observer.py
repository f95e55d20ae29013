"""Counts a workload's pods whenever one changes: the same eyes on a rehearsal and on a real run.

`play` uses it on virtual time; on any cluster in this process it measures what really happened. Counting goes by the pods themselves, as
the controllers do: a pod is available when it has been ready for minReadySeconds and is not about to go. Costs per event, not per pod.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from typing import NamedTuple

from wherry.api import timestamps
from wherry.api.objects import Obj, condition, labels, name
from wherry.api.resources import resource
from wherry.client.informer import Informers
from wherry.kit.clock import Clock
from wherry.rehearse.world import World
from wherry.rollout.errors import Failed, RolloutError
from wherry.rollout.progress import Progress, progress
from wherry.rollout.revisions import HASH_LABEL
from wherry.rollout.targets import DEPLOYMENTS, EVENTS, PODS, Named
from wherry.rules.pods.states import is_active, is_available, is_ready, ready_since
from wherry.rules.workloads.steps import state as states

BUDGETS = resource("poddisruptionbudgets", "policy")
_HASH = "controller-revision-hash"


class Seen(NamedTuple):
    """One pod. `revision`: the hash in its labels."""

    revision: str
    active: bool
    ready: bool
    available: bool
    unplaced: bool


class Count(NamedTuple):
    """All pods at one moment: `pods` are all that exist, `ending` those of them that are to go."""

    at: float
    pods: int
    ending: int
    ready: int
    available: int
    unplaced: int
    by_revision: tuple[tuple[str, int, int], ...]


class Span(NamedTuple):
    """From when until when; `until` None: to the end. `what` says why."""

    name: str
    since: float
    until: float | None
    what: str


class Observer:
    """Handlers on a cluster's informers; `start` is when the rollout begins, from then on counts are kept. Times are seconds from there."""

    def __init__(self, world: World, informers: Informers, clock: Clock) -> None:
        self._world, self._clock = world, clock
        self._target: Named = world.target
        self._seen: dict[str, Seen] = {}
        self._totals: Counter[str] = Counter()
        self._active: Counter[str] = Counter()
        self._available: Counter[str] = Counter()
        self._min_ready = 0
        self._due: dict[str, float] = {}
        self._pods = informers.of(PODS)
        self._key = f"{world.namespace}/{world.target.name}"
        self._begun: float | None = None
        self.counts: list[Count] = []
        self.unplaced: dict[str, Span] = {}
        self.refused: dict[str, float] = {}
        self.budgets: dict[str, list[tuple[float, Obj]]] = {}
        self.progressed: list[float] = []
        self.workload: Obj = world.workload
        self.last_step: Progress | None = None
        self.done_at: float | None = None
        self.deadline_at: float | None = None
        self.error: RolloutError | None = None
        self.changed = asyncio.Event()
        self._informers = informers

    def attach(self) -> None:
        """Look at what is there and at everything that comes. The workload first: it says what available means."""
        self._informers.of(self._target.resource).add_handler(self._on_workload)
        self._pods.add_handler(self._on_pod)
        self._informers.of(BUDGETS).add_handler(self._on_budget)
        self._informers.of(EVENTS).add_handler(self._on_event)

    def start(self) -> None:
        """The rollout begins now."""
        self._look_at_due()
        self._begun = self._clock.now()
        self.done_at = self.deadline_at = None
        self.unplaced = {k: span._replace(since=0.0) for k, span in self.unplaced.items() if span.until is None}
        self.refused.clear()
        self.budgets = {k: [(0.0, seen[-1][1])] for k, seen in self.budgets.items()}
        self._count()

    @property
    def now(self) -> float:
        """Seconds since the start."""
        return round(self._clock.now() - self._begun, 4) if self._begun is not None else 0.0

    # --- the workload ---
    def _on_workload(self, old: Obj | None, new: Obj | None) -> None:
        if new is None or f"{new['metadata'].get('namespace')}/{name(new)}" != self._key:
            return
        self._look_at_due()
        self.workload = new
        state = states.read(new)
        own = state.own if state is not None and not state.is_over and "minReadySeconds" in state.own else new["spec"]
        min_ready = own.get("minReadySeconds") or 0
        if min_ready != self._min_ready:
            self._min_ready = min_ready
            for pod in list(self._pods.items()):
                self._look(pod)
        self._progress(new)
        self.changed.set()

    def _progress(self, workload: Obj) -> None:
        progressing = condition(workload, "Progressing") or {}
        exceeded = progressing.get("reason") == "ProgressDeadlineExceeded"
        if progressing.get("lastUpdateTime") and self._begun is not None and not exceeded:
            at = round(timestamps.parse(progressing["lastUpdateTime"]) - self._begun, 4)
            if at >= 0 and at not in self.progressed[-1:]:
                self.progressed.append(at)
        state = states.read(workload)
        if state is not None and (not state.is_over or state.phase == "aborted"):
            with suppress(RolloutError):  # what holds it at a step is not what the reference would call a rollout
                self.last_step = progress(workload)
            return
        try:
            step = self.last_step = progress(workload)
        except Failed:
            if self.deadline_at is None and self.done_at is None:
                self.deadline_at = self.now
            return
        except RolloutError as error:
            self.error = error
            return
        if step.done and self.done_at is None:
            self.done_at = self.now

    # --- pods ---
    def _on_pod(self, old: Obj | None, new: Obj | None) -> None:
        pod = new if new is not None else old
        if pod is None or not self._world.is_own(pod):
            return
        self._look_at_due()
        if new is None:
            self._put(name(pod), None)
        else:
            self._look(new)

    def _look(self, pod: Obj) -> None:
        if not self._world.is_own(pod):
            return
        now = self._clock.now()
        active = is_active(pod)
        available = active and is_available(pod, self._min_ready, now)
        since = ready_since(pod)
        if active and not available and since is not None and self._min_ready:
            self._due[name(pod)] = since + self._min_ready
            self._clock.call_later(max(since + self._min_ready - now, 0.0) + 1e-3, self._look_at_due)
        placed = condition(pod, "PodScheduled") or {}
        unplaced = active and placed.get("status") == "False"
        self._note_unplaced(name(pod), unplaced, placed.get("message", ""))
        mark = labels(pod).get(HASH_LABEL if self._target.resource is DEPLOYMENTS else _HASH, "")
        self._put(name(pod), Seen(mark, active, active and is_ready(pod), available, unplaced))

    def _look_at_due(self) -> None:
        """Pods whose minReadySeconds are over are available, before what a controller did because of that is counted."""
        now = self._clock.now()
        for pod_name in [n for n, at in self._due.items() if at <= now]:
            del self._due[pod_name]
            pod = self._pods.get(f"{self._world.namespace}/{pod_name}")
            if pod is not None:
                self._look(pod)

    def _note_unplaced(self, pod_name: str, unplaced: bool, message: str) -> None:
        known = self.unplaced.get(pod_name)
        if unplaced and (known is None or known.until is not None):
            self.unplaced[pod_name] = Span(pod_name, self.now, None, message)
        elif known is not None and known.until is None and not unplaced:
            self.unplaced[pod_name] = known._replace(until=self.now)

    def _put(self, pod_name: str, new: Seen | None) -> None:
        old = self._seen.get(pod_name)
        if old == new:
            return
        for seen, by in ((old, -1), (new, 1)):
            if seen is not None:
                self._totals["pods"] += by
                for field in ("active", "ready", "available", "unplaced"):
                    self._totals[field] += by if getattr(seen, field) else 0
                self._active[seen.revision] += by if seen.active else 0
                self._available[seen.revision] += by if seen.available else 0
        if new is None:
            del self._seen[pod_name]
            self._note_unplaced(pod_name, False, "")
        else:
            self._seen[pod_name] = new
        self._count()

    def _count(self) -> None:
        if self._begun is None:
            return
        t = self._totals
        by_revision = tuple((revision, n, self._available[revision]) for revision, n in self._active.items() if n)
        count = Count(self.now, t["pods"], t["pods"] - t["active"], t["ready"], t["available"], t["unplaced"], by_revision)
        if self.counts and self.counts[-1].at == count.at:
            # of several changes in one moment the lowest availability and the highest number must not be lost
            before = self.counts[-1]
            if before[1:] == count[1:]:
                return
        self.counts.append(count)
        self.changed.set()

    # --- budgets and refusals ---
    def _on_budget(self, old: Obj | None, new: Obj | None) -> None:
        if new is not None and new["metadata"].get("namespace") == self._world.namespace:
            self.budgets.setdefault(name(new), []).append((self.now, new))

    def _on_event(self, old: Obj | None, new: Obj | None) -> None:
        if new is not None and new.get("reason") == "FailedCreate" and new["metadata"].get("namespace") == self._world.namespace:
            message = new.get("message") or ""
            # the generated names in front differ from try to try
            self.refused.setdefault(message.partition(": ")[2] or message, self.now)
