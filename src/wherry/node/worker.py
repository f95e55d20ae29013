"""One pod on its node: applies what the runtime reports, asks the rules what is next, and says when its status has to be written.

Kept by the agent, one per pod, with no task of its own: it moves when the pod changes, when the runtime reports, or when a timer ends. The
parts of its work: `sandboxing` (volumes and sandbox), `starting` (from image to postStart), `probing`, `ending` (preStop to exit).
Invariant: containers are only started by `next_actions`, in a sandbox that is there, and never once the pod is to end.
Source of the rule: pkg/kubelet/pod_workers.go, kuberuntime_manager.go SyncPod, KillPod.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Literal

from wherry.api import timestamps
from wherry.api.objects import Obj, is_deleting, key
from wherry.node import ending, resizing, sandboxing, starting
from wherry.node.events import PodEvents
from wherry.node.host import Host
from wherry.node.probing import Probing
from wherry.node.runtime import Change, Exited, ImageFound, LookAgain, Pulled, PullFailed, Readiness, Started, StartFailed
from wherry.rules.pods.kubelet.actions import all_done, next_actions
from wherry.rules.pods.kubelet.container import Container, Running, Terminated, Waiting, new_ephemeral, of_pod
from wherry.rules.pods.kubelet.container_status import from_status
from wherry.rules.pods.kubelet.resize import Resizing
from wherry.rules.pods.kubelet.restart import after_exit, go_duration, should_restart
from wherry.rules.pods.kubelet.static_pods import pod_id
from wherry.rules.pods.kubelet.status import About, Place, Verdict, pod_status
from wherry.rules.pods.kubelet.termination import MINIMUM

_OVERDUE = Verdict("DeadlineExceeded", "Pod was active on the node longer than the specified deadline")
_ENDED = ("Succeeded", "Failed")
#: seconds for which CrashLoopBackOff shows before the restart
_SHOWN = 0.05


class PodWorker:
    """`finished`: the pod was to end and nothing of it runs any more. `stopping`: it is being deleted. `verdict`: why the node ended it."""

    __slots__ = (
        "_again", "_closed", "_deadline", "_syncing", "_timer", "containers", "drained", "endings", "events", "finished", "host", "key",
        "most_grace", "node", "place", "pod", "probings", "queued", "resizing", "runtime", "sandbox",
        "stopping", "uid", "verdict", "volume_wait",
    )  # fmt: skip

    def __init__(self, host: Host, pod: Obj, node: str, place: Place, events: PodEvents) -> None:
        self.pod = pod
        self.uid = pod_id(pod)
        self.key = key(pod)
        self.node = node
        self.place = place
        self.host = host
        self.runtime = host.runtime_of(node)
        self.events = events
        self.containers: list[Container] = []
        self.sandbox: Literal["none", "busy", "ready"] = "none"
        self.volume_wait = 0.0
        self.finished = self.queued = self.stopping = self.drained = False
        self.verdict: Verdict | None = None
        self.most_grace: float | None = None
        self.resizing: Resizing | None = None
        self.probings: dict[str, Probing] | None = None
        self.endings: dict[str, ending.Ending] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._syncing = self._again = self._closed = False

    @property
    def ends(self) -> bool:
        """Nothing is to be started any more."""
        return self.stopping or self.verdict is not None

    @property
    def closed(self) -> bool:
        return self._closed

    # --- what comes in ---
    def begin(self) -> None:
        """The pod is new to this agent: take over what its status says runs, start the rest."""
        known = "containerStatuses" in (self.pod.get("status") or {})
        self.containers = from_status(self.pod) if known else of_pod(self.pod)
        for problem in self.runtime.check(self.pod):
            self.events.pod("Warning", "InvalidAnnotation", problem)
        if known:
            self._adopt()
        self._watch_deadline()
        self.stopping = self.drained = is_deleting(self.pod)
        if self.stopping or self.runtime.config == "all":
            self.changed()  # programs take a moment to start: until then it is known that the node has the pod
        self.sync()

    def refuse(self, verdict: Verdict) -> None:
        """The node does not take the pod: nothing of it is ever started."""
        self.verdict, self.finished = verdict, True
        self.changed()

    def _adopt(self) -> None:
        if self.runtime.holds(self.node, self.pod):
            self.sandbox = "ready"
        else:
            # a new sandbox means: from the first init container on
            for container in self.containers:
                if container.role == "init" and isinstance(container.state, Terminated) and container.state.exit_code == 0:
                    container.last, container.state = container.state, Waiting("PodInitializing")
        for container in self.containers:
            if isinstance(container.state, Running):
                if self.sandbox == "ready" and self.runtime.adopt(self.node, self.pod, container, partial(self.report, container)):
                    self._alive(container)
                else:
                    self._lost(container)

    def update(self, pod: Obj) -> None:
        """A new version of the pod."""
        old, self.pod = self.pod, pod
        self.events.about = pod
        self.runtime.saw(pod)
        before, after = old["metadata"], pod["metadata"]
        if is_deleting(pod):
            self._deleted(after.get("deletionGracePeriodSeconds"), before.get("deletionGracePeriodSeconds"))
        elif before.get("generation") != after.get("generation"):
            self._changed_spec(pod["spec"])
            self.changed()  # its status says which generation was seen
        elif pod["spec"].get("readinessGates") and _conditions(old) != _conditions(pod):
            self.changed()  # whether it is ready is others' to say too

    def look_again(self) -> None:
        """Something that it waited for may be there."""
        if self.sandbox != "ready":
            self.sync()

    def close(self) -> None:
        """The pod is gone from the API, or the agent stops."""
        self._closed = True
        for timer in (self._timer, self._deadline):
            if timer is not None:
                timer.cancel()
        for probing in (self.probings or {}).values():
            probing.close()
        for each in (self.endings or {}).values():
            each.close()

    def status(self, pod: Obj) -> Obj:
        """The status to write on top of that version of the pod."""
        ended = self.finished or self.verdict is not None
        now, full = self.host.clock.now(), self.host.full
        about = About(full, ended, self.verdict, self.resizing)
        return pod_status(pod, self.containers, self.place, now, about)

    def _deleted(self, grace: float | None, before: float | None) -> None:
        if not self.stopping:
            self.stopping = True
            self.changed()
            self.host.drain(self.pod, self._drained)
        elif grace is not None and before is not None and grace < before:
            ending.hurry(self, max(float(grace), MINIMUM))

    def _drained(self) -> None:
        """No new connection comes to it any more: now it may end."""
        self.drained = True
        self.sync()

    def _changed_spec(self, spec: Obj) -> None:
        """Images may change and ephemeral containers be added; the rest of a pod's containers stays as it is."""
        fields = ("initContainers", "containers", "ephemeralContainers")
        specs = {c["name"]: c for field in fields for c in spec.get(field) or ()}
        for container in self.containers:
            new, old = specs.get(container.name, container.spec), container.spec
            changed = new.get("image") != old.get("image")
            # resources are the node's to give
            container.spec = new if new.get("resources") == old.get("resources") else {**new, "resources": old.get("resources") or {}}
            if changed and isinstance(container.state, Running) and container.role in ("app", "sidecar") and not self.ends:
                told = f"Container {container.name} definition changed, will be restarted"
                ending.stop(self, container, told if container.role == "app" else f"Init container {container.name} definition changed")
        self.containers += new_ephemeral(self.pod, [c.name for c in self.containers])
        resizing.consider(self)
        self.sync()

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
        if self.stopping and not self.drained:
            return
        if self.ends or all_done(self.containers, self.pod["spec"]):
            self._step_to_end()
            return
        if (self.pod.get("status") or {}).get("phase") in _ENDED:
            return
        if self.sandbox != "ready":
            sandboxing.step(self)
            return
        now = self.host.clock.now()
        self._note_back_offs(now)
        actions = next_actions(self.containers, self.pod["spec"], now)
        for container in actions.start:
            starting.begin(self, container)
            if container.starting or any(c.held for c in self.containers):
                break  # what follows waits for its start, and for its postStart hook
        if not self._again:
            self.set_timer(actions.look_again_at)

    def _step_to_end(self) -> None:
        """Stop what runs; when nothing does any more, the pod is finished."""
        running = False
        for container in self.containers:
            if isinstance(container.state, Running):
                running = True
                ending.stop(self, container)
        if self.endings:
            ending.next_turn(self)
        if not self._again and not running and not self.finished and not any(isinstance(c.state, Running) for c in self.containers):
            self.finished = True
            self.set_timer(None)
            self.runtime.finish(self.pod)
            self.place = self.place._replace(sandbox=False)
            self.changed()

    def _note_back_offs(self, now: float) -> None:
        """As the kubelet looks: once it tells of the back-off, and only when it looks again does the state say so."""
        for container in self.containers:
            if not isinstance(container.state, Terminated) or not container.crash_back_off or not container.retry_at or container.busy:
                continue
            if not should_restart(container.spec, self.pod["spec"], container.state.exit_code) and container.role != "sidecar":
                continue
            if container.noted:
                waits = go_duration(container.retry_at - container.state.finished_at)
                message = f"back-off {waits} restarting failed container={container.name} pod={self.events.who}"
                container.last, container.state = container.state, Waiting("CrashLoopBackOff", message)
                container.retry_at = max(container.retry_at, now + _SHOWN)
                self.changed()
            elif container.retry_at > now:
                container.noted = True
                text = f"Back-off restarting failed container {container.name} in pod {self.events.who}"
                self.events.container(container, "Warning", "BackOff", text)

    # --- what the runtime reports ---
    def report(self, container: Container, change: Change) -> None:
        if not self._closed:
            _APPLY[type(change)](self, container, change)

    def alive(self, container: Container) -> None:
        """It runs, and its postStart hook is done."""
        container.busy = container.held = False
        self._alive(container)
        self.changed()
        self.sync()

    def _alive(self, container: Container) -> None:
        if container.role in ("app", "sidecar") and Probing.needed(container.spec):
            if self.probings is None:
                self.probings = {}
            self.probings[container.name] = probing = Probing(self, container)
            probing.begin()
        elif container.role != "ephemeral":
            container.started = True
            container.ready = container.role != "init" and not container.withheld

    def _readiness(self, container: Container, change: Readiness) -> None:
        if not isinstance(container.state, Running) or container.role not in ("app", "sidecar"):
            return
        container.withheld = not change.ready
        if change.message and not change.ready:
            self.events.container(container, "Warning", "Unhealthy", change.message)
        probing = self.probings.get(container.name) if self.probings else None
        container.ready = change.ready and container.started and (probing is None or probing.ready)
        if not container.held:
            self.changed()

    def _look_again(self, container: Container, change: LookAgain) -> None:
        if self.probings and container.name in self.probings:
            self.probings[container.name].look_again()

    def _exited(self, container: Container, change: Exited) -> None:
        since = container.state.started_at if isinstance(container.state, Running) else change.at
        reason = change.reason or ("Error" if change.exit_code else "Completed")
        id_ = container.id if self.host.full else ""
        container.state = Terminated(change.exit_code, reason, since, change.at, change.message, id_, change.signal)
        container.busy = container.started = container.held = container.ending = False
        container.ready = container.role == "init" and change.exit_code == 0
        for parts in (self.probings, self.endings):
            if parts and (part := parts.pop(container.name, None)) is not None:
                part.close()
        self.over(container)
        self.changed()
        self.sync()

    def over(self, container: Container) -> None:
        """It has ended: if it is to run again, after its back-off."""
        end = container.state if isinstance(container.state, Terminated) else container.last
        # sidecars that are stopped because all else is done stay down
        if end is None or self.ends or (container.role == "sidecar" and all_done(self.containers, self.pod["spec"])):
            return
        if container.role != "ephemeral" and should_restart(container.spec, self.pod["spec"], end.exit_code):
            wait = after_exit(container.crash_back_off, container.crash_noted_at, end.finished_at)
            container.noted = False
            container.retry_at = end.finished_at + wait.seconds if wait.seconds else 0.0
            container.crash_back_off, container.crash_noted_at = wait.back_off, wait.noted_at

    def wait(self, container: Container, state: Waiting) -> None:
        """It waits now; how it ended before stays known."""
        if isinstance(container.state, Terminated):
            container.last = container.state
        container.state = state

    def _lost(self, container: Container) -> None:
        """The status says it runs, the runtime does not know it."""
        since = container.state.started_at if isinstance(container.state, Running) else 0.0
        message = "The container could not be located when the pod was terminated"
        container.state = Terminated(137, "ContainerStatusUnknown", since, self.host.clock.now(), message, container.id)
        container.ready = container.started = False

    # --- timers and writes ---
    def changed(self) -> None:
        self.host.status_changed(self)

    def set_timer(self, at: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if at is not None:
            self._timer = self.later(at, self.sync)

    def later(self, at: float, call: Callable[[], None]) -> asyncio.TimerHandle:
        return self.host.clock.call_later(max(at - self.host.clock.now(), 0.0), call)

    def _watch_deadline(self) -> None:
        limit = self.pod["spec"].get("activeDeadlineSeconds")
        if limit is not None:
            started = (self.pod.get("status") or {}).get("startTime")
            since = timestamps.parse(started) if started else self.place.started_at
            self._deadline = self.later(since + limit, self._overdue)

    def _overdue(self) -> None:
        if self.active and not self.stopping:
            self.events.pod("Normal", _OVERDUE.reason, _OVERDUE.message)
            self.end(_OVERDUE)

    @property
    def active(self) -> bool:
        """It has not ended, and nobody has ended it."""
        return not self.finished and self.verdict is None and (self.pod.get("status") or {}).get("phase") not in _ENDED

    def end(self, verdict: Verdict, grace: float | None = None) -> None:
        """The node ends it, and says why. `grace`: it gets no more seconds than that."""
        self.verdict, self.most_grace = verdict, grace
        if self.stopping and grace is not None:
            ending.hurry(self, max(grace, MINIMUM))
        self.changed()
        self.sync()


def _conditions(pod: Obj) -> list[Obj]:
    found: list[Obj] = (pod.get("status") or {}).get("conditions") or []
    return found


_APPLY: dict[type[Change], Callable[..., None]] = {
    ImageFound: starting.found,
    Pulled: starting.pulled,
    PullFailed: starting.pull_failed,
    Started: starting.started,
    StartFailed: starting.start_failed,
    Readiness: PodWorker._readiness,
    LookAgain: PodWorker._look_again,
    Exited: PodWorker._exited,
}
