"""A container's end: the Killing event, its preStop hook, its turn, and the runtime's stop with what is left of its grace.

Called by the pod worker, by `probing` for containers whose probe failed, and by `starting` for those whose hook did. An `Ending` is only
kept for what takes steps. Invariant: a container is told once, and its time runs from that moment.
Source of the rule: pkg/kubelet/kuberuntime/kuberuntime_container.go killContainer.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from wherry.node import hooks
from wherry.node.runtime import HookEnded
from wherry.rules.pods.kubelet.container import Container, Running
from wherry.rules.pods.kubelet.probes import Kind
from wherry.rules.pods.kubelet.termination import grace, next_to_stop, remaining

if TYPE_CHECKING:
    from wherry.node.worker import PodWorker


class Ending:
    """`waits`: for its turn. `told`: the runtime was."""

    __slots__ = ("_began", "_container", "_timer", "_total", "_worker", "told", "waits")

    def __init__(self, worker: PodWorker, container: Container, total: float) -> None:
        self._worker = worker
        self._container = container
        self._total = total
        self._began = worker.host.clock.now()
        self._timer: asyncio.TimerHandle | None = None
        self.waits = self.told = False

    def hook(self) -> None:
        """Its preStop hook first, as long as its grace lasts."""
        handler = self._container.spec["lifecycle"]["preStop"]
        self._arm()
        hooks.run(self._worker, self._container, "preStop", handler, self._hooked)

    def turn(self) -> None:
        """Stop it, if those before it have ended."""
        worker, container = self._worker, self._container
        if container.role == "sidecar" and container not in next_to_stop(worker.containers):
            self.waits = True
            self._arm()
        else:
            self.go()

    def go(self) -> None:
        if not self.told:
            self.told, self.waits = True, False
            self.close()
            left = remaining(self._total, self._worker.host.clock.now() - self._began)
            self._worker.runtime.stop(self._worker.pod, self._container, left)

    def hurry(self, total: float) -> None:
        """Less time than was said: `total` seconds from now on."""
        self._total, self._began = total, self._worker.host.clock.now()
        if not self.told:
            self._arm()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _hooked(self, ended: HookEnded) -> None:
        if self.told or self._worker.closed or self._worker.endings is None or self._worker.endings.get(self._container.name) is not self:
            return
        if ended.message:
            self._worker.events.container(self._container, "Warning", "FailedPreStopHook", "PreStopHook failed")
        self.turn()

    def _arm(self) -> None:
        self.close()
        self._timer = self._worker.later(self._began + self._total, self.go)


def stop(worker: PodWorker, container: Container, message: str = "", because: Kind | None = None) -> None:
    """Nothing happens when it was told already. `because`: the probe that failed."""
    if container.ending:
        return
    container.ending = container.busy = True
    worker.events.container(container, "Normal", "Killing", message or f"Stopping container {container.name}")
    total = grace(worker.pod, container.spec, because)
    if worker.most_grace is not None:
        total = min(total, worker.most_grace)
    hooked = total > 0 and "preStop" in (container.spec.get("lifecycle") or ())
    if not hooked and (container.role != "sidecar" or because is not None):
        worker.runtime.stop(worker.pod, container, remaining(total, 0.0))
        return
    if worker.endings is None:
        worker.endings = {}
    worker.endings[container.name] = ending = Ending(worker, container, total)
    if hooked:
        ending.hook()
    else:
        ending.turn()


def next_turn(worker: PodWorker) -> None:
    """Some have ended: whoever waited for that is stopped."""
    for container in next_to_stop(worker.containers):
        ending = worker.endings.get(container.name) if worker.endings else None
        if ending is not None and ending.waits:
            ending.go()


def hurry(worker: PodWorker, total: float) -> None:
    """The pod was given less time: `total` seconds from now on."""
    for container in worker.containers:
        if container.ending and isinstance(container.state, Running):
            ending = worker.endings.get(container.name) if worker.endings else None
            if ending is not None:
                ending.hurry(total)
            if ending is None or ending.told:
                worker.runtime.stop(worker.pod, container, total)
