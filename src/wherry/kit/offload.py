"""Long computations leave the event loop: they run in worker threads, and the loop goes on serving everybody else meanwhile.

Called for work whose length a client decides: bodies of megabytes, expressions with loops, tables of thousands of rows. Such work must be
a function of what it is given: it reads what nobody changes and changes what nobody else has. Python runs one thread at a time, so while a
worker computes the loop waits for its turn each time it wakes; the interpreter's switch interval says for how long, and is short for as
long as there is a worker. On a loop whose time is virtual (kit.virtual) the work is done at once: its runs must be the same each time.
Source: https://docs.python.org/3/library/sys.html#sys.setswitchinterval.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import lru_cache
from typing import TypeVar

#: how many computations share the processor with the loop; more wait in line
WORKERS = 4
#: seconds that a thread computes on while another wants its turn, with workers at work
SWITCH_INTERVAL = 0.0005
#: bytes that a client sent, from which on what becomes of them is computed here. The slowest of what can be sent, a definition full of
#: rules, takes 3 ms for a kilobyte; nearly all objects are shorter
LONG = 16 * 1024
T = TypeVar("T")


class _Interval:
    """The interpreter's switch interval: short while somebody computes. A process may have several event loops, hence the lock."""

    def __init__(self) -> None:
        self._computing = 0
        self._usual = sys.getswitchinterval()
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        with self._lock:
            if not self._computing:
                self._usual = sys.getswitchinterval()
                sys.setswitchinterval(SWITCH_INTERVAL)
            self._computing += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._computing -= 1
            if not self._computing:
                sys.setswitchinterval(self._usual)


_short = _Interval()


@lru_cache(maxsize=1)
def _workers() -> ThreadPoolExecutor:
    """The process's, started when first needed; a thread without work costs nothing."""
    return ThreadPoolExecutor(WORKERS, thread_name_prefix="offload")


async def offload(work: Callable[[], T]) -> T:
    """What `work` returns or raises, computed beside the loop. A caller that is cancelled goes; the work is finished unheard."""
    loop = asyncio.get_running_loop()
    if hasattr(loop, "advance"):
        return work()
    with _short:
        return await loop.run_in_executor(_workers(), copy_context().run, work)


async def computed(size: int, work: Callable[[], T]) -> T:
    """What `work` returns or raises: computed at once, or beside the loop when it is about `size` bytes that are LONG."""
    return work() if size < LONG else await offload(work)
