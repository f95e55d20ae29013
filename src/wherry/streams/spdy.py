"""SPDY/3.1 as Kubernetes speaks it: streams over one `Wire`, opened by the client, without flow control of their own.

A `Connection` reads frames in `run` and gives each stream that the other side opens to `on_stream`. SPDY's windows are not used (neither
the clients nor the kubelet know them), so a stream whose reader is slow holds up the connection once `MOST_WAITING` bytes wait in it: what
is kept for a connection stays bounded. A stream is forgotten when both directions have ended.
Source: the SPDY protocol, draft 3.1, sections 2.2 to 2.6; what of it is used: k8s.io/streaming/pkg/httpstream/spdy.
"""

from __future__ import annotations

import asyncio
import logging
import struct
from collections.abc import Callable, Mapping

from wherry.streams.spdy_headers import Malformed, Packer, Unpacker
from wherry.streams.spdy_stream import FIN, Stream
from wherry.streams.wire import Wire

_log = logging.getLogger(__name__)
_SYN_STREAM, _SYN_REPLY, _RST_STREAM, _PING, _GOAWAY, _HEADERS = 1, 2, 3, 6, 7, 8
_PROTOCOL_ERROR, _REFUSED_STREAM, _CANCEL = 1, 3, 5
_HEAD, _ID, _PAIR = struct.Struct(">II"), struct.Struct(">I"), struct.Struct(">II")
_CONTROL = 0x8003 << 16
#: bytes of one frame, of more the sender is mistaken (the field would allow 16 MiB)
_LARGEST_FRAME = 1 << 20
#: streams that are open at a time; more are refused
MOST_STREAMS = 4096
#: answers to frames that may be on their way unread: whoever asks and never reads is read no further
_MOST_ANSWERS = 256


