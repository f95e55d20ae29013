"""The name server: UDP and TCP at one address of the fabric, answers about the cluster from its directory, all others from outside.

Run by the cluster as a component. Answers about the cluster are remembered by the bytes of their question and forgotten when anything
changes, so most cost a lookup. Bounded in what is remembered, in connections, and in questions asked elsewhere: a flood of nonsense costs
those who send it. What cannot be read is not answered, or with FORMERR where a number can be read.
Source: RFC 1035 (4.2: UDP and TCP), RFC 7766.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import dnslib

from wherry.kit.metrics import Family
from wherry.kit.turns import somebody_asks, turn
from wherry.linux.fabric import Fabric
from wherry.network.dns import messages
from wherry.network.dns.directory import ClusterDirectory
from wherry.network.dns.forwarding import Forwarding, Unanswered
from wherry.network.dns.messages import Question
from wherry.rules.networking.names.records import Answer, answer, owns, reverse

log = logging.getLogger(__name__)

PORT = 53
#: answers that are remembered; TCP connections at a time; seconds that one may be silent
MOST_KNOWN, MOST_STREAMS, SILENT = 10_000, 200, 10.0
#: datagrams that wait to be read, and those about which others are asked; more are dropped, and their senders ask again
MOST_QUEUED = 1000
_LARGEST = 65535
#: datagrams that are read in a row before others get a turn
_IN_A_ROW = 64


class NameServer:
    """`address`: where it listens, in the fabric."""

    def __init__(self, directory: ClusterDirectory, forwarding: Forwarding, fabric: Fabric, address: str) -> None:
        self._directory, self._forwarding, self._fabric, self._address = directory, forwarding, fabric, address
        #: the bytes of a question, without its number, and how it came -> the answer's, without its number
        self._known: dict[bytes, bytes] = {}
        self._version = -1
        self._tasks: set[asyncio.Task[None]] = set()
        self._queue: deque[tuple[bytes, Any]] = deque()
        self._queued = asyncio.Event()
        self._streams = 0
        self._counts: Counter[tuple[str, str]] = Counter()
        self._turn = 0
        #: it answers
        self.listening = asyncio.Event()

    async def run(self) -> None:
        """Answer until cancelled. Raises OSError when the address cannot be had."""
        await self._directory.synced()
        await self._fabric.address(self._address)
        [datagrams] = await self._fabric.sockets(udp=True)
        [streams] = await self._fabric.sockets()
        loop = asyncio.get_running_loop()
        server = None
        try:
            streams.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            for each in (datagrams, streams):
                each.bind((self._address, PORT))
            loop.add_reader(datagrams, self._read, datagrams)
            server = await asyncio.start_server(self._stream, sock=streams)
            self.listening.set()
            await self._work(datagrams)
        finally:
            self.listening.clear()
            loop.remove_reader(datagrams)
            datagrams.close()
            if server is not None:
                server.close()
            else:
                streams.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def families(self) -> Iterator[Family]:
        """For /metrics."""
        shown = [((way, code), float(count)) for (way, code), count in self._counts.items()]
        yield Family("counter", "wherry_dns_responses", "Answers of the cluster's name server.", ("proto", "rcode"), shown)
        yield Family("gauge", "wherry_dns_cache_entries", "Answers that it remembers.", (), [((), float(len(self._known)))])

    # --- the ways a question comes ---
    def _read(self, datagrams: socket.socket) -> None:
        somebody_asks()
        for _ in range(_IN_A_ROW):
            try:
                data, sender = datagrams.recvfrom(_LARGEST)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                log.info("cluster DNS: %s", error)
                return
            if (known := self._remembered(b"u" + data[2:])) is not None:
                self._send(datagrams, data[:2] + known, sender)
            elif len(self._queue) < MOST_QUEUED:
                self._queue.append((data, sender))
                self._queued.set()

    async def _work(self, datagrams: socket.socket) -> None:
        """One question after the other, so that a flood of them leaves the loop to others; those asked elsewhere are not waited for."""
        while True:
            while not self._queue:
                self._queued.clear()
                await self._queued.wait()
            await turn()
            data, sender = self._queue.popleft()
            question, found = self._read_and_answered(data, stream=False)
            if question is None:
                self._send(datagrams, found, sender)
            elif len(self._tasks) < MOST_QUEUED:
                task = asyncio.get_running_loop().create_task(self._datagram(datagrams, question, data, sender))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _datagram(self, datagrams: socket.socket, question: Question, data: bytes, sender: Any) -> None:
        self._send(datagrams, await self._elsewhere(question, data, stream=False), sender)

    def _send(self, datagrams: socket.socket, data: bytes, sender: Any) -> None:
        if not data:
            return
        self._counts["udp", _code(data)] += 1
        with suppress(OSError):  # who asked is gone, or does not read: it asks again
            datagrams.sendto(data, sender)

    async def _stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._streams >= MOST_STREAMS:
            writer.close()
            return
        self._streams += 1
        try:
            while True:
                async with asyncio.timeout(SILENT):
                    data = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
                    known = self._remembered(b"t" + data[2:])
                    found = data[:2] + known if known is not None else await self._answered(data, stream=True)
                    if not found:
                        return
                    self._counts["tcp", _code(found)] += 1
                    writer.write(len(found).to_bytes(2, "big") + found)
                    await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            return
        finally:
            self._streams -= 1
            writer.close()

    # --- the answers ---
    def _remembered(self, asked: bytes) -> bytes | None:
        if self._version != self._directory.version:
            self._known.clear()
            self._version = self._directory.version
        return self._known.get(asked)

    async def _answered(self, data: bytes, *, stream: bool) -> bytes:
        """b"" for what deserves none."""
        question, found = self._read_and_answered(data, stream=stream)
        return found if question is None else await self._elsewhere(question, data, stream=stream)

    def _read_and_answered(self, data: bytes, *, stream: bool) -> tuple[Question | None, bytes]:
        """The answer; or the question, where others have to be asked."""
        try:
            question = messages.read(data)
        except Exception:
            # whatever the library raises about bytes that anybody may send is a format error: the number, that it is an answer, the code
            return None, data[:2] + b"\x80\x01" + bytes(8) if len(data) >= 12 and not data[2] & 0x80 else b""
        if question is None:
            return None, b""
        own = self._own(question)
        if own is None and self._forwarding.of(question.name):
            return question, b""
        if own is None:
            return None, messages.refused(question, "NXDOMAIN")
        if own.elsewhere and question.kind in ("A", "AAAA") and self._forwarding.of(own.elsewhere.lower()):
            return question, b""
        return None, self._packed(question, own, data, stream=stream)

    def _own(self, question: Question) -> Answer | None:
        """None for what is not of the cluster."""
        if owns(question.name):
            return answer(question.name, question.kind, self._directory)
        address = messages.address_of(question.name)
        return reverse(address, question.name, self._directory) if address else None

    def _packed(self, question: Question, found: Answer, data: bytes, *, stream: bool) -> bytes:
        """Of the cluster's own. Of several records each client hears another one first; all else is remembered."""
        several = len(found.records) > 1
        if several:
            self._turn += 1
            at = self._turn % len(found.records)
            found = Answer(found.known, found.records[at:] + found.records[:at], found.more)
        packed = bytes(messages.written(question, found).pack())
        packed = packed if stream else messages.fitted(packed, question.size)
        if not several and self._version == self._directory.version:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known[(b"t" if stream else b"u") + data[2:]] = packed[2:]
        return packed

    async def _elsewhere(self, question: Question, data: bytes, *, stream: bool) -> bytes:
        """What others say of a name, or of the name that an ExternalName stands for."""
        own = self._own(question)
        try:
            if own is None:
                return await self._forwarding.ask(question.name, data, stream=stream)
            reply = messages.written(question, own)
            asked = messages.asking(own.elsewhere, question.kind)
            with suppress(dnslib.DNSError):
                messages.followed(reply, await self._forwarding.ask(own.elsewhere.lower(), asked, stream=stream))
            packed = bytes(reply.pack())
            return packed if stream else messages.fitted(packed, question.size)
        except Unanswered:
            return messages.refused(question, "SERVFAIL")


def _code(data: bytes) -> str:
    return dnslib.RCODE.forward.get(data[3] & 15, "OTHER") if len(data) > 3 else "OTHER"
