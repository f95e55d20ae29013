"""A wait that a loop takes for none (uvloop counts in milliseconds) is a wait like any other to the queue."""

from __future__ import annotations

import uvloop

from wherry.kit.clock import Clock
from wherry.kit.queue import WorkQueue


def test_a_key_is_added_again_and_again_for_a_very_short_time() -> None:
    async def story() -> str:
        queue: WorkQueue[str] = WorkQueue(Clock())
        for _ in range(3):
            queue.add_after("a", 0.0001)
        queue.add_after("a", 0.00001)
        key = await queue.get()
        queue.done(key)
        queue.close()
        return key

    assert uvloop.run(story()) == "a"
