"""One watch of etcd: a gRPC stream on an HTTP/2 connection of its own, read by the event loop itself.

Called by `feed`, through `connection`. gRPC's own library hands over one message in a turn of the loop, so that a server that is busy
writing heard of 800 writes a second; here everything that has come is handed over at once (h2 does the protocol). The server is
pinged when nothing comes, so that one that is gone without a word is noticed. It ends with EtcdError, or with an empty batch.
Source: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md; RFC 9113.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Any, NamedTuple, cast
from urllib.parse import unquote

import grpc
import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings

from wherry.store.etcd.errors import EtcdError
from wherry.store.etcd.messages import WATCH, WatchResponse

#: seconds of silence after which the server is asked whether it lives (etcd refuses to be asked oftener than every 5 s), and for its answer
PING_AFTER, PING_PATIENCE = 10.0, 5.0
#: seconds for a connection
CONNECT_TIMEOUT = 5.0
#: bytes that may be on their way; a slow reader holds up its own connection only
_WINDOW = 1 << 24
_HEAD = 5
_CODES = {code.value[0]: code for code in grpc.StatusCode}


class Place(NamedTuple):
    """`tls` None: plain."""

    host: str
    port: int
    tls: ssl.SSLContext | None


class WatchStream(asyncio.Protocol):
    """Make it with `open`; `read` until it gives an empty batch or raises."""

    def __init__(self, place: Place, token: str) -> None:
        self._place, self._token = place, token
        self._h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
        self._transport: asyncio.Transport | None = None
        self._stream = 0
        self._bytes = bytearray()
        self._came: list[Any] = []
        self._waiter: asyncio.Future[None] | None = None
        self._failure: EtcdError | None = None
        self._ended = False
        self._timer: asyncio.TimerHandle | None = None

    @classmethod
    async def open(cls, place: Place, token: str, request: Any) -> WatchStream:
        """Connects and asks. Raises EtcdError."""
        stream = cls(place, token)
        loop = asyncio.get_running_loop()
        name = place.host if place.tls is not None else None
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await loop.create_connection(lambda: stream, place.host, place.port, ssl=place.tls, server_hostname=name)
        except (OSError, TimeoutError) as error:
            raise EtcdError(grpc.StatusCode.UNAVAILABLE, f"failed to connect to {place.host}:{place.port}: {error}") from None
        stream._ask(request)
        return stream

    async def read(self) -> list[Any]:
        """All responses that have come since; empty when the stream has ended. Raises EtcdError."""
        while not self._came:
            if self._failure is not None:
                raise self._failure
            if self._ended:
                return []
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        came, self._came = self._came, []
        return came

    def end(self) -> None:
        """From this side."""
        self._finish(None)

    # --- what the transport tells ---
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._h2.initiate_connection()
        self._h2.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: _WINDOW})
        self._h2.increment_flow_control_window(_WINDOW)
        self._send()
        self._wait_for_news()

    def data_received(self, data: bytes) -> None:
        try:
            events = self._h2.receive_data(data)
        except h2.exceptions.ProtocolError as error:
            self._finish(EtcdError(grpc.StatusCode.UNAVAILABLE, f"HTTP/2: {error}"))
            return
        for event in events:
            self._on(event)
        self._send()
        self._wait_for_news()

    def connection_lost(self, error: Exception | None) -> None:
        self._finish(EtcdError(grpc.StatusCode.UNAVAILABLE, f"connection lost: {error or 'closed by the server'}"))

    # --- inside ---
    def _ask(self, request: Any) -> None:
        place = self._place
        host = f"[{place.host}]" if ":" in place.host else place.host
        headers = [(":method", "POST"), (":scheme", "http" if place.tls is None else "https"), (":path", WATCH.path),
                   (":authority", f"{host}:{place.port}"), ("te", "trailers"), ("content-type", "application/grpc")]
        if self._token:
            headers.append(("token", self._token))
        body: bytes = request.SerializeToString()
        self._stream = self._h2.get_next_available_stream_id()
        self._h2.send_headers(self._stream, headers)
        self._h2.send_data(self._stream, b"\0" + len(body).to_bytes(4, "big") + body)
        self._send()

    def _on(self, event: h2.events.Event) -> None:
        if self._ended:
            return
        if isinstance(event, h2.events.DataReceived):
            self._h2.acknowledge_received_data(event.flow_controlled_length, self._stream)
            self._took(event.data)
        elif isinstance(event, h2.events.ResponseReceived | h2.events.TrailersReceived):
            self._status(dict(cast("list[tuple[str, str]]", event.headers)))
        elif isinstance(event, h2.events.StreamEnded):
            self._finish(None)
        elif isinstance(event, h2.events.StreamReset | h2.events.ConnectionTerminated):
            self._finish(EtcdError(grpc.StatusCode.UNAVAILABLE, f"the server ended the stream ({event.error_code})"))

    def _status(self, headers: dict[str, str]) -> None:
        """A failure is told in the headers or after the last message."""
        if headers.get(":status", "200") != "200":
            self._finish(EtcdError(grpc.StatusCode.UNAVAILABLE, f"unexpected HTTP status {headers[':status']}"))
        status = headers.get("grpc-status", "0")
        if status != "0":
            code = _CODES.get(int(status) if status.isdigit() else -1, grpc.StatusCode.UNKNOWN)
            self._finish(EtcdError(code, unquote(headers.get("grpc-message", ""))))

    def _took(self, data: bytes) -> None:
        held, at = self._bytes, 0
        held += data
        while len(held) - at >= _HEAD:
            end = at + _HEAD + int.from_bytes(held[at + 1 : at + _HEAD], "big")
            if len(held) < end:
                break
            self._came.append(WatchResponse.FromString(bytes(held[at + _HEAD : end])))
            at = end
        del held[:at]
        if self._came:
            self._wake()

    def _send(self) -> None:
        if self._transport is not None and not self._ended and (data := self._h2.data_to_send()):
            self._transport.write(data)

    def _finish(self, failure: EtcdError | None) -> None:
        if self._ended:
            return
        self._ended, self._failure = True, failure
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.abort()
        self._wake()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _wait_for_news(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if not self._ended:
            self._timer = asyncio.get_running_loop().call_later(PING_AFTER, self._ping)

    def _ping(self) -> None:
        self._h2.ping(b"etcdping")
        self._send()
        gone = EtcdError(grpc.StatusCode.UNAVAILABLE, f"no answer for {PING_AFTER + PING_PATIENCE:.3g} s")
        self._timer = asyncio.get_running_loop().call_later(PING_PATIENCE, self._finish, gone)
