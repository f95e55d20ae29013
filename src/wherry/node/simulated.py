"""The simulated runtime: a container is a state machine with declared timings and faults; no process runs, and it says so.

Used by `SimulatedNodes`. With all timings zero everything is reported before `prepare`, `pull` or `start` returns, so a pod costs no timer
and no task. How containers behave: their node's timings, what their command plainly does, the pod's annotations (`rules.pods.kubelet`),
and what is in force in `faults`, for containers that run already too. Images and sessions: `simulated_images`, `simulated_sessions`.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from wherry.api.objects import Obj, uid
from wherry.faults.pods import PodFaults
from wherry.kit.clock import Clock
from wherry.node.addresses import PodAddresses
from wherry.node.runtime import (
    Attempt,
    Exited,
    HookEnded,
    HookReport,
    Launch,
    LookAgain,
    PodReport,
    Probed,
    Readiness,
    Report,
    SandboxFailed,
    SandboxReady,
    Started,
)  # fmt: skip
from wherry.node.simulated_images import SimulatedImages
from wherry.node.simulated_sessions import SimulatedSessions
from wherry.rules.pods.kubelet import images, simulated_probes
from wherry.rules.pods.kubelet.container import Container, Running
from wherry.rules.pods.kubelet.container_status import user_of
from wherry.rules.pods.kubelet.probes import Kind
from wherry.rules.pods.kubelet.references import Found
from wherry.rules.pods.kubelet.simulation import Behaviour, Timings, behaviour, end_of

_SIGKILLED = 137
#: in place of an exit code
_OUT_OF_MEMORY = -1


@dataclass(slots=True)
class _Life:
    """Of a container that runs; `how`: what it was planned by."""

    container: Container
    report: Report
    how: Behaviour
    since: float


class _Pod:
    """What the runtime knows of one pod: how it behaves, which of its containers run, and what is pending for them."""

    __slots__ = ("address", "behaviour", "lives", "node", "pod", "timers")

    def __init__(self, pod: Obj, node: str, how: Behaviour) -> None:
        self.pod = pod
        self.node = node
        self.behaviour = how
        self.address = ""
        self.lives: dict[str, _Life] = {}
        self.timers: dict[str, list[asyncio.TimerHandle]] | None = None

    def plan(self, container: str, timer: asyncio.TimerHandle) -> None:
        if self.timers is None:
            self.timers = {}
        self.timers.setdefault(container, []).append(timer)

    def cancel(self, container: str) -> None:
        for timer in self.timers.pop(container, ()) if self.timers else ():
            timer.cancel()

    def stand_still(self) -> None:
        self.lives.clear()
        for container in list(self.timers or ()):
            self.cancel(container)


class SimulatedRuntime(SimulatedImages, SimulatedSessions):
    """`whole_pods`: a pod of which one image is missing starts none of its containers, as the simulated nodes of the recordings do."""

    name = "simulated"
    version = "1"
    config: Literal["nothing", "faults", "all"] = "faults"

    def __init__(self, clock: Clock, timings: Timings, missing_images: Sequence[str] = images.MISSING, *, whole_pods: bool = True,
                 addresses: PodAddresses | None = None) -> None:
        SimulatedImages.__init__(self, missing_images, whole_pods=whole_pods)
        SimulatedSessions.__init__(self, clock)
        self.addresses = addresses or PodAddresses()
        self._timings = timings
        self._pods: dict[str, _Pod] = {}
        self.faults = PodFaults(changed=self._look_again)

    # --- pods ---
    async def begin(self, pods: Sequence[Obj]) -> None:
        for pod in pods:
            self._reserve(pod["spec"]["nodeName"], pod)

    def _reserve(self, node: str, pod: Obj) -> str:
        """The address that its status says is its own."""
        address: str = (pod.get("status") or {}).get("podIP") or ""
        if address and not pod["spec"].get("hostNetwork"):
            self.addresses.reserve(node, address)
        return address

    def check(self, pod: Obj) -> list[str]:
        return behaviour(pod, self._timings)[1]

    def saw(self, pod: Obj) -> None:
        if (known := self._pods.get(uid(pod))) is not None:
            known.pod = pod

    def read_file(self, pod: Obj, volume: str, path: str) -> str | None:
        raise LookupError("no program writes into simulated volumes")

    def prepare(self, node: str, pod: Obj, found: Found, report: PodReport) -> None:
        run = self._of(pod)
        if not run.address and not pod["spec"].get("hostNetwork"):
            run.address = self._reserve(node, pod) or self.addresses.take(node)
            if not run.address:
                report(SandboxFailed("no pod address is free"))
                return
        report(SandboxReady((run.address,) if run.address else ()))

    def refresh(self, pod: Obj, found: Found) -> None:
        """Nobody reads its files."""

    def holds(self, node: str, pod: Obj) -> bool:
        address = self._reserve(node, pod)
        if address and not pod["spec"].get("hostNetwork"):
            self._of(pod).address = address
        return bool(address)

    def finish(self, pod: Obj) -> None:
        run = self._pods.get(uid(pod))
        if run is not None:
            run.stand_still()

    def remove(self, pod: Obj) -> None:
        run = self._pods.pop(uid(pod), None)
        if run is not None:
            run.stand_still()
            self.addresses.give_back(run.node, run.address)
        elif address := (pod.get("status") or {}).get("podIP"):
            self.addresses.give_back(pod["spec"].get("nodeName", ""), address)

    def lose(self, pod: Obj) -> None:
        run = self._pods.pop(uid(pod), None)
        if run is not None:
            run.stand_still()

    # --- images ---
    def pull(self, node: str, pod: Obj, container: Container, report: Report) -> None:
        run = self._of(pod)
        how = self._how(run, container)
        missing = self._missing_image(pod, container, missing=how.missing)
        self._after(run, container.name, how.pull, self._pulled, node, container.image, missing, how.pull, report)

    def find_image(self, node: str, pod: Obj, container: Container, report: Report) -> None:
        missing = self._missing_image(pod, container, missing=self._how(self._of(pod), container).missing)
        self._found(node, container.image, missing, report)

    # --- containers ---
    def start(self, node: str, pod: Obj, container: Container, launch: Launch, report: Report) -> None:
        run = self._of(pod)
        run.cancel(container.name)
        self._after(run, container.name, self._how(run, container).start, self._started, run, pod, container, report)

    def _started(self, run: _Pod, pod: Obj, container: Container, report: Report) -> None:
        now = self._clock.now()
        how = self._how(run, container)
        life = run.lives[container.name] = _Life(container, report, how, now)
        report(Started(self._id(pod, container), _image_id(container.image), now, ready=not self._held_back(life, 0.0),
                       user=user_of(container.spec, pod["spec"])))
        self._live(run, life, 0.0)

    def _held_back(self, life: _Life, age: float) -> bool:
        """Whether the runtime itself says that the container is not ready: where no probe of its own is played."""
        return life.container.role == "app" and not self._probed(life) and (life.how.never_ready or life.how.ready > age)

    def _probed(self, life: _Life) -> bool:
        return life.how.probed and "readinessProbe" in life.container.spec

    def _live(self, run: _Pod, life: _Life, age: float) -> None:
        """Plan the rest of the container's life, `age` seconds into it."""
        container = life.container
        how = life.how = self._how(run, container)
        end = end_of(how, container.spec, container.role)
        if container.role == "app" and not self._probed(life):
            self._live_unprobed(run, life, age, end)
        elif container.role == "app" and age < how.ready and not how.never_ready:
            self._after(run, container.name, how.ready - age, self._again, life)
        if how.unhealthy_after is not None and age < how.unhealthy_after:
            self._after(run, container.name, how.unhealthy_after - age, self._again, life)
        if end is not None:
            code = _OUT_OF_MEMORY if how.oom and container.role == "app" else end[1]
            self._after(run, container.name, end[0] - age, self._exit, run, container.name, code)

    def _live_unprobed(self, run: _Pod, life: _Life, age: float, end: tuple[float, int] | None) -> None:
        how, name = life.how, life.container.name
        if how.never_ready:
            life.report(Readiness(False, "Readiness probe failed: simulated: the pod is told not to become ready"))
        elif not (end is not None and end[0] <= how.ready):
            self._after(run, name, how.ready - age, self._ready, run, name, True)

    def _again(self, life: _Life) -> None:
        life.report(LookAgain())

    def _ready(self, run: _Pod, container: str, ready: bool) -> None:
        life = run.lives.get(container)
        if life is None:
            return
        if life.container.withheld is ready:
            life.report(Readiness(ready, "" if ready else "Readiness probe failed: simulated: it fails now and then"))
        if life.how.flapping:
            self._after(run, container, life.how.flapping, self._ready, run, container, not ready)

    def _look_again(self) -> None:
        """The faults in force have changed: what runs lives on by them."""
        for run in list(self._pods.values()):
            for life in list(run.lives.values()):
                if isinstance(life.container.state, Running) and self._how(run, life.container) != life.how:
                    self._replan(run, life)

    def _replan(self, run: _Pod, life: _Life) -> None:
        container = life.container
        if container.ending:
            return
        run.cancel(container.name)
        how = life.how = self._how(run, container)
        age = self._clock.now() - life.since
        if container.ready and not self._probed(life) and (how.never_ready or how.ready > age):
            life.report(Readiness(False))
        if container.name in run.lives:
            self._live(run, life, age)
            self._again(life)

    def _exit(self, run: _Pod, container: str, exit_code: int) -> None:
        run.cancel(container)
        life = run.lives.pop(container, None)
        if life is not None:
            killed = exit_code < 0
            life.report(Exited(_SIGKILLED if killed else exit_code, self._clock.now(), "OOMKilled" if killed else ""))

    def stop(self, pod: Obj, container: Container, grace: float) -> None:
        run = self._of(pod)
        run.cancel(container.name)
        takes = self._how(run, container).terminate
        exit_code = 0 if takes <= grace else _SIGKILLED
        self._after(run, container.name, min(takes, grace), self._exit, run, container.name, exit_code)

    def resize(self, pod: Obj, container: Container, resources: Obj, report: Callable[[str], None]) -> None:
        report("")

    def unresizable(self, container: Container, resources: Obj) -> str:
        return ""

    def probe(self, pod: Obj, container: Container, kind: Kind, spec: Obj, attempt: Attempt) -> None:
        life = self._of(pod).lives.get(container.name)
        if life is None:
            attempt(Probed(False, "the container does not run", error=True))
            return
        seen = simulated_probes.outcome(life.how, kind, spec, self._clock.now() - life.since)
        attempt(Probed(seen.success, seen.output, steady=seen.steady))

    def hook(self, pod: Obj, container: Container, name: str, handler: Obj, report: HookReport) -> None:
        run = self._of(pod)
        seconds, why = simulated_probes.hook(self._how(run, container), name, handler)
        # beside the container's own timers: those of its life may be taken back while the hook runs
        if math.isfinite(seconds):
            self._after(run, f"{container.name}/{name}", seconds, report, HookEnded(why))

    def adopt(self, node: str, pod: Obj, container: Container, report: Report) -> bool:
        """Nothing runs, so whatever the status says runs, does; its life goes on from where it was."""
        if not isinstance(container.state, Running):
            return False
        run = self._of(pod)
        age = self._clock.now() - container.state.started_at
        life = run.lives[container.name] = _Life(container, report, self._how(run, container), container.state.started_at)
        self.note_image(node, container.image)
        if not container.ready and self._held_back(life, age):
            report(Readiness(False))
        self._live(run, life, age)
        return True

    # --- helpers ---
    def _of(self, pod: Obj) -> _Pod:
        found = self._pods.get(uid(pod))
        if found is None:
            found = self._pods[uid(pod)] = _Pod(pod, pod["spec"].get("nodeName", ""), behaviour(pod, self._timings)[0])
        return found

    def _how(self, run: _Pod, container: Container) -> Behaviour:
        if not self.faults.active:
            return run.behaviour
        return self.faults.behaviour(run.behaviour, run.pod, container.name, container.image)

    def _after(self, run: _Pod, container: str, seconds: float, call: Callable[..., Any], *args: Any) -> None:
        if seconds <= 0.0:
            call(*args)
        else:
            run.plan(container, self._clock.call_later(seconds, call, *args))

    def _id(self, pod: Obj, container: Container) -> str:
        """Equal for the same pod, container and restart, so that a run on virtual time repeats."""
        told = f"{uid(pod)}/{container.name}/{container.restarts}/{self._clock.now()}"
        return f"{self.name}://{hashlib.sha256(told.encode()).hexdigest()}"


@lru_cache(maxsize=1024)
def _image_id(image: str) -> str:
    """Shared by all that run it."""
    return f"{image}@sim"
