"""Pods as a whole on a real node: volumes, network and shared namespaces, from the first look to the last. Part of the runtime.

What outlived an earlier process is taken over here: a pod that is still to run keeps its sandbox and its containers, every other one is
ended. Source of the rules: pkg/kubelet/kubelet.go (SyncPod, HandlePodCleanups), kuberuntime_manager.go.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

from wherry.api import timestamps
from wherry.api.errors import StatusError
from wherry.api.objects import Obj, annotations_of, name
from wherry.client.protocol import Client
from wherry.node import engine as engines
from wherry.node.addresses import PodAddresses
from wherry.node.engine import NameServers
from wherry.node.real import boxes, machine
from wherry.node.real.handlers import handler_of
from wherry.node.real.left import Left
from wherry.node.real.measuring import Folders
from wherry.node.real.sessions import RealSessions, RunningPod
from wherry.node.real.volumes import Refused, Volumes
from wherry.node.runtime import PodReport, SandboxFailed, SandboxReady
from wherry.rules.pods.kubelet import network_files
from wherry.rules.pods.kubelet.field_values import Setting
from wherry.rules.pods.kubelet.references import Found
from wherry.rules.pods.kubelet.static_pods import pod_id
from wherry.rules.pods.kubelet.volumes import MountProblem

log = logging.getLogger(__name__)

_ENDED = ("Succeeded", "Failed")


class RealPods(RealSessions):
    _client: Client
    _addresses: PodAddresses
    _nodes: dict[str, tuple[str, ...]]
    _dns: str
    _resolver: network_files.Resolver
    _allocatable: Mapping[str, str]
    _volumes: Volumes
    _left: Left
    _tasks: set[asyncio.Task[None]]
    #: called with a pod and its addresses before anything in it starts; returns when it may. Raises StartFailed
    admit: Callable[[Obj, Sequence[str]], Awaitable[None]] | None = None
    #: called with a pod whose network is gone
    forget: Callable[[Obj], None] | None = None

    async def _take_over(self, pods: Sequence[Obj]) -> None:
        """Raises Unavailable."""
        lasting = {pod_id(pod): pod for pod in pods if (pod.get("status") or {}).get("phase") not in _ENDED}
        for known in await self._engine.pods():
            pod = lasting.get(known.at.id)
            if pod is None or not known.ready:
                await self._engine.remove_pod(known.at.id)
                continue
            try:
                run = self._pods[pod_id(pod)] = RunningPod(pod, self._addresses_of(pod, known.at), timestamps.micro_time(self._clock.now()))
                run.at = await self._engine.run_pod(await self._box(pod, known.node, run))
                run.volumes = await self._volumes.again(pod)
            except (engines.StartFailed, MountProblem, StatusError, OSError) as error:
                log.warning("pod %s of before is not taken over, and ends: %s", name(pod), error)
                del self._pods[pod_id(pod)]
                await self._engine.remove_pod(known.at.id)
        self._left.found([known for known in await self._engine.list() if known.pod in self._pods])

    def prepare(self, node: str, pod: Obj, found: Found, report: PodReport) -> None:
        self._spawn(self._prepare(node, pod, found, report), f"prepare {name(pod)}")

    async def _prepare(self, node: str, pod: Obj, found: Found, report: PodReport) -> None:
        run = self._pods.get(pod_id(pod))
        if run is None:
            run = self._pods[pod_id(pod)] = RunningPod(pod, self._own_addresses(pod, node), timestamps.micro_time(self._clock.now()))
        if not all(run.addresses):
            self._pods.pop(pod_id(pod), None)
            report(SandboxFailed("no pod address is free"))
            return
        run.over = False
        try:
            run.volumes = await self._volumes.make(_as_seen(pod, run.seen), found, self._setting(run, node))
            at = await self._engine.run_pod(await self._box(pod, node, run))
            if run.over:  # meanwhile: nobody else knows of its sandbox
                await self._engine.remove_pod(pod_id(pod))
                self._volumes.remove(pod)
                return
            run.at = at
            run.addresses = self._addresses_of(pod, run.at)
            self._etc(run)
            await self._admitted(pod, run)
        except Refused as refused:
            report(SandboxFailed(str(refused), refused.volume))
        except (engines.StartFailed, engines.Unavailable, StatusError, OSError) as error:
            report(SandboxFailed(str(error)))
        else:
            report(SandboxReady(run.addresses))

    async def _admitted(self, pod: Obj, run: RunningPod) -> None:
        """Nothing of a pod starts before the rules of its network stand. Raises StartFailed, with nothing left of its sandbox."""
        if self.admit is None or pod["spec"].get("hostNetwork"):
            return
        try:
            await self.admit(pod, run.addresses)
        except BaseException:
            run.at = None
            await self._engine.remove_pod(pod_id(pod))
            raise

    def _own_addresses(self, pod: Obj, node: str) -> tuple[str, ...]:
        """As far as they are known before it runs; an empty one where none is free."""
        if pod["spec"].get("hostNetwork"):
            return self._nodes.get(node, ())
        return () if self._engine.assigns else (self._addresses.take(node),)

    def _addresses_of(self, pod: Obj, at: engines.PodAt) -> tuple[str, ...]:
        return self._nodes.get(pod["spec"].get("nodeName", ""), ()) if pod["spec"].get("hostNetwork") else at.addresses

    async def _box(self, pod: Obj, node: str, run: RunningPod) -> engines.PodBox:
        """Raises StartFailed, StatusError."""
        found = network_files.resolver(pod, self._dns, self._resolver)
        own = () if pod["spec"].get("hostNetwork") or self._engine.assigns else run.addresses
        around = boxes.Around(
            own, str(self._folder / "logs" / pod_id(pod)), NameServers(found.nameservers, found.searches, found.options),
            await handler_of(self._client, pod),
        )  # fmt: skip
        return boxes.pod_box(pod, node, around)

    def _setting(self, run: RunningPod, node: str) -> Setting:
        return Setting(run.addresses, self._nodes.get(node, ()), self._allocatable)

    def _etc(self, run: RunningPod) -> None:
        folder = self._folder / "etc" / pod_id(run.pod)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "hosts").write_text(network_files.hosts(run.pod, run.addresses, machine.hosts_text()))
        found = network_files.resolver(run.pod, self._dns, self._resolver)
        (folder / "resolv.conf").write_text(network_files.resolv_conf(found))

    def as_seen(self, pod: Obj) -> Obj:
        """With what the node adds to the pod for those who ask the node."""
        run = self._pods.get(pod_id(pod))
        return _as_seen(pod, run.seen if run is not None else timestamps.micro_time(self._clock.now()))

    def refresh(self, pod: Obj, found: Found) -> None:
        run = self._pods.get(pod_id(pod))
        if run is not None:
            self._spawn(self._refresh(run, found), f"refresh {name(pod)}")

    async def _refresh(self, run: RunningPod, found: Found) -> None:
        try:
            await self._volumes.refresh(_as_seen(run.pod, run.seen), found, self._setting(run, run.pod["spec"].get("nodeName", "")))
        except (ValueError, StatusError, OSError) as error:
            log.info("volumes of %s are as they were: %s", name(run.pod), error)

    def holds(self, node: str, pod: Obj) -> bool:
        return pod_id(pod) in self._pods and self._pods[pod_id(pod)].at is not None

    def finish(self, pod: Obj) -> None:
        self._spawn(self._finish(pod, gone=False), f"finish {name(pod)}")

    def remove(self, pod: Obj) -> None:
        self._spawn(self._finish(pod, gone=True), f"remove {name(pod)}")

    def lose(self, pod: Obj) -> None:
        self.finish(pod)

    async def _finish(self, pod: Obj, *, gone: bool) -> None:
        """The sandbox and volumes go; with the pod also what it left."""
        id_ = pod_id(pod)
        if gone:
            self._lives = {key: life for key, life in self._lives.items() if life.pod != id_}
        run = self._pods.get(id_)
        if run is not None:
            run.over = True
        await self._engine.remove_pod(id_)
        if self.forget is not None:
            self.forget(pod)
        self._volumes.remove(pod)
        shutil.rmtree(self._folder / "etc" / id_, ignore_errors=True)
        if run is not None:
            run.at = None
        if gone:
            self._pods.pop(id_, None)
            for part in ("logs", "messages"):
                shutil.rmtree(self._folder / part / id_, ignore_errors=True)
            if run is not None and not pod["spec"].get("hostNetwork") and not self._engine.assigns:
                for address in run.addresses:
                    self._addresses.give_back(pod["spec"].get("nodeName", ""), address)

    def folders(self) -> dict[str, Folders]:
        """Of the pods that have their sandbox, by uid."""
        found = {}
        running: dict[str, dict[str, str]] = {}
        for id_, life in self._lives.items():
            running.setdefault(life.pod, {})[life.container.name] = id_
        for uid_, run in self._pods.items():
            if run.at is None:
                continue
            below = self._folder / "logs" / uid_
            names = [c["name"] for kind in ("initContainers", "containers") for c in run.pod["spec"].get(kind) or ()]
            found[uid_] = Folders(_empty(run, ""), _empty(run, "Memory"), {each: below / each for each in names}, running.get(uid_, {}))
        return found

    def running_logs(self) -> dict[str, Path]:
        """Of the containers that run, by id."""
        return {id_: life.log for id_, life in self._lives.items() if life.since}

    def _spawn(self, work: Coroutine[Any, Any, None], what: str) -> None:
        task = asyncio.get_running_loop().create_task(work, name=what)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("%s failed", task.get_name(), exc_info=task.exception())


def _empty(run: RunningPod, medium: str) -> dict[str, Path]:
    """Its empty volumes of that medium."""
    listed = [volume for volume in run.pod["spec"].get("volumes") or () if "emptyDir" in volume and volume["name"] in run.volumes]
    return {each["name"]: run.volumes[each["name"]] for each in listed if ((each["emptyDir"] or {}).get("medium") or "") == medium}


def _as_seen(pod: Obj, seen: str) -> Obj:
    """As the kubelet shows it to its own containers: where it heard of the pod, and when."""
    own = {"kubernetes.io/config.seen": seen, "kubernetes.io/config.source": "api"}
    return {**pod, "metadata": {**pod["metadata"], "annotations": {**annotations_of(pod), **own}}}
