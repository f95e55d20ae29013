"""The reverse proxy behind `proxy` subresources and `log` of other machines: one HTTP request passed on, its answer as it comes.

Called by `connections` and `pod_requests`. Bodies are streamed both ways, each side waiting for the other; a request that asks for another
protocol is passed on as bytes. Where the way leads (a TCP address, or a socket into a pod) is the `Upstream`'s.
Source: k8s.io/apimachinery/pkg/util/proxy (upgradeaware.go, transport.go: links that lead to the backend's root are led below the proxy),
RFC 9110 section 7.6.1 (hop-by-hop headers).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import aiohttp
import msgspec
from aiohttp import web
from aiohttp.client_proto import ResponseHandler
from yarl import URL

from wherry.api.errors import BadRequest, InternalError, ServiceUnavailable, StatusError
from wherry.kit.bodies import whole
from wherry.server import log_streams
from wherry.server.call import Call
from wherry.server.wire import TEXT, Answer, Header, Stream
from wherry.streams import relay, takeover
from wherry.streams.dialing import Answered, DialFailed, Place, ask, connect, reason
from wherry.streams.wire import PIECE

if TYPE_CHECKING:
    from aiohttp.client_reqrep import ClientRequest
    from aiohttp.tracing import Trace

#: that concern one connection only
_HOP = frozenset({"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade"})
#: that are for the API server
_OURS = frozenset({"host", "authorization", "content-length", "expect"})
#: who asks, and as whom: authentication's
_NAMING = ("impersonate-", "x-remote-")
_WITHOUT_BODY = (204, 304)
#: bytes of a refusal that are read
_MOST_TEXT = 50 * 1024
#: bytes of a document that another server gives
_MOST_DOCUMENT = 16 * 1024 * 1024
#: what aiohttp would add by itself
_AUTO = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")

Opening = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


class Upstream(NamedTuple):
    """`target`: path and query. `open` gives a connection where `place` cannot be reached from here (a pod in a network of its own)."""

    place: Place
    target: str
    open: Opening | None = None
    #: what the path is below, for a client: "" for answers whose links stay as they are
    below: str = ""
    #: headers that say who asks, for who is to believe it
    headers: tuple[Header, ...] = ()

    @property
    def origin(self) -> str:
        return f"{'https' if self.place.tls else 'http'}://{self.place}"


class Connector(aiohttp.BaseConnector):
    """Connections of an `Upstream`, for aiohttp's client. One for each request: nothing is kept."""

    def __init__(self, upstream: Upstream) -> None:
        super().__init__(force_close=True)
        self._upstream = upstream
        self._writer: asyncio.StreamWriter | None = None

    async def _create_connection(self, req: ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout) -> ResponseHandler:
        loop, place = asyncio.get_running_loop(), self._upstream.place
        if self._upstream.open is None:
            try:
                _, protocol = await loop.create_connection(lambda: ResponseHandler(loop), place.host, place.port, ssl=place.tls)
            except OSError as error:
                raise DialFailed(f"dial tcp {reason(place, error)}") from None
            return protocol
        _, writer = await _opened(self._upstream)
        self._writer = writer  # it would close the connection if nobody kept it
        protocol = ResponseHandler(loop)
        transport = writer.transport
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        return protocol


