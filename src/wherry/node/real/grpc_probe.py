"""One attempt of a gRPC probe: a health check over HTTP/2, on a socket of the pods' network.

Called by `attempts`. HTTP/2 is the library h2's, because gRPC's own makes its sockets itself, outside of the namespace that pods are in;
the two messages are a field each. It is imported with the first such probe. Texts are the kubelet's.
Source: pkg/probe/grpc/grpc.go; https://github.com/grpc/grpc/blob/master/doc/health-checking.md; gRPC over HTTP/2 (PROTOCOL-HTTP2.md).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from socket import socket
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

from wherry.kit.version import VERSION
from wherry.node.runtime import Probed

if TYPE_CHECKING:
    from h2.connection import H2Connection

#: seconds between two tries to connect, as long as there is time
_AGAIN = 0.1
_STATUSES = ("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")
_SERVING, _UNIMPLEMENTED = 1, 12
_CODES = ("OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists", "PermissionDenied",
          "ResourceExhausted", "FailedPrecondition", "Aborted", "OutOfRange", "Unimplemented", "Internal", "Unavailable", "DataLoss",
          "Unauthenticated")
_MOST = 65536

Connect = Callable[[], Awaitable[socket]]


class _Answer(NamedTuple):
    """`code`: of gRPC; `body`: the messages as they came."""

    code: int
    message: str
    body: bytes


class _Broken(Exception):
    """The connection is not one of gRPC."""


async def probe(connect: Connect, at: str, service: str, seconds: float) -> Probed:
    """`at`: host and port, for texts."""
    deadline = asyncio.get_running_loop().time() + seconds
    shown = f"{seconds:g}s"
    try:
        connection = await asyncio.wait_for(_connected(connect), seconds)
    except TimeoutError:
        return Probed(False, f'timeout: failed to connect service "{at}" within {shown}: context deadline exceeded')
    reader, writer = await asyncio.open_connection(sock=connection)
    try:
        left = max(deadline - asyncio.get_running_loop().time(), 0.01)
        answer = await asyncio.wait_for(_check(reader, writer, at, service), left)
    except TimeoutError:
        return Probed(False, f"timeout: health rpc did not complete within {shown}")
    except (_Broken, OSError) as error:
        return Probed(False, f"error: health rpc probe failed: rpc error: code = Unavailable desc = {error}")
    finally:
        writer.close()
    return _judged(answer)


def _judged(answer: _Answer) -> Probed:
    if answer.code == _UNIMPLEMENTED:
        what = "this server does not implement the grpc health protocol (grpc.health.v1.Health)"
        return Probed(False, f"error: {what}: {answer.message}")
    if answer.code:
        name = _CODES[answer.code] if answer.code < len(_CODES) else f"Code({answer.code})"
        return Probed(False, f"error: health rpc probe failed: rpc error: code = {name} desc = {answer.message}")
    status = _status(answer.body)
    if status != _SERVING:
        said = _STATUSES[status] if status < len(_STATUSES) else str(status)
        return Probed(False, f'service unhealthy (responded with "{said}")')
    return Probed(True, "service healthy")


async def _connected(connect: Connect) -> socket:
    """Tried until it works: who listens soon is not dead."""
    while True:
        try:
            return await connect()
        except OSError:
            await asyncio.sleep(_AGAIN)


async def _check(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, at: str, service: str) -> _Answer:
    """Raises _Broken, OSError."""
    from h2.config import H2Configuration
    from h2.connection import H2Connection

    http = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
    http.initiate_connection()
    headers = [(":method", "POST"), (":scheme", "http"), (":path", "/grpc.health.v1.Health/Check"), (":authority", at),
               ("content-type", "application/grpc"), ("user-agent", f"kube-probe/{VERSION}"), ("te", "trailers")]
    stream = http.get_next_available_stream_id()
    http.send_headers(stream, headers)
    http.send_data(stream, _request(service), end_stream=True)
    writer.write(http.data_to_send())
    return await _answered(http, reader, writer, stream)


async def _answered(http: H2Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, stream: int) -> _Answer:
    from h2 import events
    from h2.exceptions import ProtocolError

    headers: dict[str, Any] = {}
    body = b""
    while data := await reader.read(_MOST):
        try:
            news = http.receive_data(data)
        except ProtocolError as error:
            raise _Broken(str(error)) from error
        for event in news:
            if isinstance(event, events.ResponseReceived | events.TrailersReceived):
                headers.update((str(key), value) for key, value in event.headers or ())
            elif isinstance(event, events.DataReceived):
                body += event.data or b""
                http.acknowledge_received_data(event.flow_controlled_length or 0, stream)
            elif isinstance(event, events.StreamEnded):
                return _Answer(int(headers.get("grpc-status", "2")), unquote(str(headers.get("grpc-message", ""))), body)
            elif isinstance(event, events.StreamReset | events.ConnectionTerminated):
                raise _Broken(f"the server ended the stream: {event.error_code}")
        if len(body) > _MOST:
            raise _Broken("the answer is too long")
        writer.write(http.data_to_send())
    raise _Broken("connection closed before the answer")


def _request(service: str) -> bytes:
    """HealthCheckRequest: field 1 is the service."""
    name = service.encode()
    message = b"\x0a" + _varint(len(name)) + name if name else b""
    return b"\0" + len(message).to_bytes(4, "big") + message


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def _status(body: bytes) -> int:
    """Of a HealthCheckResponse: field 1, 0 where it is not said."""
    message = body[5:5 + int.from_bytes(body[1:5], "big")]
    return message[1] if len(message) > 1 and message[0] == 0x08 else 0