class Connection:
    """`client`: this side opens streams (odd numbers). Run it in a task of its own."""

    def __init__(self, wire: Wire, on_stream: Callable[[Stream], None] | None = None, *, client: bool = False) -> None:
        self._wire, self._on_stream, self._next = wire, on_stream, 1 if client else 2
        self._client = client
        self._streams: dict[int, Stream] = {}
        self._packer, self._unpacker = Packer(), Unpacker()
        self._last = 0
        self._going = False
        self._answers = 0
        self._handlers: dict[int, Callable[[int, bytes], None]] = {
            _SYN_STREAM: self._on_syn_stream,
            _SYN_REPLY: self._on_reply,
            _HEADERS: self._on_headers,
            _RST_STREAM: self._on_reset,
            _PING: self._on_ping,
            _GOAWAY: self._on_goaway,
        }
        #: streams in which too much waits
        self._full: set[int] = set()
        self._room = asyncio.Event()
        self._room.set()

    async def run(self) -> None:
        """Until the other side is gone, says goodbye or breaks the protocol; then every stream has ended."""
        buffer = bytearray()
        try:
            while not (self._going and not self._streams) and (data := await self._wire.read()):
                buffer += data
                del buffer[: self._take(buffer)]
                await self._room.wait()
                if self._answers > _MOST_ANSWERS:
                    await self._wire.drain()
                    self._answers = 0
        except ConnectionError:
            pass  # the end that the streams are told of
        except (Malformed, struct.error) as error:
            _log.info("a SPDY connection ends: %s", error)
            self._send(_GOAWAY, 0, _PAIR.pack(self._last, _PROTOCOL_ERROR))
        finally:
            for stream in list(self._streams.values()):
                stream.lost()
            self._streams.clear()

    def open(self, headers: Mapping[str, str]) -> Stream:
        """A new stream to the other side."""
        stream = self._streams[self._next] = Stream(self, self._next, dict(headers))
        self._send(_SYN_STREAM, 0, struct.pack(">IIH", stream.id, 0, 0) + self._packer.pack(headers))
        self._next += 2
        return stream

    def goodbye(self) -> None:
        """Tell the other side that nothing more will be opened."""
        self._send(_GOAWAY, 0, _PAIR.pack(self._last, 0))

    # --- for streams ---
    def send_data(self, stream: Stream, flags: int, data: bytes) -> None:
        self._wire.write(_HEAD.pack(stream.id, flags << 24 | len(data)) + data)

    async def drain(self) -> None:
        """Raises ConnectionError."""
        await self._wire.drain()

    def cancel(self, stream: Stream) -> None:
        self._send(_RST_STREAM, 0, _PAIR.pack(stream.id, _CANCEL))
        self.forget(stream)

    def forget(self, stream: Stream) -> None:
        self._streams.pop(stream.id, None)
        self.filled(stream, False)

    def filled(self, stream: Stream, full: bool) -> None:
        """Whether too much waits in the stream: nothing is read from the connection meanwhile."""
        (self._full.add if full else self._full.discard)(stream.id)
        (self._room.clear if self._full else self._room.set)()

    # --- frames ---
    def _send(self, kind: int, flags: int, payload: bytes) -> None:
        self._wire.write(_HEAD.pack(_CONTROL | kind, flags << 24 | len(payload)) + payload)

    def _take(self, buffer: bytearray) -> int:
        """Handles the whole frames at the buffer's head; how many bytes they were."""
        at = 0
        while len(buffer) - at >= _HEAD.size:
            first, second = _HEAD.unpack_from(buffer, at)
            size = second & 0xFFFFFF
            if size > _LARGEST_FRAME:
                raise Malformed("the frame is too large")
            if len(buffer) - at < _HEAD.size + size:
                break
            body = bytes(buffer[at + _HEAD.size : at + _HEAD.size + size])
            at += _HEAD.size + size
            if first & 0x80000000:
                self._control(first & 0xFFFF, second >> 24, body)
            else:
                self._data(first, second >> 24, body)
        return at

    def _data(self, number: int, flags: int, body: bytes) -> None:
        stream = self._streams.get(number)
        if stream is not None:
            stream.received(body, ended=bool(flags & FIN))

    def _control(self, kind: int, flags: int, body: bytes) -> None:
        handler = self._handlers.get(kind)
        if handler is not None:
            handler(flags, body)

    def _answer(self, kind: int, payload: bytes) -> None:
        self._answers += 1
        self._send(kind, 0, payload)

    def _on_syn_stream(self, flags: int, body: bytes) -> None:
        (number,) = _ID.unpack_from(body)
        headers = self._unpacker.unpack(body[10:])
        if number <= self._last or bool(number & 1) == self._client:
            raise Malformed("a stream has the number of another one")
        self._last = number
        if self._on_stream is None or self._going or len(self._streams) >= MOST_STREAMS:
            self._answer(_RST_STREAM, _PAIR.pack(number, _REFUSED_STREAM))
            return
        stream = self._streams[number] = Stream(self, number, headers)
        self._answer(_SYN_REPLY, _ID.pack(number) + self._packer.pack({}))
        self._on_stream(stream)
        if flags & FIN:
            stream.received(b"", ended=True)

    def _on_reply(self, flags: int, body: bytes) -> None:
        self._unpacker.unpack(body[_ID.size :])  # what it says is of no use, but the blocks hang together

    def _on_headers(self, flags: int, body: bytes) -> None:
        self._unpacker.unpack(body[_ID.size :])
        self._data(_ID.unpack_from(body)[0], flags, b"")

    def _on_reset(self, flags: int, body: bytes) -> None:
        stream = self._streams.pop(_ID.unpack_from(body)[0], None)
        if stream is not None:
            stream.lost()
            self.filled(stream, False)

    def _on_ping(self, flags: int, body: bytes) -> None:
        if bool(_ID.unpack(body)[0] & 1) != self._client:  # the other side's; ours come back to us
            self._answer(_PING, body)

    def _on_goaway(self, flags: int, body: bytes) -> None:
        self._going = True
