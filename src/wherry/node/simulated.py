"""The simulated runtime: a container is a state machine with declared timings and faults; no process runs, and it says so.

Used by `SimulatedNodes`. With all timings zero everything is reported before `pull` or `start` returns, so a pod costs no timer and no
task. Faults: images that do not exist (globs), what the pod's annotations ask for (rules.kubelet.simulation), and what is in force in
`faults`, for containers that run already too.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from wherry.api import timestamps
from wherry.api.errors import BadRequest
from wherry.api.objects import Obj, name, uid
from wherry.faults.pods import PodFaults
from wherry.kit.clock import Clock
from wherry.node.runtime import Exited, LogOptions, Pulled, PullFailed, Readiness, Report, Started
from wherry.rules.kubelet import images
from wherry.rules.kubelet.container import Container, Running
from wherry.rules.kubelet.simulation import Behaviour, Timings, behaviour

_SIGKILLED = 137
#: in place of an exit code
_OUT_OF_MEMORY = -1


@dataclass(slots=True)
class _Life:
    """Of a container that runs; `how`: what it was planned by."""

    container: Container
    report: Report
    how: Behaviour


class _Pod:
    """What the runtime knows of one pod: how it behaves, which of its containers run, and what is pending for them."""

    __slots__ = ("behaviour", "lives", "pod", "timers")

    def __init__(self, pod: Obj, how: Behaviour) -> None:
        self.pod = pod
        self.behaviour = how
        self.lives: dict[str, _Life] = {}
        self.timers: dict[str, list[asyncio.TimerHandle]] | None = None

    def plan(self, container: str, timer: asyncio.TimerHandle) -> None:
        if self.timers is None:
            self.timers = {}
        self.timers.setdefault(container, []).append(timer)

    def cancel(self, container: str) -> None:
        for timer in self.timers.pop(container, ()) if self.timers else ():
            timer.cancel()


class SimulatedRuntime:
    """`whole_pods`: a pod of which one image is missing starts none of its containers, as the simulated nodes of the recordings do."""

    name = "simulated"
    version = "1"

    def __init__(self, clock: Clock, timings: Timings, missing_images: Sequence[str] = images.MISSING, *, whole_pods: bool = True) -> None:
        self._clock = clock
        self._timings = timings
        self._missing = tuple(missing_images)
        self._whole_pods = whole_pods
        self._pods: dict[str, _Pod] = {}
        self.faults = PodFaults(changed=self._look_again)
        self._images: dict[str, set[str]] = {}
        self._loaded: dict[str, set[str]] = {}

    def check(self, pod: Obj) -> list[str]:
        return behaviour(pod, self._timings)[1]

    def saw(self, pod: Obj) -> None:
        if (known := self._pods.get(uid(pod))) is not None:
            known.pod = pod

    # --- images ---
    def pull(self, node: str, pod: Obj, container: Container, report: Report) -> None:
        present = container.image in self._images.setdefault(node, set())
        missing = self._missing_image(pod, container)
        policy = container.spec.get("imagePullPolicy") or ""
        run = self._of(pod)
        how = self._how(run, container)
        if missing is None and not images.must_pull(policy, present):
            report(Pulled(present=True))
        elif policy == "Never":
            report(PullFailed(container.image, images.never(container.image), never=True))
        else:
            self._after(run, container.name, how.pull, self._pulled, node, container.image, missing, how.pull, report)

    def _pulled(self, node: str, image: str, missing: str | None, seconds: float, report: Report) -> None:
        if missing is not None:
            report(PullFailed(missing, f"rpc error: code = NotFound desc = simulated registry: {images.with_tag(missing)}: not found"))
        else:
            self._images.setdefault(node, set()).add(image)
            report(Pulled(seconds=seconds))

    def _missing_image(self, pod: Obj, container: Container) -> str | None:
        if self._is_missing(container.image, pod) or self._how(self._of(pod), container).missing:
            return container.image
        others = pod["spec"]["containers"] if self._whole_pods and container.role == "app" else ()
        return next((c["image"] for c in others if self._is_missing(c.get("image", ""), pod)), None)

    def load(self, node: str, image: str) -> None:
        """The image is on the node from now on, whatever the registry has (`kind load docker-image`)."""
        self._images.setdefault(node, set()).add(image)
        self._loaded.setdefault(node, set()).add(images.with_tag(image))

    def _is_missing(self, image: str, pod: Obj) -> bool:
        node = pod["spec"].get("nodeName", "")
        if images.with_tag(image) in self._loaded.get(node, ()):
            return False
        return images.is_missing(image, self._missing) or self.faults.missing(image, node)

    # --- containers ---
    def start(self, node: str, pod: Obj, container: Container, report: Report) -> None:
        run = self._of(pod)
        run.cancel(container.name)
        self._after(run, container.name, self._how(run, container).start, self._started, run, pod, container, report)

    def _started(self, run: _Pod, pod: Obj, container: Container, report: Report) -> None:
        life = run.lives[container.name] = _Life(container, report, run.behaviour)
        now = self._clock.now()
        report(Started(self._id(pod, container), _image_id(container.image), now))
        self._live(run, life, 0.0)

    def _live(self, run: _Pod, life: _Life, age: float) -> None:
        """Plan the rest of the container's life, `age` seconds into it."""
        container = life.container
        how = life.how = self._how(run, container)
        if container.role == "init":
            self._after(run, container.name, 0.0, self._exit, run, container.name, 0)
            return
        ends = container.role == "app" and how.run is not None
        if not how.never_ready and not (ends and (how.run or 0.0) <= how.ready):
            self._after(run, container.name, how.ready - age, self._ready, run, container.name, True)
        if ends:
            code = _OUT_OF_MEMORY if how.oom else how.exit_code
            self._after(run, container.name, (how.run or 0.0) - age, self._exit, run, container.name, code)

    def _ready(self, run: _Pod, container: str, ready: bool) -> None:
        life = run.lives.get(container)
        if life is None:
            return
        life.report(Readiness(ready))
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
        run.cancel(container.name)
        how = self._how(run, container)
        age = self._clock.now() - container.state.started_at if isinstance(container.state, Running) else 0.0
        if container.ready and (how.never_ready or how.ready > age):
            life.report(Readiness(False))
        if container.name in run.lives:
            self._live(run, life, age)

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

    def adopt(self, node: str, pod: Obj, container: Container, report: Report) -> bool:
        """Nothing runs, so whatever the status says runs, does; its life goes on from where it was."""
        if not isinstance(container.state, Running):
            return False
        run = self._of(pod)
        life = run.lives[container.name] = _Life(container, report, run.behaviour)
        self._images.setdefault(node, set()).add(container.image)
        self._live(run, life, self._clock.now() - container.state.started_at)
        return True

    def remove(self, pod: Obj) -> None:
        run = self._pods.pop(uid(pod), None)
        if run is not None:
            run.lives.clear()
            for container in list(run.timers or ()):
                run.cancel(container)

    # --- output ---
    async def logs(self, pod: Obj, container: str, options: LogOptions) -> AsyncIterator[bytes]:
        if options.previous:
            raise BadRequest(f'previous terminated container "{container}" in pod "{name(pod)}" not found')
        image = next((c.get("image", "") for c in pod["spec"]["containers"] if c["name"] == container), "")
        line = f"wherry: container {container} ({image}) is simulated: no process runs, so there is no output\n"
        if options.timestamps:
            line = f"{timestamps.time(self._clock.now())} {line}"
        if options.tail_lines != 0:
            yield line.encode()[: options.limit_bytes]

    async def exec(self, pod: Obj, container: str, command: Sequence[str], stdin: bytes = b"") -> tuple[int, bytes, bytes]:
        raise BadRequest(f"container {container} of pod {name(pod)} is simulated: no command can run in it")

    # --- helpers ---
    def _of(self, pod: Obj) -> _Pod:
        found = self._pods.get(uid(pod))
        if found is None:
            found = self._pods[uid(pod)] = _Pod(pod, behaviour(pod, self._timings)[0])
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
