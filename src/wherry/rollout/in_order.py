"""Work on many objects in their order, a few at a time: what `restart --max-parallel --pause-between` is made of.

Generic: it knows nothing of rollouts. Invariant: work begins in the order given, never for more than `at_once` at a time, and nothing new
begins after something failed; what is under way is let finish.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


async def in_turn(items: Sequence[T], work: Callable[[T], Awaitable[bool]], *, at_once: int = 0, pause: float = 0.0) -> list[T]:
    """Those that were not begun. `work` gives False for a failure; `at_once` 0: all; `pause`: seconds from an end to the next beginning."""
    waiting = list(items)
    failed = False

    async def place() -> None:
        nonlocal failed
        while waiting and not failed:
            if not await work(waiting.pop(0)):
                failed = True
            elif pause and waiting and not failed:
                await asyncio.sleep(pause)

    await asyncio.gather(*(place() for _ in range(min(at_once or len(waiting), len(waiting)))))
    return waiting
