"""The sandboxes of a container runtime: run, found again, and removed with all that is in them.

Used by the engine. A sandbox is wherry's when it has its label; of one owner's pods each has at most one, and what is left of a try that
failed is removed with the next look. Invariant: what is asked to be removed is removed, however long the runtime is away meanwhile.
Source of the rules: pkg/kubelet/kuberuntime (kuberuntime_sandbox.go, kuberuntime_gc.go).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from wherry.node.cri import configs, groups, ownership, resources
from wherry.node.cri.calls import CallFailed, Calls
from wherry.node.engine import KnownPod, PodAt, PodBox, StartFailed, Unavailable

log = logging.getLogger(__name__)

READY = 0
#: seconds: of a sandbox's start, which has a network to be made; until the next try of what has to be done
_START, _AGAIN = 240.0, 1.0


@dataclass(slots=True)
class Pod:
    """`id`: the sandbox's. `space`: the file of its network namespace. `box` None: of an earlier start, not yet taken over."""

    id: str
    at: PodAt
    node: str
    ready: bool
    space: str = ""
    box: PodBox | None = None
    #: cgroup parent
    group: str = ""
    stopped: bool = False


class Pods:
    """`own`: the labels that say whose a sandbox is. `systemd`: whether it keeps the control groups."""

    def __init__(self, calls: Calls, own: Mapping[str, str]) -> None:
        self._calls, self._own = calls, dict(own)
        self.systemd = False
        self._pods: dict[str, Pod] = {}
        self._attempts: dict[str, int] = {}
        self._starting = 0

    def get(self, id: str) -> Pod | None:
        return self._pods.get(id)

    def space(self, id: str) -> str:
        """Its network namespace, "" when there is no such pod."""
        pod = self._pods.get(id)
        return pod.space if pod is not None else ""

    def known(self) -> list[KnownPod]:
        return [KnownPod(pod.at, pod.node, pod.ready) for pod in self._pods.values()]

    async def begin(self) -> None:
        """What is there of an earlier start. Raises CallFailed, Unavailable."""
        everyone = await self._calls("ListPodSandbox")
        for each in everyone.items:
            if ownership.abandoned(each.labels):
                log.info("pod %s/%s of a process that is gone is removed", each.metadata.namespace, each.metadata.name)
                await self._remove_sandbox(each.id)
        told = await self._calls("ListPodSandbox", {"filter": {"label_selector": self._own}})
        for each in sorted(told.items, key=lambda each: (each.state != READY, -each.created_at)):
            id = each.metadata.uid
            self._attempts[id] = max(self._attempts.get(id, 0), each.metadata.attempt + 1)
            if id in self._pods:
                await self._remove_sandbox(each.id)  # an older one of the pod
                continue
            with contextlib.suppress(CallFailed):  # it went meanwhile
                self._pods[id] = await self._look(each.id, id, each.labels.get(configs.NODE, ""))

    async def run(self, box: PodBox) -> PodAt:
        """Also takes over one that runs already. Raises StartFailed."""
        pod = self._pods.get(box.id)
        if pod is not None and pod.ready:
            pod.box = box
            return pod.at
        if pod is not None:
            await self.remove(box.id)
        self._starting += 1
        try:
            return await self._run(box)
        except Unavailable as down:
            raise StartFailed("CreatePodSandboxError", str(down)) from down
        except CallFailed as failed:
            raise StartFailed("CreatePodSandboxError", str(failed)) from failed
        finally:
            self._starting -= 1

    async def _run(self, box: PodBox) -> PodAt:
        attempt = self._attempts.get(box.id, 0)
        self._attempts[box.id] = attempt + 1
        config = configs.sandbox(box, attempt, self._own, systemd=self.systemd)
        told = await self._calls("RunPodSandbox", {"config": config, "runtime_handler": box.handler}, seconds=_START)
        try:
            pod = await self._look(told.pod_sandbox_id, box.id, box.node)
        except BaseException:
            await asyncio.shield(self._remove_sandbox(told.pod_sandbox_id))
            raise
        pod.box, pod.group = box, config["linux"]["cgroup_parent"]
        self._pods[box.id] = pod
        return pod.at

    async def _look(self, sandbox: str, id: str, node: str) -> Pod:
        told = await self._calls("PodSandboxStatus", {"pod_sandbox_id": sandbox, "verbose": True})
        network = told.status.network
        addresses = (network.ip, *(each.ip for each in network.additional_ips)) if network.ip else ()
        spec = _spec(told.info)
        return Pod(sandbox, PodAt(id, addresses), node, told.status.state == READY, _space(spec, told.info), None, _group(spec))

    async def remove(self, id: str) -> None:
        """Stops what runs in it at once."""
        pod = self._pods.pop(id, None)
        if pod is not None:
            await (self._insist("RemovePodSandbox", pod.id) if pod.stopped else self._remove_sandbox(pod.id))
            if pod.group.startswith(f"/{resources.ROOT}/"):
                await asyncio.to_thread(groups.remove, pod.group)

    async def stop(self, id: str) -> None:
        """Its programs and network end; it is still there to be asked about."""
        pod = self._pods.get(id)
        if pod is not None:
            await self._insist("StopPodSandbox", pod.id)
            pod.stopped = True

    async def _remove_sandbox(self, sandbox: str) -> None:
        await self._insist("StopPodSandbox", sandbox)
        await self._insist("RemovePodSandbox", sandbox)

    async def _insist(self, method: str, sandbox: str) -> None:
        told = ""
        while True:
            try:
                await self._calls(method, {"pod_sandbox_id": sandbox})
                return
            except CallFailed as failed:
                if failed.code == "NotFound":
                    return
                why = str(failed)
            except Unavailable as down:
                why = str(down)
            if why != told:
                log.warning("%s of %s is tried again every %g s: %s", method, sandbox[:12], _AGAIN, why)
                told = why
            await asyncio.sleep(_AGAIN)

    def strange(self, sandboxes: Sequence[Any]) -> list[str]:
        """Ids of those that have the label, and are of no pod that is known: left by a try whose answer never came."""
        if self._starting:
            return []
        known = {pod.id for pod in self._pods.values()}
        return [each.id for each in sandboxes if each.id not in known and each.metadata.uid not in self._pods]

    async def remove_strange(self, sandbox: str) -> None:
        log.info("sandbox %s is of no pod any more, and is removed", sandbox[:12])
        await self._remove_sandbox(sandbox)


def _spec(info: Mapping[str, str]) -> dict[str, Any]:
    """Of the sandbox's own container, in the words of the OCI runtime; {} where the runtime does not tell."""
    try:
        found: dict[str, Any] = msgspec.json.decode(info["info"])["runtimeSpec"]["linux"]
    except (KeyError, TypeError, msgspec.DecodeError):
        return {}
    return found or {}


def _space(linux: Mapping[str, Any], info: Mapping[str, str]) -> str:
    """By the path that the runtime mounted it at, else by the sandbox's first process; "" for the machine's own network."""
    paths = [each.get("path", "") for each in linux.get("namespaces") or () if each.get("type") == "network"]
    if paths and paths[0] and Path(paths[0]).exists():
        return str(paths[0])
    try:
        pid = msgspec.json.decode(info["info"])["pid"]
    except (KeyError, TypeError, msgspec.DecodeError):
        return ""
    return f"/proc/{pid}/ns/net" if pid else ""


def _group(linux: Mapping[str, Any]) -> str:
    path = str(linux.get("cgroupsPath") or "")
    return path.rpartition("/")[0] if path.startswith("/") else path.partition(":")[0]
