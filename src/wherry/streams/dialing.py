"""The client's end of a switched connection: a request with an Upgrade to another server, and its answer.

Called by the API server towards kubelets and towards pods and services behind a proxy. An answer that is no 101 is given as it came.
Source: RFC 9110 section 7.8, RFC 9112 section 6.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

from wherry.streams.wire import Raw, of_streams

Headers = list[tuple[str, str]]
#: seconds to open a connection (Go's default dialer), and for an answer to begin
CONNECT, _ANSWER = 30.0, 60.0
#: bytes of an answer's head, and of the body of one that refuses
_MOST_HEAD, _MOST_BODY = 64 * 1024, 64 * 1024


class DialFailed(OSError):
    """There is no connection; str() is why, worded as Go words it."""


class Place(NamedTuple):
    """Where to connect to; `tls` None: without. `check` "": the host is the name that its certificate must have."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Answered(NamedTuple):
    """`wire`: the connection, when `status` is 101; else `body` is what there is of one."""

    status: int
    headers: Headers
    body: bytes
    wire: Raw
    writer: asyncio.StreamWriter

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")


async def connect(place: Place) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Raises DialFailed."""
    try:
        async with asyncio.timeout(CONNECT):
            return await asyncio.open_connection(place.host, place.port, ssl=place.tls, limit=_MOST_HEAD)
    except OSError as error:
        raise DialFailed(f"{_what(error)}{reason(place, error)}") from None


def _what(error: OSError) -> str:
    return "" if isinstance(error, ssl.SSLError) else "dial tcp "


def reason(place: Place, error: BaseException) -> str:
    """What Go's network library says of such an error."""
    match error:
        case ssl.SSLCertVerificationError():
            return f"tls: failed to verify certificate: x509: {error.verify_message}"
        case ssl.SSLError():
            return f"remote error: tls: {(error.reason or str(error)).lower().replace('_', ' ')}"
        case ConnectionRefusedError():
            return f"{place}: connect: connection refused"
        case TimeoutError():
            return f"{place}: i/o timeout"
        case OSError() if error.strerror:
            return f"{place}: connect: {error.strerror.lower()}"
    return f"{place}: {error}"


async def upgrade(place: Place, method: str, target: str, headers: Iterable[tuple[str, str]]) -> Answered:
    """Raises DialFailed. The connection is the caller's: close the writer."""
    reader, writer = await connect(place)
    return await ask(place, reader, writer, method, target, headers)


async def ask(place: Place, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, method: str, target: str,
              headers: Iterable[tuple[str, str]]) -> Answered:  # fmt: skip
    """The same on a connection that is there. Raises DialFailed, and closes it then."""
    try:
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers), "", ""]
        writer.write("\r\n".join(lines).encode("utf-8", "surrogateescape"))
        async with asyncio.timeout(_ANSWER):
            status, got = _head(await reader.readuntil(b"\r\n\r\n"))
            body = b"" if status == 101 else await _body(reader, got)
        return Answered(status, got, body, of_streams(reader, writer), writer)
    except (OSError, EOFError, asyncio.LimitOverrunError, ValueError) as error:
        writer.transport.abort()
        raise DialFailed(reason(place, error) if isinstance(error, OSError) else "EOF") from None
    except BaseException:
        writer.transport.abort()
        raise


def _head(raw: bytes) -> tuple[int, Headers]:
    """Raises ValueError."""
    first, *lines = raw.decode("utf-8", "surrogateescape").split("\r\n")[:-2]
    version, code = first.split(" ", 2)[:2]
    if not version.startswith("HTTP/1."):
        raise ValueError(first)
    pairs = [line.partition(":") for line in lines]
    return int(code), [(name, value.strip()) for name, _, value in pairs]


async def _body(reader: asyncio.StreamReader, headers: Headers) -> bytes:
    """As much of a refusal as there is; one that is sent in chunks is put together."""
    names = {name.lower(): value for name, value in headers}
    if (length := names.get("content-length", "")).isdecimal():
        return await reader.readexactly(min(int(length), _MOST_BODY))
    if "chunked" not in names.get("transfer-encoding", "").lower():
        return await reader.read(_MOST_BODY)
    body = b""
    with suppress(ValueError, EOFError):
        while (size := int((await reader.readline()).split(b";")[0], 16)) and len(body) < _MOST_BODY:
            body += await reader.readexactly(size)
            await reader.readline()
    return body
