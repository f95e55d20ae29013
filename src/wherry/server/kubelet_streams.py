"""exec, attach and port-forward of pods on other machines: passed on to their kubelets, translated where those do not understand.

Called by `connections`. SPDY and WebSocket v4 are passed on as they are. What kubelets do not speak themselves is spoken to them as SPDY:
WebSocket v5 as a session of its own, SPDY inside a WebSocket by taking it out.
Source: k8s.io/apiserver/pkg/util/proxy (upgradeaware.go, streamtranslator.go, streamtunnel.go), pkg/registry/core/pod/strategy.go
(streamLocation, streamParams).
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote, urlencode

from aiohttp import web

from wherry.api.errors import InternalError, StatusError
from wherry.api.objects import Obj
from wherry.server.gateway import Connect, LogOptions
from wherry.streams import channels, negotiation, port_forward, relay, serving, takeover
from wherry.streams.dialing import Answered, DialFailed, Headers, Place, upgrade
from wherry.streams.port_forward import Opened
from wherry.streams.remote import VERSION, RemoteSession
from wherry.streams.session import Session
from wherry.streams.wire import Tunnel

_TUNNEL, _FORWARDING = "SPDY/3.1+", "portforward.k8s.io"
#: headers of a client that are for us and not for the kubelet
_OURS = frozenset({"host", "authorization", "content-length", "transfer-encoding", "te", "trailer", "keep-alive", "proxy-authorization",
                   "sec-websocket-protocol"})  # fmt: skip


class Refused(Exception):
    """The kubelet did not switch; its answer is the client's."""

    def __init__(self, answer: Answered) -> None:
        super().__init__(answer.status)
        self.answer = answer


def log_target(pod: Obj, container: str, options: LogOptions, since_time: str) -> str:
    """`since_time` as the client wrote it."""
    meta = pod["metadata"]
    numbers = (("sinceSeconds", options.since_seconds), ("tailLines", options.tail_lines), ("limitBytes", options.limit_bytes))
    flags = (("follow", options.follow), ("previous", options.previous), ("timestamps", options.timestamps))
    query = [(name, "true") for name, asked in flags if asked] + [(name, str(n)) for name, n in numbers if n is not None]
    query += [("sinceTime", since_time)] if since_time else []
    query += [("stream", options.stream)] if options.stream != "All" else []
    path = "/".join(quote(part, safe="") for part in ("containerLogs", meta["namespace"], meta["name"], container))
    return f"/{path}" + (f"?{urlencode(query, quote_via=quote)}" if query else "")


def target(pod: Obj, wanted: Connect) -> str:
    """The kubelet's path and query for it."""
    meta, streams = pod["metadata"], wanted.streams
    path = {"portforward": "portForward"}.get(wanted.what, wanted.what)
    parts = [path, meta["namespace"], meta["name"], *([wanted.container] if wanted.container else [])]
    flags = (("input", streams.stdin), ("output", streams.stdout), ("error", streams.stderr), ("tty", streams.tty))
    query = [(name, "1") for name, asked in flags if asked] + [("command", word) for word in wanted.command]
    query += [("port", number) for text in wanted.ports for number in text.split(",")]
    return "/" + "/".join(quote(part, safe="") for part in parts) + (f"?{urlencode(query, quote_via=quote)}" if query else "")


async def serve(request: web.BaseRequest, place: Place, pod: Obj, wanted: Connect) -> None:
    """The whole connection. Raises StatusError, Refused before the client's connection is switched; ConnectionError."""
    negotiation.check(request)
    at = target(pod, wanted)
    offered = channels.offered(request) if negotiation.is_websocket(request) else []
    if wanted.what == "portforward" and any(name.startswith(_TUNNEL) for name in offered):
        await _tunnel(request, place, at, offered)
    elif wanted.what != "portforward" and "v5.channel.k8s.io" in offered:
        await serving.run_command(request, wanted.streams, lambda: _session(place, at, wanted))
    else:
        await pass_on(request, place, at)


async def dial(place: Place, pod: Obj, port: int) -> Opened:
    """A connection to a port of the pod, by its kubelet. Raises StatusError."""
    try:
        answer = await _spdy(place, target(pod, Connect("portforward")), [_FORWARDING])
    except Refused as refused:
        text = refused.answer.body.decode("utf-8", "replace").strip()
        raise InternalError(f"Internal error occurred: unable to upgrade connection: {text}") from None
    return await port_forward.dial(answer.wire, port)


async def pass_on(request: web.BaseRequest, place: Place, at: str) -> None:
    """As it is: the same request to the other server, and its bytes."""
    answer = await _switched(place, request.method, at, [("Host", str(place)), *_passed(request)])
    try:
        await relay.join(takeover.take(request, answer.headers), answer.wire)
    finally:
        answer.writer.close()


async def _tunnel(request: web.BaseRequest, place: Place, at: str, offered: Iterable[str]) -> None:
    versions = [name.removeprefix(_TUNNEL) for name in offered if name.startswith(_TUNNEL)]
    answer = await _spdy(place, at, versions)
    try:
        socket = await channels.accept(request, _TUNNEL + answer.header(negotiation.VERSION))
        await relay.join(Tunnel(socket), answer.wire)
    finally:
        answer.writer.close()


async def _session(place: Place, at: str, wanted: Connect) -> Session:
    """Raises StatusError: the client's connection is switched already, and it is told there."""
    try:
        answer = await _spdy(place, at, [VERSION])
    except Refused as refused:
        text = refused.answer.body.decode("utf-8", "replace").strip()
        raise InternalError(f"Internal error occurred: unable to upgrade connection: {text}") from None
    return RemoteSession(answer.wire, wanted.streams)


async def _spdy(place: Place, at: str, versions: Iterable[str]) -> Answered:
    own = [("Host", str(place)), ("Connection", "Upgrade"), ("Upgrade", negotiation.SPDY), ("Content-Length", "0")]
    return await _switched(place, "POST", at, [*own, *((negotiation.VERSION, version) for version in versions)])


async def _switched(place: Place, method: str, at: str, headers: Headers) -> Answered:
    """Raises StatusError, Refused."""
    try:
        answer = await upgrade(place, method, at, headers)
    except DialFailed as error:
        raise dial_error(error) from None
    if answer.status != 101:
        answer.writer.close()
        raise Refused(answer)
    return answer


def dial_error(error: DialFailed) -> StatusError:
    return InternalError(f"Internal error occurred: error dialing backend: {error}")


def _passed(request: web.BaseRequest) -> Headers:
    """The client's headers but for what concerns us; tokens among WebSocket protocols too."""
    protocols = channels.offered(request)
    passed = [(name, value) for name, value in request.headers.items() if not _is_ours(name.lower())]
    return passed + ([("Sec-WebSocket-Protocol", ", ".join(protocols))] if protocols else [])


def _is_ours(name: str) -> bool:
    return name in _OURS or name.startswith("impersonate-")
