"""One request passed on to one pod, and its answer as it comes: both bodies are streamed, each side waiting for the other.

Called by `serving` with the pod that was picked. What may be tried again with another pod is told apart: `NotConnected` (nothing was sent)
and `NotAnswered` (the connection ended before an answer began, and the request may be sent twice). Once an answer has begun, its end is the
client's to see: a body that breaks off breaks off there too.
Source: RFC 9110 sections 7.6 and 9.2.2 (idempotent methods), RFC 9112 section 9.3.1 (retrying requests).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from http import HTTPStatus

import aiohttp
from aiohttp import web
from yarl import URL

from wherry.network.ingress.dialing import NotConnected, Way
from wherry.rules.networking.ingress.endpoints import Target
from wherry.rules.networking.ingress.headers import Client, Header, to_backend, to_client

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
_WITHOUT_BODY = (204, 304)
#: what aiohttp's client would add by itself
_AUTO = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class NotAnswered(Exception):
    """The pod's end of the connection was closed before an answer began. `again`: the request may be sent once more."""

    def __init__(self, why: str, *, again: bool) -> None:
        super().__init__(why)
        self.again = again


class Answer(web.StreamResponse):
    """A pod's answer, written while it comes: with its length where it says one, else in chunks.

    The head waits for the first piece and the last piece for the end, so a short answer is one write. `StreamResponse.__init__` is not
    called: nothing of it is used.
    """

    def __init__(self, request: web.BaseRequest, status: int, reason: str, headers: list[Header]) -> None:
        self._to, self._code, self._broken = request, status, False
        sized = any(name.lower() == "content-length" for name, _ in headers)
        without = request.method == "HEAD" or status in _WITHOUT_BODY
        self._chunks = request.version.minor > 0 and not sized and not without
        self._stays = bool(request.keep_alive) and (sized or without or self._chunks)
        framing = "Transfer-Encoding: chunked\r\n" if self._chunks else ""
        if not self._stays:
            framing += "Connection: close\r\n"
        elif request.version.minor == 0:
            framing += "Connection: keep-alive\r\n"
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        self._held = f"HTTP/1.1 {status} {reason}\r\n{lines}{framing}\r\n".encode("utf-8", "surrogateescape")

    @property
    def status(self) -> int:
        return self._code

    @property
    def keep_alive(self) -> bool | None:
        return self._stays

    def __repr__(self) -> str:
        return f"<Answer {self._code}>"

    def _write(self, data: bytes) -> None:
        transport = self._to.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client is gone")
        transport.write(data)

    def _framed(self, data: bytes) -> bytes:
        return b"%x\r\n%b\r\n" % (len(data), data) if self._chunks and data else data

    async def piece(self, data: bytes) -> None:
        """More will come; b"": what there is should go out. Waits while the client is behind. Raises ConnectionResetError."""
        held, self._held = self._held, b""
        if data or held:
            self._write(held + self._framed(data))
            await self._to.writer.drain()

    def last(self, data: bytes) -> None:
        self._held += self._framed(data)

    def broken(self) -> None:
        """There is no more, although there should be: the client sees its connection end."""
        self._stays, self._broken = False, True
        if self._to.transport is not None:
            self._to.transport.abort()

    async def prepare(self, request: web.BaseRequest) -> None:
        if self._chunks and not self._broken:
            self._held += b"0\r\n\r\n"
        if self._held and not self._broken:
            self._write(self._held)
            await request.writer.drain()

    async def write_eof(self, data: bytes = b"") -> None:
        """Everything was written by `prepare`."""


class _Body:
    """Of the request, read once it is sent on. `begun`: something was read, so it cannot be sent a second time."""

    def __init__(self, request: web.BaseRequest) -> None:
        self._request = request
        self.begun = False

    async def pieces(self) -> AsyncIterator[bytes]:
        self.begun = True
        if self._request.headers.get("Expect", "").lower() == "100-continue" and self._request.transport is not None:
            self._request.transport.write(_CONTINUE)
        async for piece in self._request.content.iter_any():
            yield piece


async def passed(way: Way, target: Target, request: web.BaseRequest, client: Client) -> Answer:
    """Raises NotConnected, NotAnswered; ConnectionError when the client is gone."""
    body = _Body(request) if request.can_read_body else None
    alone = body is None and request.method in IDEMPOTENT
    session = way.kept if alone else way.fresh
    host = f"[{target.address}]" if ":" in target.address else target.address
    url = URL(f"http://{host}:{target.port}{request.raw_path}", encoded=True)
    asked = session.request(
        request.method, url, headers=to_backend(_texts(request.raw_headers), client), data=body.pieces() if body else None,
        allow_redirects=False, skip_auto_headers=_AUTO,
    )  # fmt: skip
    try:
        answer = await asked
    except NotConnected:
        raise
    except aiohttp.ClientError as error:
        sent_again = request.method in IDEMPOTENT and (body is None or not body.begun)
        raise NotAnswered(str(error) or type(error).__name__, again=sent_again) from error
    async with answer:
        return await _given(request, answer)


async def _given(request: web.BaseRequest, answer: aiohttp.ClientResponse) -> Answer:
    given = Answer(request, answer.status, answer.reason or _phrase(answer.status), to_client(_texts(answer.raw_headers)))
    try:
        if request.method != "HEAD" and answer.status not in _WITHOUT_BODY:
            content = answer.content
            data = content.read_nowait(-1)
            while not content.at_eof():
                await given.piece(data)
                data = await content.readany()
            given.last(data)
    except (aiohttp.ClientError, OSError):
        given.broken()
    return given


def _texts(raw: tuple[tuple[bytes, bytes], ...]) -> list[Header]:
    return [(name.decode("latin-1"), value.decode("utf-8", "surrogateescape")) for name, value in raw]


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Unknown"
