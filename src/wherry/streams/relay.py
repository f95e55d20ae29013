"""Two wires joined: what comes out of one goes into the other, both ways, each waiting for the other side.

Called by the API server for connections that it only passes on.
"""

from __future__ import annotations

import asyncio

from wherry.streams.wire import Wire


async def join(one: Wire, other: Wire) -> None:
    """Until either side has ended; what was on its way to the other is sent, then both are closed."""
    tasks = [asyncio.ensure_future(_copy(one, other)), asyncio.ensure_future(_copy(other, one))]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(one.close(), other.close(), return_exceptions=True)


async def _copy(source: Wire, target: Wire) -> None:
    try:
        while data := await source.read():
            target.write(data)
            await target.drain()
    except ConnectionError:
        pass  # the end, told by ending
