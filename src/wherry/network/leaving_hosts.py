"""Pods that are about to end, on several machines: each other machine is asked to lead nothing more to the pod, and says when it is so.

Run beside the routes to other machines. A question is a datagram to the other fabric's own address, which no pod has, so none can speak for
a machine; it is asked again until it is answered. Whoever is asked takes the pod out of its rules only when the API says that it is
deleted: so a machine cannot take others' pods away. A machine that does not answer in time is told of, and for some seconds not waited for.
Invariant: an answer leaves after the last packet that this machine led to the pod, over the same way.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress

from wherry.api.objects import Obj, is_deleting, key, uid
from wherry.api.resources import resource
from wherry.client.informer import Informers
from wherry.linux.fabric import Fabric
from wherry.rules.networking.hosts.routes import Plan

log = logging.getLogger(__name__)

PORT = 10258
#: seconds until a question is asked again, until a machine is not waited for any longer, and for which it is left alone then
_AGAIN, PATIENCE, _ALONE = 0.1, 0.95, 10.0
#: seconds between two looks whether this machine's own address is another now
_LOOK = 1.0
#: to listen at an address that is there in a moment (man 7 ip)
_IP_FREEBIND = 15
_LARGEST = 512
_ASK, _DONE = b"leaving", b"left"


class LeavingHosts:
    """`plan`: the ways to other machines, as they are at the time; `here`: returns when this machine leads nothing to a pod."""

    def __init__(self, informers: Informers, fabric: Fabric, plan: Callable[[], Plan], here: Callable[[Obj], Awaitable[None]]) -> None:
        self._fabric, self._plan, self._here = fabric, plan, here
        self._pods = informers.of(resource("pods"))
        self._pods.add_index("uid", lambda pod: (uid(pod),))
        self._pods.add_handler(self._pod_changed, "pods that leave")
        self._socket: socket.socket | None = None
        self.listening = asyncio.Event()
        #: questions of ours, by machine and pod; and until when a machine is not waited for
        self._asked: dict[tuple[str, str], asyncio.Future[None]] = {}
        self._silent: dict[str, float] = {}
        #: questions of others that are worked on; and pods whose deletion is waited for
        self._answering: set[tuple[str, str]] = set()
        self._deleted: dict[str, asyncio.Event] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def without(self, pod: Obj) -> None:
        """Returns when no other machine leads a new connection to the pod any more, or after a moment."""
        now = asyncio.get_running_loop().time()
        asked = [each for each in self._plan().others if self._silent.get(each, 0.0) <= now]
        if self._socket is not None and asked:
            await asyncio.gather(*(self._ask(machine, pod) for machine in asked))

    async def run(self) -> None:
        """Answer until cancelled. Raises OSError when the port cannot be had."""
        while True:
            own = self._plan().own
            listening = asyncio.ensure_future(self._listen(own)) if own else None
            try:
                while self._plan().own == own:
                    if listening is not None and listening.done():
                        return listening.result()
                    await asyncio.sleep(_LOOK)
            finally:
                if listening is not None:
                    listening.cancel()
                    await asyncio.gather(listening, return_exceptions=True)

    async def _listen(self, own: str) -> None:
        """At that address, until cancelled."""
        loop = asyncio.get_running_loop()
        [made] = await self._fabric.sockets(udp=True)
        try:
            made.setsockopt(socket.SOL_IP, _IP_FREEBIND, 1)
            made.bind((own, PORT))
            loop.add_reader(made, self._read, made)
            self._socket = made
            self.listening.set()
            await asyncio.Event().wait()
        finally:
            self.listening.clear()
            self._socket = None
            loop.remove_reader(made)
            made.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- asking ---
    async def _ask(self, machine: str, pod: Obj) -> None:
        loop, known = asyncio.get_running_loop(), (machine, uid(pod))
        answer = self._asked.setdefault(known, loop.create_future())
        end = loop.time() + PATIENCE
        try:
            while not answer.done() and loop.time() < end:
                self._send(machine, _ASK, uid(pod))
                await asyncio.wait([answer], timeout=_AGAIN)
        finally:
            self._asked.pop(known, None)
        if not answer.done():
            self._silent[machine] = loop.time() + _ALONE
            log.warning("pod %s ends while traffic may still be led to it by the machine at %s, which does not answer", key(pod), machine)

    def _send(self, machine: str, word: bytes, of: str) -> None:
        if self._socket is not None:
            with suppress(OSError):  # it is asked again; who is not reached does not answer
                self._socket.sendto(word + b" " + of.encode(), (machine, PORT))

    # --- answering ---
    def _read(self, made: socket.socket) -> None:
        while True:
            try:
                data, (machine, _) = made.recvfrom(_LARGEST)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                log.info("pods that leave: %s", error)
                return
            if machine in self._plan().others:
                word, _, of = data.partition(b" ")
                self._heard(machine, word, of.decode(errors="replace"))

    def _heard(self, machine: str, word: bytes, of: str) -> None:
        if word == _DONE and (answer := self._asked.get((machine, of))) is not None and not answer.done():
            answer.set_result(None)
        if word == _ASK and (machine, of) not in self._answering:
            self._answering.add((machine, of))
            task = asyncio.get_running_loop().create_task(self._answer(machine, of), name=f"no traffic to {of}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer(self, machine: str, of: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                await self._is_deleted(of)
                await self._here({"metadata": {"uid": of, "name": of, "namespace": ""}})
            self._send(machine, _DONE, of)
        except TimeoutError:
            log.info("pod %s, of which the machine at %s says that it leaves, is not deleted", of, machine)
        finally:
            self._answering.discard((machine, of))

    async def _is_deleted(self, of: str) -> None:
        found = self._pods.by_index("uid", of)
        if not found or is_deleting(found[0]):
            return
        event = self._deleted.setdefault(of, asyncio.Event())
        try:
            await event.wait()
        finally:
            self._deleted.pop(of, None)

    def _pod_changed(self, old: Obj | None, new: Obj | None) -> None:
        if self._deleted and (new is None or is_deleting(new)) and (event := self._deleted.get(uid(new or old or {}))) is not None:
            event.set()
