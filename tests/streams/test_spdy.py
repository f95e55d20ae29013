"""SPDY between two of our own ends: streams, their ends, what is held up, and what breaks the protocol."""

from __future__ import annotations

import asyncio
import os
import struct
import zlib
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherry.streams.spdy import Connection
from wherry.streams.spdy_headers import DICTIONARY, Malformed, Packer, Unpacker
from wherry.streams.spdy_stream import MOST_WAITING, Stream

HALF = 100_000


class Line:
    """One direction of two connected wires, with room for HALF bytes."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.news, self.ended = asyncio.Event(), False
        self.sent = 0

    @property
    def size(self) -> int:
        return sum(map(len, self.pieces))


class Joined:
    """A wire whose bytes come out at the other one."""

    def __init__(self, ours: Line, theirs: Line) -> None:
        self.inbound, self.outbound = ours, theirs

    async def read(self) -> bytes:
        while not self.inbound.pieces:
            if self.inbound.ended:
                return b""
            self.inbound.news.clear()
            await self.inbound.news.wait()
        piece = self.inbound.pieces.pop(0)
        self.inbound.news.set()
        return piece

    def write(self, data: bytes) -> None:
        self.outbound.pieces.append(data)
        self.outbound.sent += len(data)
        self.outbound.news.set()

    async def drain(self) -> None:
        while self.outbound.size > HALF:
            if self.outbound.ended:
                raise ConnectionResetError
            await asyncio.sleep(0)

    async def close(self) -> None:
        self.outbound.ended = True
        self.outbound.news.set()


def both_ends(test: Callable[[Connection, list[Stream], Line], Awaitable[None]]) -> None:
    """Runs a test of (client, the streams that its server was opened, the line to the server)."""

    async def run() -> None:
        up, down = Line(), Line()
        streams: list[Stream] = []
        server, client = Connection(Joined(up, down), streams.append), Connection(Joined(down, up), client=True)
        tasks = [asyncio.ensure_future(end.run()) for end in (server, client)]
        try:
            async with asyncio.timeout(30):
                await test(client, streams, up)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(run())


async def first(streams: list[Stream]) -> Stream:
    for _ in range(10_000):
        if streams:
            return streams[0]
        await asyncio.sleep(0)
    raise AssertionError("no stream was opened")


async def whole(stream: Stream) -> bytes:
    pieces = []
    while piece := await stream.read():
        pieces.append(piece)
    return b"".join(pieces)


def test_the_dictionary_is_the_one_that_clients_name() -> None:
    assert zlib.adler32(DICTIONARY) == 0xE3C6A7C2


@given(st.dictionaries(st.text("Ab-ü", max_size=20).map(str.lower), st.text("Ab-ü€ \n", max_size=200), max_size=5))
def test_headers_come_back(headers: dict[str, str]) -> None:
    assert Unpacker().unpack(Packer().pack(headers)) == headers


def test_headers_that_swell_are_refused() -> None:
    with pytest.raises(Malformed):
        Unpacker().unpack(Packer().pack({"a": "x" * 1_000_000}))


def test_streams_carry_bytes_both_ways_and_end_one_by_one() -> None:
    async def test(client: Connection, streams: list[Stream], up: Line) -> None:
        given = os.urandom(1_000_000)
        ours = client.open({"streamtype": "data", "port": "80"})
        theirs = await first(streams)
        assert theirs.headers == {"streamtype": "data", "port": "80"}

        async def echo() -> None:
            while piece := await theirs.read():
                await theirs.write(piece)
            theirs.close()

        echoing = asyncio.ensure_future(echo())
        reading = asyncio.ensure_future(whole(ours))
        await ours.write(given)
        ours.close()
        assert await reading == given
        await echoing
        assert not ours.broken
        with pytest.raises(BrokenPipeError):
            await ours.write(b"more")

    both_ends(test)


def test_a_stream_that_nobody_reads_holds_up_its_sender_until_somebody_does() -> None:
    async def test(client: Connection, streams: list[Stream], up: Line) -> None:
        ours = client.open({})
        given = b"x" * 10 * MOST_WAITING
        sending = asyncio.ensure_future(ours.write(given))
        theirs = await first(streams)
        for _ in range(1000):
            await asyncio.sleep(0)
        assert not sending.done()
        assert up.sent < MOST_WAITING + 2 * HALF + (1 << 17)
        reading = asyncio.ensure_future(whole(theirs))
        await sending
        ours.close()
        assert await reading == given

    both_ends(test)


def test_a_reset_ends_both_directions() -> None:
    async def test(client: Connection, streams: list[Stream], up: Line) -> None:
        ours = client.open({})
        theirs = await first(streams)
        theirs.reset()
        assert await ours.read() == b""
        assert ours.broken
        with pytest.raises(BrokenPipeError):
            await ours.write(b"x")

    both_ends(test)


@given(st.lists(st.binary(max_size=200), max_size=20))
def test_any_bytes_are_taken_or_end_the_connection(pieces: list[bytes]) -> None:
    async def test() -> None:
        line, away = Line(), Line()
        line.pieces, line.ended = [piece for piece in pieces if piece], True
        await asyncio.wait_for(Connection(Joined(line, away), lambda stream: None).run(), 10)

    asyncio.run(test())


def test_whoever_asks_without_end_and_reads_nothing_is_read_no_further() -> None:
    async def test() -> None:
        line, away = Line(), Line()
        ping = struct.pack(">HHII", 0x8003, 6, 4, 1)
        line.pieces = [ping * 1000] * 100
        running = asyncio.ensure_future(Connection(Joined(line, away), lambda stream: None).run())
        for _ in range(1000):
            await asyncio.sleep(0)
        assert line.pieces
        assert away.size < 2 * HALF
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(test())
