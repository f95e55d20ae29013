"""The probes of one running container: makes the attempts through the runtime when they are due, and applies what the count decides.

Kept by the pod worker from a container's start to its end. Invariant: liveness and readiness wait for startup; of a pod that is being
deleted only readiness is probed. What a runtime calls steady is not asked again until it says so.
Source of the rule: pkg/kubelet/prober/worker.go.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from wherry.api.objects import Obj
from wherry.node import ending
from wherry.node.runtime import Probed
from wherry.rules.pods.kubelet import probes
from wherry.rules.pods.kubelet.container import Container, Running

if TYPE_CHECKING:
    from wherry.node.worker import PodWorker


class Probing:
    __slots__ = ("_closed", "_container", "_counts", "_timers", "_worker")

    def __init__(self, worker: PodWorker, container: Container) -> None:
        self._worker = worker
        self._container = container
        self._counts = probes.counts(container.spec)
        self._timers: dict[probes.Kind, asyncio.TimerHandle] = {}
        self._closed = False

    @staticmethod
    def needed(spec: Obj) -> bool:
        return probes.has_any(spec)

    @property
    def ready(self) -> bool:
        """As its readiness probe says; without one it is."""
        return all(count.decided is True for count in self._counts if count.kind == "readiness")

    def begin(self) -> None:
        """The container runs; whether it has started before this agent did is known from its status."""
        first = next((count for count in self._counts if count.kind == "startup"), None)
        if first is not None and not self._container.started:
            self._first(first)
        else:
            self._has_started()

    def look_again(self) -> None:
        """What was steady may be so no longer."""
        for count in self._counts:
            if not count.over and count.kind not in self._timers and (self._container.started or count.kind == "startup"):
                self._attempt(count)

    def close(self) -> None:
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()

    def _has_started(self) -> None:
        self._container.started = True
        was_ready = self._container.ready
        self._container.ready = not self._container.withheld and (self.ready or was_ready)
        for count in self._counts:
            if count.kind == "readiness" and was_ready:
                count.decided = True
            if count.kind != "startup":
                self._first(count)

    def _first(self, count: probes.Count) -> None:
        state, now = self._container.state, self._worker.host.clock.now()
        at = probes.first_attempt(count, state.started_at if isinstance(state, Running) else now, now)
        if at <= now:
            self._attempt(count)
        else:
            self._timers[count.kind] = self._worker.later(at, partial(self._attempt, count))

    def _attempt(self, count: probes.Count) -> None:
        self._timers.pop(count.kind, None)
        if self._closed or count.over or (self._worker.ends and count.kind != "readiness"):
            return
        self._worker.runtime.probe(self._worker.pod, self._container, count.kind, count.spec, partial(self._probed, count))

    def _probed(self, count: probes.Count, probed: Probed) -> None:
        if self._closed or count.over or (self._worker.ends and count.kind != "readiness"):
            return
        if probed.error:
            self._tell(probes.errored(count.kind, probed.output))
        else:
            if not probed.success:
                self._tell(probes.unhealthy(count.kind, probed.output))
            decided = probes.result(count, probed.success)
            if decided is not None:
                self._apply(count.kind, decided)
        settled = probed.steady and probed.success and count.decided is True
        if not (self._closed or count.over or settled) and count.kind not in self._timers:
            self._timers[count.kind] = self._worker.host.clock.call_later(count.period, self._attempt, count)

    def _apply(self, kind: probes.Kind, success: bool) -> None:
        container, worker = self._container, self._worker
        if kind == "readiness":
            container.ready = success and not container.withheld
        elif success:
            if kind == "liveness":
                return
            self._has_started()
        else:
            ending.stop(worker, container, probes.killing(container.spec, container.role, kind, worker.pod["spec"]), kind)
            return
        worker.changed()
        worker.sync()

    def _tell(self, message: str) -> None:
        self._worker.events.container(self._container, "Warning", "Unhealthy", message)