async def _opened(upstream: Upstream) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection of its `open`, with TLS where its place has some. Raises OSError, StatusError."""
    assert upstream.open is not None
    reader, writer = await upstream.open()
    if upstream.place.tls is not None:
        try:
            await writer.start_tls(upstream.place.tls, server_hostname=upstream.place.host)
        except BaseException:
            writer.close()
            raise
    return reader, writer


async def fetch(upstream: Upstream, call: Call, common: bytes) -> Answer:
    """Passes the call on and gives the answer while it comes. Raises StatusError, ConnectionError."""
    async with session_on(Connector(upstream)) as session:
        return await fetch_by(session, upstream, call, common)


def session_on(connector: aiohttp.BaseConnector) -> aiohttp.ClientSession:
    """For `fetch_by`; to be closed."""
    return aiohttp.ClientSession(connector=connector, auto_decompress=False, timeout=aiohttp.ClientTimeout(total=None, sock_connect=30))


async def fetch_by(session: aiohttp.ClientSession, upstream: Upstream, call: Call, common: bytes) -> Answer:
    """As `fetch`, on connections that may be kept. Raises StatusError, ConnectionError."""
    request = call.request
    try:
        url = URL(upstream.origin + upstream.target, encoded=True)
        asked = session.request(
            call.method, url, headers=_passed(upstream, request), data=_body(request), allow_redirects=False, skip_auto_headers=_AUTO
        )
        async with asked as answer:
            return await _answered(upstream, call, answer, common)
    except (aiohttp.ClientError, DialFailed, TimeoutError) as error:
        raise ServiceUnavailable(f"error trying to reach service: {error or type(error).__name__}") from None


async def get(upstream: Upstream) -> tuple[int, bytes]:
    """Status and body of an answer to us. Raises DialFailed."""
    async with aiohttp.ClientSession(connector=Connector(upstream)) as session:
        try:
            url = URL(upstream.origin + upstream.target, encoded=True)
            async with session.get(url, headers=upstream.headers, allow_redirects=False) as answer:
                return answer.status, (await whole(answer.content, _MOST_DOCUMENT)).content
        except (aiohttp.ClientError, OSError) as error:
            raise DialFailed(f'Get "{url}": {error or type(error).__name__}') from None


async def logs(upstream: Upstream, call: Call, common: bytes, pod: str) -> Answer:
    """A kubelet's log of a container, as it comes. Raises StatusError, also for what the kubelet refuses."""
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=30)
    url = URL(upstream.origin + upstream.target, encoded=True)
    async with aiohttp.ClientSession(connector=Connector(upstream), timeout=timeout) as session:
        try:
            async with session.get(url, allow_redirects=False) as answer:
                if answer.status not in range(200, 207):
                    raise _refused(answer.status, (await whole(answer.content, _MOST_TEXT)).content, pod)
                stream = await log_streams.opened(call, answer.headers.get("Content-Type", TEXT), common)
                async for piece in answer.content.iter_chunked(PIECE):
                    await stream.chunk(piece)
                return stream
        except (aiohttp.ClientError, DialFailed, TimeoutError) as error:
            raise StatusError(f'Get "{url}": {error or type(error).__name__}', code=500, reason="") from None


def _refused(status: int, body: bytes, pod: str) -> StatusError:
    """Source: k8s.io/apiserver/pkg/registry/generic/rest/response_checker.go."""
    text = body.decode("utf-8", "replace").strip()
    if status == HTTPStatus.BAD_REQUEST:
        return BadRequest(text)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return InternalError(f"Internal error occurred: {text}")
    if status == HTTPStatus.NOT_FOUND:
        return StatusError(f"the server could not find the requested resource ( pods/log {pod})", code=404, reason="NotFound")
    return StatusError(text or f"the server responded with the status code {status}", code=status, reason="")


async def _answered(upstream: Upstream, call: Call, answer: aiohttp.ClientResponse, common: bytes) -> Proxied:
    headers = [_led(upstream, name, value) for name, value in _texts(answer) if name.lower() not in _HOP]
    has_body = call.method != "HEAD" and answer.status not in _WITHOUT_BODY
    first = await _page(upstream, call, answer) if has_body and upstream.below and answer.content_type == "text/html" else None
    if first is not None and answer.content.at_eof():
        headers = [*((name, value) for name, value in headers if name.lower() != "content-length"), ("Content-Length", str(len(first)))]
    passed = Proxied(call.request, answer.status, common, headers)
    if first:
        await passed.chunk(first)
    if has_body:
        async for piece in answer.content.iter_chunked(PIECE):
            await passed.chunk(piece)
    return passed


async def _page(upstream: Upstream, call: Call, answer: aiohttp.ClientResponse) -> bytes:
    """Its beginning; all of it, with its links led below the proxy, unless it is too large for that. Raises aiohttp.ClientError."""
    from wherry.server import html_links

    body = b""
    while len(body) <= _MOST_DOCUMENT and (piece := await answer.content.readany()):
        body += piece
    if not answer.content.at_eof():
        return body
    hosts = (str(upstream.place), call.header("Host"))
    return html_links.body_below(body, answer.headers.get("Content-Encoding", "").lower(), upstream.below, hosts, _MOST_DOCUMENT)


