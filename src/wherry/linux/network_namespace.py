"""Work in another network namespace, for a process of many threads: a thread of its own joins it, works, and ends.

A thread that has joined a namespace is never used for anything else. Raises OSError (the namespace is gone, or may not be joined).
Source: man 2 setns (a namespace is per thread), man 7 network_namespaces.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from typing import TypeVar

from wherry.linux import calls

Made = TypeVar("Made")


def same(path: str) -> bool:
    """Is it the namespace of this process? False where it cannot be looked at."""
    try:
        return os.path.samefile(path, "/proc/self/ns/net")
    except OSError:
        return False


async def inside(path: str, work: Callable[[], Made]) -> Made:
    """What `work` gives; it is called in a thread in the namespace of that file."""
    if same(path):
        return await asyncio.to_thread(work)
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Made] = loop.create_future()

    def run() -> None:
        try:
            _join(path)
            made = work()
        except BaseException as error:
            _tell(loop, done, error=error)
        else:
            _tell(loop, done, made)

    threading.Thread(target=run, name="network namespace", daemon=True).start()
    return await done


def _join(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        calls.setns(descriptor)
    finally:
        os.close(descriptor)


def _tell(loop: asyncio.AbstractEventLoop, done: asyncio.Future[Made], made: Made | None = None,
          error: BaseException | None = None) -> None:
    def tell() -> None:
        if done.cancelled():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(made)  # type: ignore[arg-type]  # None is what it made then

    if not loop.is_closed():
        loop.call_soon_threadsafe(tell)
