"""The engine of container runtimes: the `Engine` protocol over the Container Runtime Interface v1 (containerd 1.6 and newer, CRI-O).

Built by the cluster (or `wherry node`) once for all its nodes; everything is called on the loop it began on. Containers have the runtime's
ids. Whose they are is a label, so that several clusters, and a kubelet, can use one runtime. Invariants: each container whose start
succeeded gets exactly one Exit, after `start` has returned; what is stopped or removed while the runtime is away is so once it is back.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from wherry.linux.fabric import Fabric
from wherry.linux.signals import number_of
from wherry.node.cri import checking, cni, configs, endpoint
from wherry.node.cri.calls import USUAL, CallFailed, Calls
from wherry.node.cri.exits import EXITED, RUNNING, Exits
from wherry.node.cri.fabric import RuntimeFabric
from wherry.node.cri.health import Health
from wherry.node.cri.images import Images
from wherry.node.cri.pods import Pods
from wherry.node.cri.programs import Container, Programs
from wherry.node.cri.resources import linux
from wherry.node.engine import (
    ContainerBox,
    Credentials,
    Exit,
    Image,
    Known,
    KnownPod,
    Limits,
    NoSuchContainer,
    PodAt,
    PodBox,
    Progress,
    StartFailed,
    Unavailable,
    Usage,
    User,
)

log = logging.getLogger(__name__)

#: seconds in which the ends of a stopped pod's containers are known
_STOPPED = 10.0
#: seconds until the next try of what has to be done
_AGAIN = 1.0
#: seconds for which what containers use is not asked again: it costs the runtime milliseconds for each
_FRESH = 2.0


@dataclass(frozen=True, slots=True)
class Settings:
    """`endpoint`: the runtime's socket, "" for whichever is there. `labels`: whose pods these are. `survives`: pods outlive `close`."""

    labels: Mapping[str, str]
    endpoint: str = ""
    survives: bool = True
    #: where host-local keeps the addresses of a network that is set up here
    addresses: str = "/var/lib/cni/networks"