def _texts(answer: aiohttp.ClientResponse) -> list[Header]:
    return [(name.decode("latin-1"), value.decode("utf-8", "surrogateescape")) for name, value in answer.raw_headers]


def _led(upstream: Upstream, name: str, value: str) -> Header:
    """A redirect to the backend itself is one to the same place below the proxy."""
    if name.lower() != "location" or not upstream.below:
        return name, value
    parts = urlsplit(value)
    if parts.netloc and parts.netloc != str(upstream.place):
        return name, value
    path = parts.path if parts.path.startswith("/") else f"/{parts.path}"
    return name, upstream.below + path + (f"?{parts.query}" if parts.query else "") + (f"#{parts.fragment}" if parts.fragment else "")


def _passed(upstream: Upstream, request: web.BaseRequest) -> list[Header]:
    passed = [(name, value) for name, value in request.headers.items() if name.lower() not in _HOP and _is_for_others(name)]
    forwarded = ", ".join([*request.headers.getall("X-Forwarded-For", []), request.remote or ""])
    passed = [(name, value) for name, value in passed if name.lower() != "x-forwarded-for"]
    return [*passed, ("X-Forwarded-For", forwarded), *upstream.headers]


def _is_for_others(name: str) -> bool:
    """Whether a header is not for the API server alone, nor one that only it may set."""
    return name.lower() not in _OURS and not name.lower().startswith(_NAMING)


def _body(request: web.BaseRequest) -> AsyncIterator[bytes] | None:
    return request.content.iter_chunked(PIECE) if request.can_read_body else None


class Proxied(Stream):
    """An answer of somebody else, written while it comes: with its length where it says one, else in chunks."""

    def __init__(self, request: web.BaseRequest, status: int, common: bytes, headers: list[Header]) -> None:
        self.code, self._request = status, request
        sized = any(name.lower() == "content-length" for name, _ in headers)
        without = request.method == "HEAD" or status in _WITHOUT_BODY
        self._chunked = request.version.minor > 0 and not sized and not without
        self._keep = bool(request.keep_alive) and (sized or without or self._chunked)
        framing = b"Transfer-Encoding: chunked\r\n" if self._chunked else b"" if self._keep else b"Connection: close\r\n"
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers if name.lower() not in ("audit-id", "date"))
        first = f"HTTP/1.1 {status} {_phrase(status)}\r\n".encode()
        self._send(first + common + lines.encode("utf-8", "surrogateescape") + framing + b"\r\n")


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Unknown"


async def switched(upstream: Upstream, request: web.BaseRequest) -> None:
    """Passes on a request for another protocol, and then bytes. Raises StatusError, ConnectionError."""
    headers = [*((name, value) for name, value in request.headers.items() if _is_for_others(name)), *upstream.headers]
    try:
        reader, writer = await (_opened(upstream) if upstream.open is not None else connect(upstream.place))
        answer = await ask(upstream.place, reader, writer, request.method, upstream.target, [("Host", str(upstream.place)), *headers])
    except OSError as error:
        raise ServiceUnavailable(f"error trying to reach service: {error}") from None
    try:
        if answer.status != 101:
            raise _no_switch(answer)
        await relay.join(takeover.take(request, answer.headers), answer.wire)
    finally:
        writer.close()


def _no_switch(answer: Answered) -> StatusError:
    """What a server said instead of changing the protocol: its Status, where it is one."""
    with suppress(msgspec.DecodeError):
        said = msgspec.json.decode(answer.body)
        if isinstance(said, dict) and said.get("kind") == "Status" and said.get("status") == "Failure":
            return StatusError.from_status({"code": answer.status, **said})
    text = answer.body.decode("utf-8", "replace").strip() or f"the backend answered {answer.status}"
    return StatusError(text, code=answer.status, reason="")
