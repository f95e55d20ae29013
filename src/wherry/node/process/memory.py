"""Memory limits where no control group keeps them: a look each second, and who is over is killed, with the reason the kernel would give.

What processes have resident counts first; only who seems to be over is measured exactly, with shared pages counted once, which costs more.
Memory that no process has mapped (files in a memory volume) is not seen: the documentation says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from signal import SIGKILL

from wherry.node.engine import Unavailable
from wherry.node.process.client import Helper, HelperError
from wherry.node.process.container import Container

_EVERY = 1.0


async def watch(helper: Helper, containers: Callable[[], Iterable[Container]]) -> None:
    """Until cancelled, or the helper is gone."""
    while True:
        await asyncio.sleep(_EVERY)
        limited = [container for container in containers() if container.running and container.box.limits.memory]
        if not limited:
            continue
        try:
            stats = (await helper.ask("stats", written=False))[0]["stats"]
            for container in limited:
                if stats.get(container.box.id, (0, 0))[1] > container.box.limits.memory:
                    await _look_closely(helper, container)
        except Unavailable:
            return


async def _look_closely(helper: Helper, container: Container) -> None:
    try:
        told, _ = await helper.ask("memory", pod=container.pod, id=container.box.id)
        if told["memory"] > container.box.limits.memory:
            await helper.ask("kill", id=container.box.id, signal=int(SIGKILL), whole=True, reason="OOMKilled")
    except HelperError:
        return  # it ended meanwhile
