"""A connection to the server: what comes before there is a request, told as a Status, and what a connection may cost.

Made by `wire.Server` for each connection. aiohttp's parser finds what is no HTTP, or too much of it; the answer is a Status like every
other, and the connection ends. Nothing is logged for it: what anybody can send must not fill a log. A connection on which no request is
complete within `PATIENCE` seconds is closed, be it idle or slow.
Source: k8s.io/apiserver/pkg/server/secure_serving.go (MaxHeaderBytes, ReadHeaderTimeout, IdleTimeout).
"""

from __future__ import annotations

import asyncio
import re
from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec
from aiohttp import web
from aiohttp.http_exceptions import BadHttpMessage, LineTooLong

from wherry.api.errors import BadRequest, InternalError, MethodNotAllowed, StatusError
from wherry.streams.takeover import Handler

if TYPE_CHECKING:
    from aiohttp.abc import AbstractStreamWriter

#: long selectors and continue tokens need room in the request line
MAX_LINE = 256 * 1024
#: one header; together with the number of headers the bound of what a connection can make the server keep (Go's is 1 MiB for all)
MAX_HEADER = 64 * 1024
MAX_HEADERS = 128
#: seconds until a connection without a complete request is closed
PATIENCE = 90.0
_TOO_MANY = "Too many headers"
#: the parser knows the methods of HTTP, not that any word may be one: no path has one that it does not know
_NO_METHOD = "Invalid method encountered"
_REQUEST_LINE = re.compile(r"b['\"][A-Za-z][A-Za-z0-9_.-]* /\S* HTTP/1")
_LONGEST = 200


def limits(loop: asyncio.AbstractEventLoop) -> dict[str, float]:
    """What aiohttp is told. Where time is virtual, connections do not grow old: their clients live in another time."""
    sizes = {"max_line_size": MAX_LINE, "max_field_size": MAX_HEADER, "max_headers": MAX_HEADERS, "lingering_time": 1.0}
    return sizes if is_virtual(loop) else {**sizes, "keepalive_timeout": PATIENCE}


def is_virtual(loop: asyncio.AbstractEventLoop) -> bool:
    return hasattr(loop, "wall_time")


class Connection(Handler):
    """aiohttp's handler of one connection, with Kubernetes's errors, which can be taken over."""

    __slots__ = ()

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """What could not be read as a request, or went wrong outside of all handlers."""
        if isinstance(exc, ConnectionError):
            raise exc  # nobody is left to be told
        if status != HTTPStatus.BAD_REQUEST:
            self.log_exception("%s %s failed", request.method, request.rel_url, exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer was begun already")
        return Refusal(refusal(status, exc, message))


def refusal(status: int, exc: BaseException | None, message: str | None) -> StatusError:
    """The error that a fault of the parser is."""
    whole = str(getattr(exc, "message", "") or message or "")
    text = whole.partition("\n")[0].strip().rstrip(":")
    if isinstance(exc, LineTooLong) or (isinstance(exc, BadHttpMessage) and text.startswith(_TOO_MANY)):
        return StatusError("Request header fields too large", code=431, reason="RequestHeaderFieldsTooLarge")
    if text.startswith(_NO_METHOD) and _REQUEST_LINE.search(whole):
        return MethodNotAllowed("the server does not allow this method on the requested resource", {})
    if status == HTTPStatus.BAD_REQUEST:
        return BadRequest(f"the request is no valid HTTP: {text[:_LONGEST]}" if text else "the request is no valid HTTP")
    return InternalError(f"Internal error occurred: {exc}")


class Refusal(web.StreamResponse):
    """The last answer on a connection. `StreamResponse.__init__` is not called: nothing of it is used."""

    def __init__(self, error: StatusError) -> None:
        self._error = error

    @property
    def status(self) -> int:
        return self._error.code

    @property
    def keep_alive(self) -> bool | None:
        return False

    def __repr__(self) -> str:
        return f"<Refusal {self._error.code}>"

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("the client is gone")
        body = msgspec.json.encode(self._error.to_status()) + b"\n"
        code = HTTPStatus(self._error.code)
        lines = f"HTTP/1.1 {code.value} {code.phrase}", "Content-Type: application/json", "Connection: close"
        head = "\r\n".join((*lines, f"Content-Length: {len(body)}", "", ""))
        transport.write(head.encode() + body)
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Everything was written by `prepare`."""
