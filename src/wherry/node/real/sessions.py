"""Logs, exec, attach and connections to ports of real containers. Part of the runtime of real nodes.

Errors and texts are those of the kubelet's API. Source: pkg/kubelet/kubelet_pods.go (GetKubeletContainerLogs, RunInContainer, GetExec,
GetAttach, GetPortForward).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from socket import socket

from wherry.api.errors import BadRequest, InternalError
from wherry.api.objects import Obj, name, namespace
from wherry.kit.clock import Clock
from wherry.linux.fabric import connected
from wherry.node import engine as engines
from wherry.node.engine import Engine, NoSuchContainer, PodAt
from wherry.node.real import logs
from wherry.node.runtime import LogOptions, Report
from wherry.rules.pods.kubelet.container import Container
from wherry.rules.pods.kubelet.readable_logs import logged_since
from wherry.rules.pods.kubelet.static_pods import pod_id
from wherry.streams.session import Session


@dataclass(slots=True)
class RunningPod:
    """A pod that has, or is to have, its sandbox."""

    pod: Obj
    addresses: tuple[str, ...]
    #: when the node first saw it
    seen: str
    at: PodAt | None = None
    #: it is to go, also when its sandbox is being made just now
    over: bool = False
    volumes: Mapping[str, Path] = field(default_factory=dict)


@dataclass(slots=True)
class Life:
    """A container that runs."""

    pod: str
    container: Container
    report: Report
    message: Path
    log: Path
    since: float = 0.0


class RealSessions:
    _engine: Engine
    _clock: Clock
    _folder: Path
    _pods: dict[str, RunningPod]
    _lives: dict[str, Life]

    def log_path(self, pod: Obj, container: str, run: int) -> Path:
        return self._folder / "logs" / pod_id(pod) / container / f"{run}.log"

    def logs(self, pod: Obj, container: str, options: LogOptions) -> AsyncIterator[bytes]:
        logged_since(pod, container, previous=options.previous)
        run = _runs(pod, container)
        path = self.log_path(pod, container, max(run - 1, 0) if options.previous else run)
        if not path.exists():
            raise BadRequest(f'unable to retrieve container logs for {_shown_id(pod, container)}')
        return logs.read(path, options, self._clock.now(), lambda: self._running(pod, container) is not None)

    def _running(self, pod: Obj, container: str) -> str | None:
        ids = (id_ for id_, life in self._lives.items() if life.pod == pod_id(pod) and life.container.name == container)
        return next(ids, None)

    def _id_of(self, pod: Obj, container: str) -> str:
        id_ = self._running(pod, container)
        if id_ is None:
            raise BadRequest(_absent(container))
        return id_

    async def exec(self, pod: Obj, container: str, command: Sequence[str], *, tty: bool = False, stdin: bool = False) -> Session:
        try:
            return await self._engine.exec(self._id_of(pod, container), command, tty=tty, stdin=stdin)
        except NoSuchContainer as error:
            raise BadRequest(_absent(container)) from error
        except engines.StartFailed as failed:
            text = f"error executing command in container: failed to exec in container: {failed.text}"
            raise InternalError(f"Internal error occurred: Internal error occurred: {text}") from failed

    async def attach(self, pod: Obj, container: str, *, stdin: bool = False) -> Session:
        try:
            return await self._engine.attach(self._id_of(pod, container), stdin=stdin)
        except NoSuchContainer as error:
            raise BadRequest(_absent(container)) from error

    async def dial(self, pod: Obj, port: int) -> socket:
        fabric, run = self._engine.fabric, self._pods.get(pod_id(pod))
        if fabric is None or run is None or run.at is None:
            raise BadRequest(f"pod {namespace(pod)}/{name(pod)} has no network here")
        return await connected(fabric, "127.0.0.1", port, run.at.id)


def _entry(pod: Obj, container: str) -> Obj:
    status = pod.get("status") or {}
    fields = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")
    return next((e for field_ in fields for e in status.get(field_) or () if e["name"] == container), {})


def _runs(pod: Obj, container: str) -> int:
    return int(_entry(pod, container).get("restartCount") or 0)


def _shown_id(pod: Obj, container: str) -> str:
    return str(_entry(pod, container).get("containerID") or container)


def _absent(container: str) -> str:
    return f'unable to upgrade connection: container not found ("{container}")'
