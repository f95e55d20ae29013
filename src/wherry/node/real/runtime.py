"""The runtime of real nodes: the agent's steps, carried out by an `Engine`.

Built by the cluster with the engine that all its real nodes share. Every step is a task; what it came to is reported on the loop, and what
it could not do is reported too: no step is left without an answer. Files are below `folder`: a pod's volumes, logs and messages, until the
pod is gone. Invariant: a container's exit is reported once, after its start.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import os
import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from wherry.api import quantity
from wherry.api.errors import StatusError
from wherry.api.objects import Obj, name
from wherry.client.protocol import Client
from wherry.kit.clock import Clock
from wherry.node import engine as engines
from wherry.node.addresses import PodAddresses
from wherry.node.engine import Engine, Mount
from wherry.node.real import attempts, boxes, logs
from wherry.node.real.left import Left
from wherry.node.real.pods import RealPods
from wherry.node.real.pull_secrets import credentials_of
from wherry.node.real.sessions import Life, RunningPod
from wherry.node.real.volumes import Volumes, mounts
from wherry.node.runtime import (
    Attempt,
    Exited,
    HookEnded,
    HookReport,
    ImageFound,
    Launch,
    Probed,
    Pulled,
    PullFailed,
    Report,
    Started,
    StartFailed,
)  # fmt: skip
from wherry.rules.pods.kubelet import network_files, resize
from wherry.rules.pods.kubelet.container import Container
from wherry.rules.pods.kubelet.probes import Kind
from wherry.rules.pods.kubelet.static_pods import pod_id

log = logging.getLogger(__name__)

_MOST_MESSAGE = 4096
#: the folders of volumes in memory, with the process that made them
_MEMORY, _SHARED = "wherry-", Path("/dev/shm")
#: seconds for which a container that runs is seen at least
_SEEN = 0.1
#: tasks by which pods and containers go, and seconds that they get at the end
_GOING, _CLOSING = ("finish ", "remove "), 10.0
_FALLBACK_BYTES, _FALLBACK_LINES = 2048, 80
_ENDED = ("Succeeded", "Failed")


class RealRuntime(RealPods):
    """`dns`: the cluster's name server, "" for none; `nodes`: each node's own addresses; `memory`: where volumes of memory are."""

    config: Literal["nothing", "faults", "all"] = "all"

    def __init__(self, engine: Engine, client: Client, clock: Clock, folder: Path, *,
                 nodes: Mapping[str, tuple[str, ...]], dns: str = "", resolver: network_files.Resolver | None = None,
                 allocatable: Mapping[str, str] | None = None, memory: Path | None = None) -> None:
        self.name, self.version = engine.name, engine.version
        self._engine = engine
        self._client = client
        self._clock = clock
        self._folder = folder
        self._addresses = PodAddresses()
        self._nodes = dict(nodes)
        self._dns = dns
        self._resolver = resolver or network_files.Resolver()
        self._allocatable = dict(allocatable or {})
        self._machine = quantity.to_int(self._allocatable.get("memory", "0"))
        # what outlives this process has to find its files again
        kept = f"kept-{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"
        self._memory = memory or (_SHARED / f"{_MEMORY}{kept}" if engine.survives else memory_folder())
        self._volumes = Volumes(client, clock, folder / "volumes", self._memory)
        self._pods: dict[str, RunningPod] = {}
        self._lives: dict[str, Life] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._left = Left()
        self._begun = False

    def place(self, node: str, network: str) -> None:
        """The node's pods get their addresses out of that range."""
        self._addresses.add(node, network)

    def place_node(self, node: str, addresses: tuple[str, ...]) -> None:
        """These are the node's own."""
        self._nodes[node] = addresses

    async def ready(self) -> None:
        """Raises Unavailable."""
        await self._engine.begin()

    async def begin(self, pods: Sequence[Obj]) -> None:
        """What of before runs still is taken over if its pod is there, and ended if not. `ready` comes first."""
        if self._begun:
            return
        self._begun = True
        await self._take_over(pods)
        known = {pod_id(pod) for pod in pods}
        for part in (*(self._folder / part for part in ("volumes", "logs", "etc", "messages")), self._memory):
            for left in part.glob("*"):
                if left.name not in known:
                    shutil.rmtree(left, ignore_errors=True)
        _sweep(self._memory.parent)
        if self._engine.fabric is not None:
            for node, addresses in self._nodes.items():
                await self._engine.fabric.node(node, addresses)
        self._spawn(self._watch_exits(), "exits")

    async def close(self) -> None:
        """End everything that runs, and forget the folders of memory; or, where it survives, leave it."""
        if self._engine.survives and (going := [task for task in self._tasks if task.get_name().startswith(_GOING)]):
            await asyncio.wait(going, timeout=_CLOSING)  # what is left of them, the next start would have to find
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._engine.close()
        if not self._engine.survives:
            shutil.rmtree(self._memory, ignore_errors=True)
        with contextlib.suppress(OSError):  # volumes of pods that run on are in it
            self._memory.rmdir()

    def check(self, pod: Obj) -> list[str]:
        return []

    def saw(self, pod: Obj) -> None:
        if (known := self._pods.get(pod_id(pod))) is not None:
            known.pod = pod

    def read_file(self, pod: Obj, volume: str, path: str) -> str | None:
        return self._volumes.read(pod, volume, path)

    # --- images ---
    def find_image(self, node: str, pod: Obj, container: Container, report: Report) -> None:
        self._spawn(self._find_image(container, report), f"look for {container.image}")

    async def _find_image(self, container: Container, report: Report) -> None:
        try:
            image = await self._engine.image(container.image)
        except engines.PullFailed as failed:
            report(PullFailed(failed.text, reason=failed.kind))
            return
        report(ImageFound(image.id, image.config.user) if image is not None else ImageFound(""))

    def pull(self, node: str, pod: Obj, container: Container, report: Report) -> None:
        self._spawn(self._pull(pod, container, report), f"pull {container.image}")

    async def _pull(self, pod: Obj, container: Container, report: Report) -> None:
        begun = self._clock.steady()
        try:
            image = await self._engine.pull(container.image, await credentials_of(self._client, pod))
        except engines.PullFailed as failed:
            report(PullFailed(failed.text, reason=failed.kind))
            return
        except (StatusError, OSError) as error:
            report(PullFailed(str(error)))
            return
        report(Pulled(ImageFound(image.id, image.config.user), self._clock.steady() - begun, image.size))

    # --- containers ---
    def start(self, node: str, pod: Obj, container: Container, launch: Launch, report: Report) -> None:
        self._spawn(self._start(pod, container, launch, report), f"start {name(pod)}/{container.name}")

    async def _start(self, pod: Obj, container: Container, launch: Launch, report: Report) -> None:
        run = self._pods.get(pod_id(pod))
        if run is None or run.at is None:
            report(StartFailed("CreateContainerError", "the pod's sandbox is not there"))
            return
        id_ = secrets.token_hex(32)
        image: engines.Image | None = None
        try:
            image = await self._engine.image(container.image)
            known = self._left.started(pod_id(pod), container.name, _next_run(container))
            if known is not None:  # before this process began, and nobody wrote it down
                life = self._live(known.id, pod, container, report)
                started, at = known.id, known.started_at
            else:
                message, path = self._places(run, container)
                mounted = (*self._mounts(run, container, launch), Mount(str(message), _message_path(container)))
                of_run = boxes.Run(id_, str(path), _next_run(container), self._target_of(pod, container))
                box = boxes.container_box(pod, container.spec, of_run, launch.variables or {}, mounted, self._machine)
                life = Life(pod_id(pod), container, report, message, path)
                if not self._engine.assigns:
                    self._lives[id_] = life
                at = self._clock.now()
                started = await self._engine.start(run.at, box)
                self._lives[started] = life
            life.since = self._clock.now()
        except engines.StartFailed as failed:
            self._lives.pop(id_, None)
            began = failed.reason in ("RunContainerError", "StartError")
            reason = "RunContainerError" if began else failed.reason
            if began:
                self._create_log(pod, container)
            shown = f"{self.name}://{failed.id or id_}" if began else ""
            report(StartFailed(reason, failed.text, shown, failed.exit_code, image.id if image is not None else ""))
        except (engines.Unavailable, engines.PullFailed, OSError) as error:
            self._lives.pop(id_, None)
            report(StartFailed("CreateContainerError", str(error)))
        else:
            names = image.names if image is not None else ()
            shown = f"{self.name}://{started}"
            called, who = names[0] if names else "", self._engine.user(started)
            life.report(Started(shown, image.id if image is not None else container.image, at, image=called, user=who))
            self._left.tell(started, self._exited)

    def _target_of(self, pod: Obj, container: Container) -> str:
        """The container that an ephemeral one looks into. Raises StartFailed."""
        wanted = container.spec.get("targetContainerName") or ""
        found = self._running(pod, wanted) if wanted else ""
        if found is None:
            raise engines.StartFailed("CreateContainerError", f'unable to find target container "{wanted}"')
        return found

    def _live(self, id_: str, pod: Obj, container: Container, report: Report) -> Life:
        """Of a container that was started before this process began."""
        run = self._left.number(id_)
        folder = self._folder / "messages" / pod_id(pod)
        messages = sorted(folder.glob(f"{container.name}-{run}-*"), key=lambda file: file.stat().st_mtime)
        message = messages[-1] if messages else folder / f"{container.name}-{run}-none"
        life = self._lives[id_] = Life(pod_id(pod), container, report, message, self.log_path(pod, container.name, run))
        return life

    def _create_log(self, pod: Obj, container: Container) -> None:
        """Of a container that was made and did not start: there is a log, and nothing in it."""
        with contextlib.suppress(OSError):
            self.log_path(pod, container.name, _next_run(container)).touch()

    def _places(self, run: RunningPod, container: Container) -> tuple[Path, Path]:
        """The files of its termination message and of its log. Raises OSError."""
        number = _next_run(container)
        message = self._folder / "messages" / pod_id(run.pod) / f"{container.name}-{number}-{secrets.token_hex(4)}"
        path = self.log_path(run.pod, container.name, number)
        for file in (message, path):
            file.parent.mkdir(parents=True, exist_ok=True)
        message.touch(0o666)
        message.chmod(0o666)
        return message, path

    def _mounts(self, run: RunningPod, container: Container, launch: Launch) -> list[Mount]:
        """Raises engines.StartFailed."""
        listed = mounts(run.pod, container.spec, run.volumes, launch.sub_paths or {})
        taken = {mount.target for mount in listed}
        own = [Mount(str(self._folder / "etc" / pod_id(run.pod) / file), f"/etc/{file}") for file in ("hosts", "resolv.conf")]
        return [*(mount for mount in own if mount.target not in taken), *listed]

    def stop(self, pod: Obj, container: Container, grace: float) -> None:
        self._spawn(self._stop(_bare(container.id), grace), f"stop {name(pod)}/{container.name}")

    async def _stop(self, id_: str, grace: float) -> None:
        await self._engine.stop(id_, grace)

    def resize(self, pod: Obj, container: Container, resources: Obj, report: Callable[[str], None]) -> None:
        self._spawn(self._resize(pod, container, resources, report), f"resize {name(pod)}/{container.name}")

    async def _resize(self, pod: Obj, container: Container, resources: Obj, report: Callable[[str], None]) -> None:
        id_, spec = _bare(container.id), {**container.spec, "resources": resources}
        limits = boxes.limits(spec, boxes.oom_score(pod, spec, self._machine))
        try:
            before = boxes.limits(container.spec).memory
            if limits.memory and (not before or limits.memory < before):
                used = (await self._engine.stats()).get(id_)
                if used is not None and used.memory >= limits.memory:
                    report(resize.below_usage(container.name, limits.memory, used.memory))
                    return
            await self._engine.update(id_, limits)
        except engines.NoSuchContainer:
            report("")  # the next one starts with what it is to have
        except (engines.StartFailed, engines.Unavailable, OSError) as error:
            report(str(error))
        else:
            report("")

    def unresizable(self, container: Container, resources: Obj) -> str:
        loose = {"cpu"} - set(self._engine.enforced)  # memory is watched where it is not kept
        wrong = sorted(loose & set(resize.changed(container.spec.get("resources") or {}, resources)))
        return f"limits of {', '.join(wrong)} are not kept on this node, so they are not changed in place" if wrong else ""

    def adopt(self, node: str, pod: Obj, container: Container, report: Report) -> bool:
        id_ = _bare(container.id)
        life = self._lives.get(id_)
        if life is not None:
            life.container, life.report = container, report
            return True
        if not self._left.take(id_):
            return False
        self._live(id_, pod, container, report)
        asyncio.get_running_loop().call_soon(self._left.tell, id_, self._exited)
        return True

    async def _watch_exits(self) -> None:
        async for exit_ in self._engine.exits():
            if exit_.id in self._lives:
                self._exited(exit_)
            else:
                self._left.ended(exit_)

    def _exited(self, exit_: engines.Exit) -> None:
        life = self._lives.pop(exit_.id, None)
        if life is not None:
            exited = Exited(exit_.code, exit_.at, exit_.reason, self._message(life, exit_.code))
            # that it ran is to be seen, however short it was
            self._clock.call_later(max(life.since + _SEEN - self._clock.now(), 0.0), life.report, exited)
        self._spawn(self._engine.remove(exit_.id), f"remove {exit_.id[:12]}")

    def _message(self, life: Life, code: int) -> str:
        with contextlib.suppress(OSError):
            text = life.message.read_bytes()[:_MOST_MESSAGE].decode(errors="replace")
            life.message.unlink()
            if text or code == 0 or life.container.spec.get("terminationMessagePolicy") != "FallbackToLogsOnError":
                return text
        if code and life.container.spec.get("terminationMessagePolicy") == "FallbackToLogsOnError":
            return logs.last(life.log, _FALLBACK_BYTES, _FALLBACK_LINES)
        return ""

    # --- probes and hooks ---
    def _target(self, pod: Obj, container: Container) -> attempts.Target:
        run = self._pods.get(pod_id(pod))
        ports = {port["name"]: port["containerPort"] for port in container.spec.get("ports") or () if port.get("name")}
        return attempts.Target(_bare(container.id), run.addresses[0] if run is not None and run.addresses else "", ports)

    def probe(self, pod: Obj, container: Container, kind: Kind, spec: Obj, attempt: Attempt) -> None:
        async def once() -> None:
            try:
                found = await attempts.probe(self._engine, self._target(pod, container), spec)
            except (engines.Unavailable, OSError) as error:
                found = Probed(False, str(error), error=True)
            attempt(found)

        self._spawn(once(), f"{kind} probe of {name(pod)}/{container.name}")

    def hook(self, pod: Obj, container: Container, name_: str, handler: Obj, report: HookReport) -> None:
        async def once() -> None:
            try:
                why = await attempts.hook(self._engine, self._target(pod, container), handler)
            except (engines.Unavailable, OSError) as error:
                why = str(error)
            report(HookEnded(why))

        self._spawn(once(), f"{name_} of {name(pod)}/{container.name}")

def memory_folder() -> Path:
    """A new one of this process, on the machine's shared memory."""
    return _SHARED / f"{_MEMORY}{os.getpid()}-{secrets.token_hex(6)}"


def _sweep(memory: Path) -> None:
    """What processes that were killed left in the machine's memory."""
    for left in memory.glob(f"{_MEMORY}*"):
        owner = left.name.removeprefix(_MEMORY).partition("-")[0]
        if owner.isdecimal() and not Path(f"/proc/{owner}").exists():
            shutil.rmtree(left, ignore_errors=True)


def _bare(id_: str) -> str:
    return id_.rpartition("://")[2]


def _next_run(container: Container) -> int:
    """How often it was started before."""
    return container.restarts + (1 if container.id else 0)


def _message_path(container: Container) -> str:
    return container.spec.get("terminationMessagePath") or "/dev/termination-log"
