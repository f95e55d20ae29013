"""What the kubelet's API does with pods: logs, sessions and ports, on the node's runtime.

Called by `server`. Errors are plain texts, as the kubelet's are.
Source: pkg/kubelet/server/server.go (getContainerLogs, getExec, getAttach, getPortForward, getRun).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Protocol

from aiohttp import web
from multidict import MultiMapping

from wherry.api import timestamps
from wherry.api.errors import BadRequest, NotFound, StatusError
from wherry.api.objects import Obj
from wherry.kit.finishing import finish
from wherry.node.api.paths import Asked
from wherry.node.engine import Usage
from wherry.node.runtime import LogOptions, Runtime
from wherry.rules.pods.kubelet.eviction import Observation, PodUse
from wherry.streams import serving, takeover
from wherry.streams.port_forward import Forwarded, Opened
from wherry.streams.remote_command import Wanted

_FIELDS = ("initContainers", "containers", "ephemeralContainers")
_YES = ("1", "true")


class Pods(Protocol):
    """The pods of the node."""

    def find(self, namespace: str, name: str) -> Obj | None: ...

    def all(self) -> list[Obj]: ...

    async def used(self) -> tuple[Usage, Mapping[str, Usage]]:
        """What the node uses, and each of its containers by its id."""
        ...

    async def storage(self, used: Mapping[str, Usage]) -> tuple[Mapping[str, Observation], Mapping[str, PodUse]]:
        """What is left of the machine, by signal, and what its pods have on its disk, by uid."""
        ...


class PodRequests:
    """`now`: seconds since 1970."""

    def __init__(self, pods: Pods, runtime: Runtime, now: Callable[[], float]) -> None:
        self._pods, self._runtime, self._now = pods, runtime, now

    async def serve(self, request: web.BaseRequest, asked: Asked) -> web.StreamResponse:
        """Raises StatusError, ConnectionError."""
        pod = self._pod(asked)
        match asked.what:
            case "containerLogs":
                return await self._logs(request, pod, asked.container)
            case "run":
                return await self._run(request, pod, asked.container)
            case "portForward":
                what = f"pod {asked.pod}"
                ports = [int(text) for text in request.query.getall("port", []) if text.isdecimal()]
                await serving.forward_ports(request, Forwarded(what, partial(self._dial, pod)), ports)
            case _:
                await self._session(request, pod, asked)
        return takeover.Over()

    def _pod(self, asked: Asked) -> Obj:
        pod = self._pods.find(asked.namespace, asked.pod)
        if pod is None or (asked.uid and pod["metadata"]["uid"] != asked.uid):
            raise _text(404, f'pod "{asked.pod}" does not exist' if asked.what == "containerLogs" else "pod does not exist")
        names = [c["name"] for field in _FIELDS for c in pod["spec"].get(field) or ()]
        if asked.container and asked.container not in names:
            raise _text(404, f'container "{asked.container}" not found in pod "{asked.pod}"')
        return pod

    async def _dial(self, pod: Obj, port: int) -> Opened:
        return Opened(*await asyncio.open_connection(sock=await self._runtime.dial(pod, port)))

    async def _session(self, request: web.BaseRequest, pod: Obj, asked: Asked) -> None:
        query = request.query
        wanted = Wanted(*(query.get(name, "").lower() in _YES for name in ("input", "output", "error", "tty")))
        attach = partial(self._runtime.attach, pod, asked.container, stdin=wanted.stdin)
        execute = partial(self._runtime.exec, pod, asked.container, query.getall("command", []), tty=wanted.tty, stdin=wanted.stdin)
        await serving.run_command(request, wanted, attach if asked.what == "attach" else execute)

    async def _run(self, request: web.BaseRequest, pod: Obj, container: str) -> web.Response:
        """A command, and all it wrote."""
        session = await self._runtime.exec(pod, container, request.query.get("cmd", "").split(), tty=False, stdin=False)
        try:
            reading: list[Awaitable[bytes]] = [_whole(source) for source in (session.stdout, session.stderr) if source is not None]
            outputs = await asyncio.gather(*reading)
            code = await session.wait()
        finally:
            await finish(session.close())
        if code:
            said = b"".join(outputs).decode("utf-8", "replace")
            raise _text(500, f"command '{request.query.get('cmd', '')}' exited with {code}: {said}")
        return web.Response(body=b"".join(outputs))

    async def _logs(self, request: web.BaseRequest, pod: Obj, container: str) -> web.StreamResponse:
        pieces = self._runtime.logs(pod, container, _log_options(request.query, self._now()))
        first = await anext(pieces, b"")
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await response.prepare(request)
        await response.write(first)
        async for piece in pieces:
            await response.write(piece)
        return response


async def _whole(source: object) -> bytes:
    pieces = []
    while piece := await source.read():  # type: ignore[attr-defined]
        pieces.append(piece)
    return b"".join(pieces)


def _log_options(query: MultiMapping[str], now: float) -> LogOptions:
    """Raises BadRequest."""
    flags = {name: query.get(name, "").lower() in _YES for name in ("follow", "previous", "timestamps")}
    try:
        numbers = {name: int(query[name]) if name in query else None for name in ("tailLines", "limitBytes", "sinceSeconds")}
        since = timestamps.parse(query["sinceTime"]) if query.get("sinceTime") else None
    except ValueError as error:
        raise BadRequest(f"the query of the log cannot be read: {error}") from None
    seconds = numbers["sinceSeconds"] if since is None else max(0, int(now - since))
    asked = query.get("stream", "All")
    return LogOptions(**flags, tail_lines=numbers["tailLines"], limit_bytes=numbers["limitBytes"], since_seconds=seconds, stream=asked)


def _text(code: int, text: str) -> StatusError:
    return NotFound(text, {}) if code == 404 else StatusError(text, code=code, reason="")
