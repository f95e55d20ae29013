"""Programs beside a container's own, and its own streams. Part of the engine.

Source of the rules: pkg/kubelet/cri/remote (ExecSync and its time), k8s.io/cri-streaming.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from wherry.node.cri import sessions
from wherry.node.cri.calls import USUAL, CallFailed, Calls
from wherry.node.cri.fabric import RuntimeFabric
from wherry.node.engine import Exit, NoSuchContainer, StartFailed, Unavailable
from wherry.streams.remote_command import Wanted
from wherry.streams.session import Session

#: bytes that are kept of what a program of a probe or hook says
_MOST_OUTPUT = 10 * 1024
#: programs beside its containers' own that are run in a pod at once: containerd's shim (1.6) stops for good when dozens end together
_PROGRAMS = 8
#: seconds that the runtime gets to tell that it ended a program whose time was over
_AFTER = 1.0


@dataclass(slots=True)
class Container:
    """`told`: its start has been; what ended before is told then."""

    pod: str
    stop_signal: str = ""
    tty: bool | None = None
    told: bool = False
    ended: list[Exit] = field(default_factory=list)


class Programs:
    _calls: Calls | None
    _fabric: RuntimeFabric
    _containers: dict[str, Container]
    _turns: dict[str, asyncio.Semaphore]

    async def run(self, id: str, argv: Sequence[str], seconds: float = 0.0) -> tuple[int, bytes]:
        request = {"container_id": id, "cmd": list(argv), "timeout": math.ceil(seconds)}
        held = self._containers.get(id)
        if held is None:
            raise NoSuchContainer(id)
        turns = self._turns.setdefault(held.pod, asyncio.Semaphore(_PROGRAMS))
        try:
            async with turns:
                told = await asyncio.wait_for(self._ask("ExecSync", request, seconds=None), seconds + _AFTER if seconds else None)
        except CallFailed as failed:
            if failed.code == "DeadlineExceeded":
                raise TimeoutError from failed
            raise sessions.refused(id, failed) from failed
        return told.exit_code, (told.stdout + told.stderr)[:_MOST_OUTPUT]

    async def exec(self, id: str, argv: Sequence[str], *, tty: bool = False, stdin: bool = False) -> Session:
        if not argv:
            raise StartFailed("StartError", "no command specified", 126)
        wanted = Wanted(stdin=stdin, stdout=True, stderr=not tty, tty=tty)
        request = {"container_id": id, "cmd": list(argv), "tty": tty, "stdin": stdin, "stdout": True, "stderr": not tty}
        return await self._session(id, "Exec", request, wanted)

    async def attach(self, id: str, *, stdin: bool = False) -> Session:
        held = self._containers.get(id)
        if held is None:
            raise NoSuchContainer(id)
        if held.tty is None:
            held.tty = bool(((await self._info(id)).get("config") or {}).get("tty"))
        wanted = Wanted(stdin=stdin, stdout=True, stderr=not held.tty, tty=held.tty)
        request = {"container_id": id, "tty": held.tty, "stdin": stdin, "stdout": True, "stderr": not held.tty}
        return await self._session(id, "Attach", request, wanted)

    async def _session(self, id: str, method: str, request: Mapping[str, Any], wanted: Wanted) -> Session:
        try:
            told = await self._ask(method, request)
        except CallFailed as failed:
            raise sessions.refused(id, failed) from failed
        return await sessions.open_session(self._fabric, told.url, wanted)

    async def _ask(self, method: str, request: Mapping[str, Any] | None = None, *, seconds: float | None = USUAL) -> Any:
        if self._calls is None:
            raise Unavailable("the engine is closed")
        return await self._calls(method, request, seconds=seconds)

    async def _info(self, id: str) -> dict[str, Any]:
        """What the runtime tells beside the interface's fields. Raises NoSuchContainer, Unavailable."""
        try:
            told = await self._ask("ContainerStatus", {"container_id": id, "verbose": True})
        except CallFailed as failed:
            raise NoSuchContainer(id) from failed
        found: dict[str, Any] = msgspec.json.decode(told.info.get("info") or "{}")
        return found
