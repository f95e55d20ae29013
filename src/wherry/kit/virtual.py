"""An event loop whose time moves only when nothing else can happen, and as far as it is let.

Tests and rehearsals run on it: an hour of back-off passes in no time, and the same program takes the same course every time. Made free, it
jumps to the next timer whenever it is idle; held, it stands still until `advance`, `step` or `settle` let it go on; with a speed it follows
the machine's clock. Real input and output still work: sockets and calls from other threads are looked at whenever the loop is idle and
before every jump (and never in the middle of work, so that they meet the same state in every run), and time stands still while a job runs
in an executor of its own (the commit of a store). Jobs of the default executor (`asyncio.to_thread`) do not hold time: they may be a client
that waits for it to pass. Peers outside this process get `patience` real seconds to answer what they were told before time moves on.
Model: trio's MockClock with autojump.
"""

from __future__ import annotations

import asyncio
import math
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context
from dataclasses import dataclass
from typing import Any, TypeVar

from wherry.kit.outside import Listener, Outside

T = TypeVar("T")
Ready = list[tuple[selectors.SelectorKey, int]]
Look = Callable[[float | None], Ready]
#: turns of uninterrupted work after which sockets are looked at all the same
LOOK_AFTER = 50_000


class _Selector(selectors.DefaultSelector):
    """Where the loop would sleep; only then is it idle."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> Ready:
        return self.loop.wait(timeout, super().select)


@dataclass(slots=True)
class _Wait:
    """Somebody waits until all is done up to `until`; `step`: or at the next timer before that."""

    until: float
    step: bool
    done: asyncio.Future[None]


@dataclass(slots=True)
class _Call:
    """What another thread asks for."""

    handle: asyncio.Handle
    call: Callable[..., Any]
    args: tuple[Any, ...]
    context: Context | None


class VirtualLoop(asyncio.SelectorEventLoop):
    """`epoch` is the wall time (seconds since 1970) at which its time starts; `kit.clock.Clock` reads it.

    `speed`: infinite (free), 0 (held), or seconds that pass in a real one.
    """

    def __init__(self, epoch: float | None = None, *, speed: float = math.inf, patience: float = 0.0) -> None:
        self.epoch = time.time() if epoch is None else epoch
        self.elapsed = 0.0
        self.jobs = 0
        self.outside = Outside(patience)
        self._speed = speed
        self._followed = time.monotonic()
        self._waits: list[_Wait] = []
        self._calls: deque[_Call] = deque()
        self._turns = 0
        selector = _Selector()
        selector.loop = self
        super().__init__(selector)

    # --- time ---
    def time(self) -> float:
        """Seconds since the loop was made, in its own time."""
        return self.elapsed

    def wall_time(self) -> float:
        return self.epoch + self.elapsed

    @property
    def speed(self) -> float:
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        self._follow()
        self._speed = speed

    async def advance(self, seconds: float) -> None:
        """Returns when that time has passed and all of it is done, on a held loop and on any other."""
        await self._until(self.elapsed + seconds, step=False)

    async def settle(self) -> None:
        """Returns when nothing can happen any more at this moment."""
        await self._until(self.elapsed, step=False)

    async def step(self, until: float) -> None:
        """Returns at the next timer, when all it started is done; at `until` (of `time()`) if there is none before."""
        await self._until(until, step=True)

    async def _until(self, until: float, *, step: bool) -> None:
        wait = _Wait(max(until, self.elapsed), step, self.create_future())
        self._waits.append(wait)
        try:
            await wait.done
        finally:
            if wait in self._waits:
                self._waits.remove(wait)

    # --- what the selector asks ---
    def wait(self, timeout: float | None, look: Look) -> Ready:
        """In place of the selector's own waiting for `timeout` seconds."""
        if timeout is not None and timeout <= 0:
            self._turns += 1
            return [] if self._turns % LOOK_AFTER else look(0)
        self._turns = 0
        if self._open_calls():
            return []
        ready = look(0)
        if ready:
            return ready
        if self.jobs:
            return look(None)
        if self._moves(timeout):
            patience = self.outside.patience_left()
            if patience > 0 and (ready := look(patience)):
                return ready
        return self._move(timeout, look)

    def _moves(self, timeout: float | None) -> bool:
        """Would time move, or somebody be told that it has?"""
        return bool(self._waits) or (timeout is not None and self._speed == math.inf)

    def _move(self, timeout: float | None, look: Look) -> Ready:
        """Idle: let time go on to the next thing, or wait for something from outside."""
        self._follow()
        timer = math.inf if timeout is None else self.elapsed + timeout
        for wait in self._waits:
            if wait.step:
                wait.until, wait.step = min(wait.until, timer), False
        if self._finish_waits():
            return []
        stop = min((wait.until for wait in self._waits), default=math.inf)
        if self._waits or self._speed == math.inf:
            stop = min(stop, timer)
            if stop < math.inf:
                self.elapsed = stop
                self.outside.moved()
                return []
        if 0 < self._speed < math.inf and timeout is not None:
            return look(timeout / self._speed)
        return look(None)

    def _follow(self) -> None:
        """With a speed: what has passed outside has passed here."""
        now = time.monotonic()
        if 0 < self._speed < math.inf:
            self.elapsed += (now - self._followed) * self._speed
        self._followed = now

    def _finish_waits(self) -> bool:
        finished = [wait for wait in self._waits if wait.until <= self.elapsed]
        for wait in finished:
            self._waits.remove(wait)
            if not wait.done.done():
                wait.done.set_result(None)
        return bool(finished)

    # --- what comes from other threads ---
    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """As ever, but the call waits until the loop is idle, so that it meets the same state in every run."""
        handle = asyncio.Handle(callback, args, self, context)
        self._calls.append(_Call(handle, callback, args, context))
        super().call_soon_threadsafe(_nothing)
        return handle

    def _open_calls(self) -> bool:
        """One at a time: what the first starts is done before the second."""
        while self._calls:
            call = self._calls.popleft()
            if not call.handle.cancelled():
                self.call_soon(call.call, *call.args, context=call.context)
                return True
        return False

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]
        """As ever; virtual time waits for the job, unless it is the default executor's."""
        future: asyncio.Future[T] = super().run_in_executor(executor, func, *args)
        if executor is not None:
            self.jobs += 1
            future.add_done_callback(self._job_done)
        return future

    def _job_done(self, future: asyncio.Future[Any]) -> None:
        self.jobs -= 1

    # --- who connects ---
    async def create_server(self, protocol_factory: Any, host: Any = None, port: Any = None, **options: Any) -> asyncio.Server:
        """As ever; whoever connects is outside, and is given time to answer."""
        if isinstance(host, str) and options.get("sock") is None:
            family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
            listener = Listener.bound(self.outside, family, (host, port))
            try:
                return await super().create_server(protocol_factory, sock=listener, **options)
            except BaseException:
                listener.close()
                raise
        return await super().create_server(protocol_factory, host, port, **options)


def _nothing() -> None:
    """Wakes the loop."""


def run_virtual(main: Coroutine[Any, Any, T], *, epoch: float | None = None) -> T:
    """Run `main` to its end on a VirtualLoop, as asyncio.run does on a plain one."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(epoch)) as runner:
        return runner.run(main)
