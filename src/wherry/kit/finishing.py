"""Work at the end of something that has to be done also when whoever does it is told to stop meanwhile: a session that is closed."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


async def finish(work: Coroutine[Any, Any, None]) -> None:
    """Returns when `work` is done, and not before: a cancellation that comes meanwhile is raised then. Raises what `work` raises."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
        except Exception:
            break
    if cancelled is not None and not task.cancelled():
        task.exception()  # what it raised is less than that the caller is to stop
        raise cancelled
    task.result()
