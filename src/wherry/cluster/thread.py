"""A cluster on a thread and loop of its own, for code that is not asynchronous."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from wherry.errors import WherryError

if TYPE_CHECKING:
    from wherry.cluster.cluster import Cluster
    from wherry.cluster.options import Options

T = TypeVar("T")
#: 2026-01-01T00:00:00Z
SEEDED_EPOCH = 1_767_225_600.0


class NotRunning(WherryError, RuntimeError):
    """Something was asked of a cluster that is not started, or has stopped."""


class LoopThread:
    """Starts the cluster on a new loop and runs it until `stop`; `call` runs a coroutine there and waits for it."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._loop = new_loop() if cluster.options.time == "real" else virtual_loop(cluster.options)
        self._thread = threading.Thread(target=self._loop.run_forever, name="wherry", daemon=True)

    def start(self) -> None:
        """Raises what starting the cluster raises."""
        self._thread.start()
        try:
            self.call(self._cluster.start())
        except BaseException:
            self._end()
            raise

    def stop(self, *, check: bool = True) -> None:
        try:
            self.call(self._cluster.stop(check=check))
        finally:
            self._end()

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Raises RuntimeError on the loop's own thread, where waiting would never end."""
        if threading.current_thread() is self._thread:
            work.close()
            raise RuntimeError("this waits for the cluster's loop and was called on it: use the cluster's `aclient`")
        __tracebackhide__ = True
        self._check(work)
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except WherryError as error:
            raise error.with_traceback(None)  # noqa: B904  # where in the cluster it was is of no use to the caller
        except BaseException:
            future.cancel()
            raise

    def _check(self, work: Coroutine[Any, Any, Any]) -> None:
        if self._loop.is_closed():
            work.close()
            raise NotRunning("the cluster is not running any more")

    @property
    def is_current(self) -> bool:
        """Is this called on the cluster's own thread?"""
        return threading.current_thread() is self._thread

    def awaited(self, work: Coroutine[Any, Any, T]) -> asyncio.Future[T]:
        """As `call`, for a caller on another loop, which goes on meanwhile."""
        self._check(work)
        return asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    def _end(self) -> None:
        asyncio.run_coroutine_threadsafe(self._loop.shutdown_default_executor(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def new_loop() -> asyncio.AbstractEventLoop:
    """The fastest loop there is for real time."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def virtual_loop(options: Options) -> asyncio.AbstractEventLoop:
    """A loop whose time stands still until it is moved. With a seed it starts at one moment in all runs, with a saved state at its own."""
    from wherry.kit.virtual import VirtualLoop

    epoch = options.epoch
    if epoch is None and options.state is not None:
        from wherry.cluster import state

        epoch = state.read(options.state).now
    elif epoch is None and options.seed is not None:
        epoch = SEEDED_EPOCH
    return VirtualLoop(epoch, speed=0.0, patience=options.patience)
