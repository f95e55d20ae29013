"""One pod on its node: applies what the runtime reports, asks the rules what is next, and says when its status has to be written.

Kept by the agent, one per pod, with no task of its own: it moves when the pod changes, when the runtime reports, or when its one timer
ends. Invariant: containers are only started by `next_actions`, and never once the pod is to end.
Source of the rule: pkg/kubelet/pod_workers.go, kuberuntime_manager.go SyncPod, KillPod.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Protocol

from wherry.api import timestamps
from wherry.api.objects import Obj, is_deleting, key, uid
from wherry.kit.clock import Clock
from wherry.node.events import PodEvents
from wherry.node.runtime import Change, Exited, Pulled, PullFailed, Readiness, Runtime, Started, StartFailed
from wherry.rules.kubelet import images
from wherry.rules.kubelet.actions import all_done, next_actions
from wherry.rules.kubelet.container import Container, Running, Terminated, Waiting, of_pod
from wherry.rules.kubelet.container_status import from_status
from wherry.rules.kubelet.restart import after_exit, go_duration, next_pull_wait, should_restart
from wherry.rules.kubelet.status import Place, Verdict, pod_status

_OVERDUE = Verdict("DeadlineExceeded", "Pod was active on the node longer than the specified deadline")
_DEFAULT_GRACE = 30


class Host(Protocol):
    """What a worker needs of the agent that keeps it."""

    clock: Clock
    runtime: Runtime
    full: bool

    def status_changed(self, worker: PodWorker) -> None: ...


class PodWorker:
    """`finished`: the pod was to end and nothing of it runs any more."""

    def __init__(self, host: Host, pod: Obj, node: str, place: Place, events: PodEvents) -> None:
        self.pod = pod
        self.uid = uid(pod)
        self.key = key(pod)
        self.node = node
        self.place = place
        self.finished = False
        self.queued = False
        self._host = host
        self._events = events
        self._containers: list[Container] = []
        self._verdict: Verdict | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._syncing = self._again = self._closed = False
        self._stopping = False

    # --- what comes in ---
    def begin(self) -> None:
        """The pod is new to this agent: take over what its status says runs, start the rest."""
        known = (self.pod.get("status") or {}).get("containerStatuses")
        self._containers = from_status(self.pod) if known else of_pod(self.pod)
        for problem in self._host.runtime.check(self.pod):
            self._events.pod("Warning", "InvalidAnnotation", problem)
        for container in self._containers:
            if isinstance(container.state, Running):
                report = partial(self._report, container)
                if not self._host.runtime.adopt(self.node, self.pod, container, report):
                    self._lost(container)
        self._watch_deadline()
        self.update(self.pod)

    def update(self, pod: Obj) -> None:
        """A new version of the pod."""
        self.pod = self._events.about = pod
        self._host.runtime.saw(pod)
        if is_deleting(pod) and not self._stopping:
            self._stopping = True
            self._changed()
        self.sync()

    def close(self) -> None:
        """The pod is gone from the API, or the agent stops."""
        self._closed = True
        for timer in (self._timer, self._deadline):
            if timer is not None:
                timer.cancel()

    def status(self, pod: Obj) -> Obj:
        """The status to write on top of that version of the pod."""
        ended = self.finished or self._verdict is not None
        now, full = self._host.clock.now(), self._host.full
        return pod_status(pod, self._containers, self.place, now, full=full, terminal=ended, verdict=self._verdict)

    # --- the step ---
    def sync(self) -> None:
        """Do what is next until nothing is."""
        if self._syncing:
            self._again = True
            return
        if self._closed:
            return
        self._syncing = True
        try:
            self._again = True
            while self._again:
                self._again = False
                self._step()
        finally:
            self._syncing = False

    def _step(self) -> None:
        if self._stopping or self._verdict is not None:
            self._step_to_end()
            return
        if (self.pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
            return
        actions = next_actions(self._containers, self.pod["spec"], self._host.clock.now())
        for container in actions.stop:
            self._stop(container)
        for container in actions.start:
            self._start(container)
        if not self._again:
            self._set_timer(actions.look_again_at)

    def _step_to_end(self) -> None:
        """Stop what runs: first the containers, then the sidecars."""
        running = [c for c in self._containers if isinstance(c.state, Running)]
        first = [c for c in running if c.role != "sidecar"] or running
        for container in first:
            if not container.busy:
                self._stop(container)
        if not self._again and not any(isinstance(c.state, Running) for c in self._containers) and not self.finished:
            self.finished = True
            self._set_timer(None)
            self._host.runtime.remove(self.pod)
            self._changed()

    def _start(self, container: Container) -> None:
        container.busy = True
        self._host.runtime.pull(self.node, self.pod, container, partial(self._report, container))
        if container.busy and isinstance(container.state, Waiting):
            self._changed()

    def _stop(self, container: Container) -> None:
        container.busy = True
        self._events.container(container, "Normal", "Killing", f"Stopping container {container.name}")
        meta = self.pod["metadata"]
        grace = meta.get("deletionGracePeriodSeconds", self.pod["spec"].get("terminationGracePeriodSeconds", _DEFAULT_GRACE))
        self._host.runtime.stop(self.pod, container, float(grace))

    # --- what the runtime reports ---
    def _report(self, container: Container, change: Change) -> None:
        if self._closed:
            return
        _APPLY[type(change)](self, container, change)
        if not isinstance(change, Pulled):
            self._changed()
            self.sync()

    def _pulled(self, container: Container, change: Pulled) -> None:
        container.pull_back_off = 0.0
        self._events.pulled(container, change.present, change.seconds, change.size)
        if not (self._stopping or self._verdict):
            self._host.runtime.start(self.node, self.pod, container, partial(self._report, container))

    def _pull_failed(self, container: Container, change: PullFailed) -> None:
        container.busy = False
        container.pull_back_off = next_pull_wait(container.pull_back_off)
        container.retry_at = self._host.clock.now() + container.pull_back_off
        if change.never:
            self._wait(container, Waiting(images.NEVER_PULL, change.message))
            self._events.container(container, "Warning", images.NEVER_PULL, change.message)
            return
        # the kubelet shows ErrImagePull until its next look; both in one write, the state that stays
        self._wait(container, Waiting(images.PULL_BACK_OFF, images.back_off_state(change.image, change.message)))
        self._events.pull_failed(container, change.image, change.message)

    def _started(self, container: Container, change: Started) -> None:
        if isinstance(container.state, Terminated):
            container.last = container.state
        container.restarts += container.last is not None
        container.state = Running(change.at)
        container.busy, container.ready, container.started = False, False, container.role != "init"
        container.id, container.image_id = change.id, change.image_id
        self._events.started(container)

    def _start_failed(self, container: Container, change: StartFailed) -> None:
        container.busy = False
        container.pull_back_off = next_pull_wait(container.pull_back_off)
        container.retry_at = self._host.clock.now() + container.pull_back_off
        self._wait(container, Waiting(change.reason, change.message))
        self._events.container(container, "Warning", "Failed", f"Error: {change.message}")

    def _readiness(self, container: Container, change: Readiness) -> None:
        if isinstance(container.state, Running) and container.role != "init":
            container.ready, container.started = change.ready, change.started

    def _exited(self, container: Container, change: Exited) -> None:
        since = container.state.started_at if isinstance(container.state, Running) else change.at
        reason = change.reason or ("Error" if change.exit_code else "Completed")
        id_ = container.id if self._host.full else ""
        container.state = end = Terminated(change.exit_code, reason, since, change.at, change.message, id_, change.signal)
        container.busy = container.started = False
        container.ready = container.role == "init" and change.exit_code == 0
        ends = self._stopping or self._verdict is not None
        # sidecars that are stopped because all else is done stay down
        ends = ends or (container.role == "sidecar" and all_done(self._containers, self.pod["spec"]))
        if not ends and should_restart(container.spec, self.pod["spec"], change.exit_code):
            self._back_off(container, end)

    def _back_off(self, container: Container, end: Terminated) -> None:
        wait = after_exit(container.crash_back_off, container.crash_noted_at, end.finished_at)
        container.crash_back_off, container.crash_noted_at = wait.back_off, wait.noted_at
        container.retry_at = end.finished_at + wait.seconds
        if wait.seconds:
            container.last = end
            who = self._events.who
            message = f"back-off {go_duration(wait.seconds)} restarting failed container={container.name} pod={who}"
            container.state = Waiting("CrashLoopBackOff", message)
            self._events.container(container, "Warning", "BackOff", f"Back-off restarting failed container {container.name} in pod {who}")

    def _wait(self, container: Container, state: Waiting) -> None:
        """It waits now; how it ended before stays known."""
        if isinstance(container.state, Terminated):
            container.last = container.state
        container.state = state

    def _lost(self, container: Container) -> None:
        """The status says it runs, the runtime does not know it."""
        since = container.state.started_at if isinstance(container.state, Running) else 0.0
        message = "The container could not be located when the pod was terminated"
        container.state = Terminated(137, "ContainerStatusUnknown", since, self._host.clock.now(), message, container.id)
        container.ready = container.started = False

    # --- timers and writes ---
    def _changed(self) -> None:
        self._host.status_changed(self)

    def _set_timer(self, at: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if at is not None:
            self._timer = self._later(at, self.sync)

    def _later(self, at: float, call: Callable[[], None]) -> asyncio.TimerHandle:
        return self._host.clock.call_later(max(at - self._host.clock.now(), 0.0), call)

    def _watch_deadline(self) -> None:
        limit = self.pod["spec"].get("activeDeadlineSeconds")
        if limit is not None:
            started = (self.pod.get("status") or {}).get("startTime")
            since = timestamps.parse(started) if started else self.place.started_at
            self._deadline = self._later(since + limit, self._overdue)

    def _overdue(self) -> None:
        if not self._stopping and (self.pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed"):
            self._verdict = _OVERDUE
            self._events.pod("Normal", _OVERDUE.reason, _OVERDUE.message)
            self._changed()
            self.sync()


_APPLY: dict[type[Change], Callable[..., None]] = {
    Pulled: PodWorker._pulled,
    PullFailed: PodWorker._pull_failed,
    Started: PodWorker._started,
    StartFailed: PodWorker._start_failed,
    Readiness: PodWorker._readiness,
    Exited: PodWorker._exited,
}
