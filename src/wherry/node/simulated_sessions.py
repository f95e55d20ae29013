"""Logs and sessions of simulated containers: a line that says that no process runs, and refusals by name.

Part of the simulated runtime.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from socket import socket

from wherry.api import timestamps
from wherry.api.errors import BadRequest
from wherry.api.objects import Obj, name
from wherry.kit.clock import Clock
from wherry.node.runtime import LogOptions
from wherry.rules.pods.kubelet.readable_logs import logged_since
from wherry.streams.session import Session


class SimulatedSessions:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def logs(self, pod: Obj, container: str, options: LogOptions) -> AsyncIterator[bytes]:
        since = logged_since(pod, container, previous=options.previous)
        fields = ("initContainers", "containers", "ephemeralContainers")
        image = next((c.get("image", "") for field in fields for c in pod["spec"].get(field) or () if c["name"] == container), "")
        line = f"wherry: container {container} ({image}) is simulated: no process runs, so there is no output\n"
        if options.timestamps:
            line = f"{timestamps.time(since)} {line}"
        old = options.since_seconds is not None and self._clock.now() - since > options.since_seconds
        if options.tail_lines != 0 and not old:
            yield line.encode()[: options.limit_bytes]

    async def exec(self, pod: Obj, container: str, command: Sequence[str], *, tty: bool = False, stdin: bool = False) -> Session:
        raise BadRequest(f"container {container} of pod {name(pod)} is simulated: no command can run in it")

    async def attach(self, pod: Obj, container: str, *, stdin: bool = False) -> Session:
        raise BadRequest(f"container {container} of pod {name(pod)} is simulated: there is no process to attach to")

    async def dial(self, pod: Obj, port: int) -> socket:
        raise BadRequest(f"pod {name(pod)} is simulated: nothing listens on port {port}")