class CriEngine(Programs):
    assigns = True
    enforced = ("cpu", "memory", "pids")

    def __init__(self, settings: Settings, *, now: Callable[[], float] = time.time) -> None:
        """`now`: wall time in seconds."""
        self.name, self.version = "containerd", ""
        self.survives, self.machine = settings.survives, True
        self._settings, self._now = settings, now
        self._calls: Calls | None = None
        self._containers: dict[str, Container] = {}
        self._runs: dict[tuple[str, str], int] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._exits: asyncio.Queue[Exit | None] = asyncio.Queue()
        self._turns_of: dict[str, tuple[asyncio.Lock, int]] = {}
        self._turns: dict[str, asyncio.Semaphore] = {}
        self._used: tuple[float, dict[str, Usage]] = (-_FRESH, {})
        self._fabric = RuntimeFabric(self._socket, lambda id: self._pods.space(id))
        self.fabric: Fabric | None = self._fabric

    # --- the engine itself ---
    async def begin(self) -> None:
        if os.geteuid():
            raise Unavailable("containers of this machine's container runtime are for root", "run as root, or with --runtime process")
        path = endpoint.find(self._settings.endpoint)
        calls = self._calls = Calls(path)
        try:
            self.name, self.version = await checking.version(calls)
            await self._take_over(calls)
        except BaseException as error:
            await calls.close()
            self._calls = None
            if isinstance(error, CallFailed):
                raise Unavailable(f"the container runtime at {path} does not say what it has: {error}") from error
            raise
        self._tasks = [asyncio.get_running_loop().create_task(work, name=name)
                       for name, work in (("exits", self._following.run()), ("container runtime", self._health.run()))]

    async def _take_over(self, calls: Calls) -> None:
        state = await checking.state(calls, verbose=True)
        self._health, self._images = Health(calls, state, time.monotonic), Images(calls, str(state.config.get("sandboxImage") or ""))
        self._pods = Pods(calls, self._settings.labels)
        self._pods.systemd = await checking.systemd(calls, state)
        self.machine = self._fabric.shared
        await self._fabric.address(self._fabric.gateway)
        self._following = Exits(calls, dict(self._settings.labels), self._ended, self._now)
        self._following.on_list = self._listed
        await self._pods.begin()
        for each in await self._list():
            self._containers[each.id] = Container(each.labels.get(configs.POD_UID, ""), told=True)
            self._following.follow(each.id)

    async def use_ranges(self, networks: Sequence[str]) -> None:
        """Raises Unavailable where the runtime has no network, and none can be given to it."""
        state = await self._state(verbose=True)
        if not state.network:
            return
        written = cni.write(state.config, networks, self._settings.addresses)
        if written is not None:
            log.info("the container runtime has no network: %s is one", written)
            await self._fabric.rules(cni.outside(networks))
        await self._health.until_network()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._calls is None:
            return
        if not self.survives:
            await asyncio.gather(*(self._pods.remove(pod.at.id) for pod in self._pods.known()))
        await self._fabric.clean(rules=not self.survives)
        await self._calls.close()
        self._calls = None
        self._exits.put_nowait(None)

    def trouble(self) -> str:
        return self._health.trouble() if self._calls is not None else ""

    # --- images ---
    async def image(self, name: str) -> Image | None:
        return await self._images.find(name)

    async def pull(self, name: str, credentials: Sequence[Credentials] = (), progress: Progress | None = None) -> Image:
        return await self._images.pull(name, credentials)

    async def images(self) -> list[Image]:
        return await self._images.all()

    async def remove_image(self, id: str) -> None:
        await self._images.remove(id)

    # --- pods ---
    async def run_pod(self, pod: PodBox) -> PodAt:
        if pod.security.strict_groups and not self._health.state.groups_policy:
            raise StartFailed("CreatePodSandboxError", f"supplementalGroupsPolicy Strict is not kept by {self.name} {self.version}")
        os.makedirs(pod.logs, exist_ok=True)
        async with self._alone(pod.id):
            return await self._pods.run(pod)

    async def pods(self) -> list[KnownPod]:
        return self._pods.known()

    async def remove_pod(self, id: str) -> None:
        async with self._alone(id):
            await self._remove_pod(id)

    @asynccontextmanager
    async def _alone(self, id: str) -> AsyncIterator[None]:
        """One thing at a time for a pod: what is being made is removed afterwards, and no network is taken away twice at once."""
        lock, users = self._turns_of.get(id, (asyncio.Lock(), 0))
        self._turns_of[id] = lock, users + 1
        try:
            async with lock:
                yield
        finally:
            lock, users = self._turns_of.pop(id)
            if users > 1:
                self._turns_of[id] = lock, users - 1

    async def _remove_pod(self, id: str) -> None:
        await self._pods.stop(id)
        for container in [key for key, held in self._containers.items() if held.pod == id]:
            if self._following.follows(container):
                self._following.look(container)
                try:
                    await asyncio.wait_for(self._following.until(container), _STOPPED)
                except TimeoutError:
                    self._following.lost(container)
            self._containers.pop(container, None)
        await self._pods.remove(id)
        self._turns.pop(id, None)
        for key in [key for key in self._runs if key[0] == id]:
            del self._runs[key]

    # --- containers ---
    async def start(self, pod: PodAt, box: ContainerBox) -> str:
        there = self._pods.get(pod.id)
        if there is None or there.box is None:
            raise StartFailed("CreateContainerError", f"pod {pod.id} is not there")
        image = await self._images.find(box.image)
        if image is None:
            raise StartFailed("CreateContainerError", f'image "{box.image}": not found')
        run = self._runs[(pod.id, box.name)] = max(box.run, self._runs.get((pod.id, box.name), -1) + 1)
        request = {
            "pod_sandbox_id": there.id, "config": configs.container(there.box, box, image.id, self._settings.labels, run),
            "sandbox_config": configs.sandbox(there.box, 0, self._settings.labels, systemd=self._pods.systemd),
        }  # fmt: skip
        try:
            id = str((await self._ask("CreateContainer", request)).container_id)
        except CallFailed as failed:
            raise StartFailed("CreateContainerError", failed.text) from failed
        return await self._begin_container(id, Container(pod.id, box.stop_signal, box.tty))

    async def _begin_container(self, id: str, container: Container) -> str:
        self._containers[id] = container
        self._following.follow(id)
        try:
            await self._ask("StartContainer", {"container_id": id})
        except BaseException as error:
            self._containers.pop(id, None)
            self._following.forget(id)
            await asyncio.shield(self._discard(id))
            if isinstance(error, CallFailed):
                raise StartFailed("StartError", error.text, id=id) from error
            raise
        asyncio.get_running_loop().call_soon(self._tell_start, container)
        return id

    def _tell_start(self, container: Container) -> None:
        container.told = True
        for exit in container.ended:
            self._exits.put_nowait(exit)

    async def stop(self, id: str, grace: float, signal: str = "") -> None:
        held = self._containers.get(id)
        if held is None or not self._following.follows(id):
            return
        own = signal or held.stop_signal
        if own and grace > 0:
            with contextlib.suppress(NoSuchContainer, CallFailed, Unavailable):
                await self.signal(id, own)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._following.until(id), grace)
            grace = 0.0
        await self._insist_stop(id, math.ceil(max(grace, 0.0)))
        await self._following.until(id)

    async def _insist_stop(self, id: str, seconds: int) -> None:
        while self._following.follows(id):
            try:
                await self._ask("StopContainer", {"container_id": id, "timeout": seconds}, seconds=seconds + USUAL)
            except CallFailed as failed:
                if failed.code != "NotFound":
                    log.warning("container %s is not stopped, tried again every %g s: %s", id[:12], _AGAIN, failed)
                    await asyncio.sleep(_AGAIN)
                    continue
            except Unavailable:
                await asyncio.sleep(_AGAIN)
                continue
            self._following.look(id)
            return

    async def signal(self, id: str, signal: str) -> None:
        """The interface has no such call: the kernel is asked."""
        pid = (await self._info(id)).get("pid")
        number = number_of(signal)
        if not pid or not number:
            raise NoSuchContainer(id)
        try:
            os.kill(int(pid), number)
        except ProcessLookupError as error:
            raise NoSuchContainer(id) from error

    async def remove(self, id: str) -> None:
        if not self._following.follows(id):
            self._containers.pop(id, None)
            await self._discard(id)

    async def _discard(self, id: str) -> None:
        try:
            await self._ask("RemoveContainer", {"container_id": id})
        except (CallFailed, Unavailable) as error:
            log.info("container %s stays until its pod goes: %s", id[:12], error)

    async def exits(self) -> AsyncIterator[Exit]:
        while (exit := await self._exits.get()) is not None:
            yield exit

    async def list(self) -> list[Known]:
        return [
            Known(each.id, each.labels.get(configs.POD_UID, ""), each.metadata.name, each.image.image, each.created_at / 1e9,
                  each.state == RUNNING, int(each.annotations.get(configs.RUN) or 0))
            for each in await self._list() if each.state in (RUNNING, EXITED)
        ]

    async def stats(self) -> Mapping[str, Usage]:
        at, found = self._used
        if time.monotonic() - at >= _FRESH:
            try:
                told = await self._ask("ListContainerStats", {"filter": {"label_selector": self._settings.labels}})
            except (CallFailed, Unavailable) as error:
                log.warning("what containers use is not known: %s", error)
                return {}
            found = {each.attributes.id: _usage(each) for each in told.stats if each.HasField("cpu")}
            self._used = time.monotonic(), found
        return found

    async def update(self, id: str, limits: Limits) -> None:
        if id not in self._containers:
            raise NoSuchContainer(id)
        try:
            await self._ask("UpdateContainerResources", {"container_id": id, "linux": linux(limits)})
        except CallFailed as failed:
            raise StartFailed("ResizeError", failed.text) from failed

    def user(self, id: str) -> User | None:
        """Not asked for: it would be one more question for each start."""
        return None

    async def reopen_log(self, id: str) -> None:
        try:
            await self._ask("ReopenContainerLog", {"container_id": id})
        except CallFailed as failed:
            raise NoSuchContainer(id) from failed

    # --- small things ---
    def _socket(self) -> str:
        if self._calls is None:
            raise ConnectionError("the container runtime is not asked yet, or not any more")
        return self._calls.socket

    async def _state(self, *, verbose: bool) -> checking.State:
        if self._calls is None:
            raise Unavailable("the engine is closed")
        return await checking.state(self._calls, verbose=verbose)

    async def _list(self) -> tuple[Any, ...]:
        return tuple((await self._ask("ListContainers", {"filter": {"label_selector": self._settings.labels}})).containers)

    def _ended(self, exit: Exit) -> None:
        held = self._containers.get(exit.id)
        if held is not None and not held.told:
            held.ended.append(exit)
        else:
            self._exits.put_nowait(exit)

    def _listed(self, sandboxes: Sequence[Any], containers: Sequence[Any]) -> None:
        for sandbox in self._pods.strange(sandboxes):
            self._tasks.append(asyncio.get_running_loop().create_task(self._pods.remove_strange(sandbox)))


def _usage(told: Any) -> Usage:
    memory = told.memory.working_set_bytes.value or told.memory.usage_bytes.value
    written = told.writable_layer.used_bytes.value
    return Usage(told.cpu.usage_core_nano_seconds.value / 1e9, memory, 0, told.cpu.timestamp / 1e9, written)
