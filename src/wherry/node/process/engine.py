"""The process engine: the `Engine` protocol over one helper process, the images of a data directory, and this process's event loop.

Built by the cluster (or `wherry node`) once for all its nodes; everything is called on the loop it began on. Invariant: each container
whose start succeeded gets exactly one Exit, after its last output is in its log.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from signal import SIGKILL
from typing import Any

from wherry.kit.finishing import finish
from wherry.kit.version import VERSION
from wherry.linux.fabric import Fabric
from wherry.linux.signals import number_of
from wherry.node.engine import (
    ContainerBox,
    Credentials,
    Exit,
    Image,
    ImageConfig,
    Known,
    KnownPod,
    Limits,
    NoSuchContainer,
    PodAt,
    PodBox,
    Progress,
    PullFailed,
    StartFailed,
    Unavailable,
    Usage,
    User,
)
from wherry.node.images.images import Images
from wherry.node.images.store import Stored
from wherry.node.images.table import HOST_IMAGE
from wherry.node.process import memory, plan
from wherry.node.process.client import Ended, Helper, HelperError, Settings
from wherry.node.process.container import Container, Streams
from wherry.node.process.fabric import ProcessFabric, node_place
from wherry.node.process.layers import Layers
from wherry.node.process.session import ExecSession
from wherry.streams.session import Session, beginning

_LOG = logging.getLogger(__name__)
#: bytes that the containers of a pod may write beside volumes, unless the pod says otherwise
_SCRATCH = 4 << 30
#: bytes that are kept of what a program of a probe or hook says
_MOST_OUTPUT = 10 * 1024


class ProcessEngine:
    name = "process"
    version = VERSION
    assigns = survives = machine = False

    def __init__(self, images: Images, settings: Settings | None = None, *, now: Callable[[], float] = time.time) -> None:
        """`now`: wall time in seconds, for logs and exits."""
        self._images = images
        self._now = now
        self._helper = Helper(settings or Settings(), self._ended, self._lost)
        self._layers = Layers(images.store, self._helper)
        self.fabric: Fabric | None = ProcessFabric(self._helper)
        self._pods: dict[str, PodBox] = {}
        self._containers: dict[str, Container] = {}
        self._programs: dict[str, asyncio.Future[Ended]] = {}
        self._exits: asyncio.Queue[Exit | None] = asyncio.Queue()
        self._watch: asyncio.Task[None] | None = None
        self._count = 0

    # --- the engine itself ---
    async def begin(self) -> None:
        await self._helper.start()
        await self._layers.discard()
        if "memory" not in self._helper.controllers:
            self._watch = asyncio.get_running_loop().create_task(memory.watch(self._helper, lambda: list(self._containers.values())))

    async def close(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
            self._watch = None
        await self._helper.close()
        self._lost()
        for container in list(self._containers.values()):
            if container.started_at:
                await container.done.wait()
        self._layers.close()
        await self._images.close()
        self._exits.put_nowait(None)

    async def use_ranges(self, networks: Sequence[str]) -> None:
        """Pods are given their addresses."""

    def trouble(self) -> str:
        return ""

    @property
    def ids(self) -> str:
        """Which users exist in containers: exact (the machine's), range (of /etc/subuid), single (one at a time)."""
        return self._helper.ids

    @property
    def enforced(self) -> tuple[str, ...]:
        """Limits that the kernel keeps: of cpu, memory, pids. Memory is watched where it is not among them."""
        return self._helper.controllers

    @property
    def pid(self) -> int:
        """Of the process that keeps the helper."""
        return self._helper.pid

    # --- images ---
    async def image(self, name: str) -> Image | None:
        if self._images.table.is_host(name):
            return HOST_IMAGE
        stored = self._images.store.find(name)
        return stored.image if stored else None

    async def pull(self, name: str, credentials: Sequence[Credentials] = (), progress: Progress | None = None) -> Image:
        if self._images.table.is_host(name):
            return HOST_IMAGE
        stored = await self._images.pull(name, credentials, progress)
        try:
            await self._layers.hold(stored)
        except StartFailed as error:
            raise PullFailed("ErrImagePull", f'failed to pull and unpack image "{name}": {error}') from error
        self._layers.release(stored)
        return stored.image

    async def images(self) -> list[Image]:
        return [stored.image for stored in self._images.store.all()]

    async def remove_image(self, id: str) -> None:
        await asyncio.to_thread(self._images.store.remove, id)
        await self._layers.discard()

    # --- pods ---
    async def run_pod(self, pod: PodBox) -> PodAt:
        if pod.host_ipc:
            raise StartFailed("CreatePodSandboxError", "the machine's IPC (hostIPC) is not given to pods on this node")
        try:
            await self._helper.ask(
                "pod", id=pod.id, hostname=pod.hostname, domain=pod.domain, addresses=list(pod.addresses), host_pid=pod.host_pid,
                place=node_place(pod.node) if pod.host_network else "", share_processes=pod.share_processes,
                sysctls=[list(one) for one in pod.sysctls], scratch=pod.scratch or _SCRATCH,
            )
        except HelperError as error:
            text = f"no network of {error.text}" if error.kind == "missing" else error.text
            raise StartFailed("CreatePodSandboxError", f"failed to create pod sandbox: {text}") from error
        self._pods[pod.id] = pod
        return PodAt(pod.id, pod.addresses)

    async def pods(self) -> list[KnownPod]:
        return [KnownPod(PodAt(pod.id, pod.addresses), pod.node, True) for pod in self._pods.values()]

    async def remove_pod(self, id: str) -> None:
        if self._pods.pop(id, None) is None:
            return
        await self._helper.ask("remove", id=id)
        for container in [container for container in self._containers.values() if container.pod == id]:
            if container.started_at:
                await container.done.wait()
            self._containers.pop(container.box.id, None)

    # --- containers ---
    async def start(self, pod: PodAt, box: ContainerBox) -> str:
        if pod.id not in self._pods:
            raise StartFailed("CreateContainerError", f"pod {pod.id} is not there")
        stored = self._stored(box.image)
        config = stored.image.config if stored else HOST_IMAGE.config
        request = plan.process(self._pods[pod.id], box, config)
        container = self._containers[box.id] = self._new(pod, box, stored, config)
        try:
            request["layers"] = await self._layers.hold(stored) if stored else ""
            request["layers_folder"] = str(self._layers.folder)
            await self._run(container, request)
        except BaseException:
            self._containers.pop(box.id, None)
            raise
        return box.id

    def _new(self, pod: PodAt, box: ContainerBox, stored: Stored | None, config: ImageConfig) -> Container:
        exit: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        return Container(box, pod.id, stored, plan.stop_signal(box, config), exit)

    async def _run(self, container: Container, request: dict[str, Any]) -> None:
        """Its layers are held; they are given back when it has ended, or here."""
        streams = Streams(tty=container.box.tty, stdin=container.box.stdin)
        try:
            told, _ = await self._helper.ask("start", streams.theirs, **request)
            uid, gid, groups = told["user"]
            container.user = User(uid, gid, tuple(groups))
            streams.begun()
            container.started_at = self._now()
            container.connect(streams, self._now, self._log_failed)
        except HelperError as error:
            self._release(container)
            raise _start_failed(error) from error
        except BaseException:
            self._release(container)
            raise
        finally:
            streams.close()
        container.exit.add_done_callback(lambda exit: self._finish(container, exit.result()))

    async def stop(self, id: str, grace: float, signal: str = "") -> None:
        container = self._containers.get(id)
        if container is None or not container.running:
            return
        await self._kill(id, number_of(signal) or container.stop_signal)
        try:
            await asyncio.wait_for(asyncio.shield(container.exit), max(grace, 0.0))
        except TimeoutError:
            await self._kill(id, SIGKILL, whole=True)
        await container.done.wait()

    async def signal(self, id: str, signal: str) -> None:
        self._running(id)
        await self._kill(id, number_of(signal))

    async def update(self, id: str, limits: Limits) -> None:
        container = self._running(id)
        try:
            await self._helper.ask("update", pod=container.pod, id=id, limits=plan.limits(limits))
        except HelperError as error:
            if error.kind == "missing":
                raise NoSuchContainer(id) from error
            raise StartFailed("ResizeError", error.text) from error
        container.box = replace(container.box, limits=limits)

    async def remove(self, id: str) -> None:
        container = self._containers.get(id)
        if container is not None and container.done.is_set():
            del self._containers[id]

    async def exits(self) -> AsyncIterator[Exit]:
        while (exit := await self._exits.get()) is not None:
            yield exit

    async def list(self) -> list[Known]:
        return [
            Known(one.box.id, one.pod, one.box.name, one.box.image, one.started_at, one.running, one.box.run)
            for one in self._containers.values() if one.started_at
        ]

    async def stats(self) -> Mapping[str, Usage]:
        told, _ = await self._helper.ask("stats", written=True)
        at = self._now()
        return {id: Usage(cpu, int(used), count, at, written) for id, (cpu, used, count, written) in told["stats"].items()}

    def user(self, id: str) -> User | None:
        container = self._containers.get(id)
        return container.user if container is not None else None

    async def reopen_log(self, id: str) -> None:
        log = self._running(id).log
        if log is not None:
            log.reopen()

    # --- sessions ---
    async def run(self, id: str, argv: Sequence[str], seconds: float = 0.0) -> tuple[int, bytes]:
        return await asyncio.wait_for(self._run_program(id, argv), seconds or None)

    async def _run_program(self, id: str, argv: Sequence[str]) -> tuple[int, bytes]:
        session = await self.exec(id, argv)
        try:
            outputs = [session.stdout, *([session.stderr] if session.stderr is not None else [])]
            texts = await asyncio.gather(*(beginning(output, _MOST_OUTPUT) for output in outputs))
            return await session.wait(), b"".join(texts)[:_MOST_OUTPUT]
        finally:
            await finish(session.close())

    async def exec(self, id: str, argv: Sequence[str], *, tty: bool = False, stdin: bool = False) -> Session:
        container = self._running(id)
        if not argv:
            raise StartFailed("StartError", "no command specified", 126)
        self._count += 1
        program = f"exec/{self._count}"
        exit = self._programs[program] = asyncio.get_running_loop().create_future()
        streams = Streams(tty=tty, stdin=stdin)
        try:
            await self._helper.ask("exec", streams.theirs, id=program, pod=container.pod, container=id,
                                   process={"argv": list(argv), "tty": tty})
            streams.begun()
            sources = streams.sources()
            sink = streams.sink()
        except HelperError as error:
            self._programs.pop(program, None)
            if error.kind != "start":
                raise NoSuchContainer(id) from error
            raise _exec_failed(error) from error
        finally:
            streams.close()
        return ExecSession(sink, sources[0], sources[1] if len(sources) > 1 else None, streams.terminal, _code(exit),
                           lambda: self._kill(program, SIGKILL))

    async def attach(self, id: str, *, stdin: bool = False) -> Session:
        return self._running(id).attach(stdin=stdin)

    # --- what the helper tells ---
    def _ended(self, id: str, ended: Ended) -> None:
        future = self._programs.pop(id, None)
        if future is None and id in self._containers:
            future = self._containers[id].exit
        if future is not None and not future.done():
            future.set_result(ended)

    def _lost(self) -> None:
        """The helper is gone, and with it all that ran."""
        for id in [*self._programs, *(id for id, container in self._containers.items() if container.started_at)]:
            self._ended(id, Ended(137, int(SIGKILL), ""))

    def _finish(self, container: Container, ended: Ended) -> None:
        container.finish()
        self._release(container)
        self._exits.put_nowait(Exit(container.box.id, ended.code, self._now(), ended.signal, ended.reason))

    def _release(self, container: Container) -> None:
        if container.stored is not None:
            self._layers.release(container.stored)

    def _log_failed(self, error: OSError) -> None:
        _LOG.warning("a container's log is not written any more: %s", error)

    # --- small things ---
    def _stored(self, image: str) -> Stored | None:
        """None for the host's own file system. Raises StartFailed when it is not there."""
        if image == HOST_IMAGE.id or self._images.table.is_host(image):
            return None
        stored = self._images.store.find(image)
        if stored is None:
            raise StartFailed("CreateContainerError", f'image "{image}": not found')
        return stored

    def _running(self, id: str) -> Container:
        container = self._containers.get(id)
        if container is None or not container.running:
            raise NoSuchContainer(id)
        return container

    async def _kill(self, id: str, number: int, *, whole: bool = False) -> None:
        """Nothing happens when it has just ended."""
        with contextlib.suppress(HelperError, Unavailable):
            await self._helper.ask("kill", id=id, signal=int(number), whole=whole, reason="")


async def _code(exit: asyncio.Future[Ended]) -> int:
    return (await exit).code


def _start_failed(error: HelperError) -> StartFailed:
    if error.kind == "start":
        return StartFailed(error.told["reason"], error.text, error.told["code"])
    return StartFailed("CreateContainerError", error.text)


def _exec_failed(error: HelperError) -> StartFailed:
    """With a shell's exit codes: 127 for what is not there, 126 for what cannot be run."""
    absent = "not found" in error.text or "no such file" in error.text
    return StartFailed("StartError", error.text, 127 if absent else 126)
