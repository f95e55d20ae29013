"""What lets a cluster's admission reach webhooks: the caller, made when the first webhook is called. Called by `Cluster` when it starts."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wherry.client.webhooks import WebhookCaller
    from wherry.registry.outside.calls import Call
    from wherry.registry.registry import Registry


class LazyCaller:
    def __init__(self) -> None:
        self._caller: WebhookCaller | None = None
        self._threads: ThreadPoolExecutor | None = None

    async def __call__(self, call: Call) -> bytes:
        """Raises CallFailed."""
        if hasattr(asyncio.get_running_loop(), "advance"):
            return await self._aside(call)
        if self._caller is None:
            from wherry.client.webhooks import WebhookCaller

            self._caller = WebhookCaller()
        return await self._caller(call)

    async def _aside(self, call: Call) -> bytes:
        """On a virtual clock: the call takes real time on a loop of its own, while the cluster's time stands still."""
        if self._threads is None:
            self._threads = ThreadPoolExecutor(4, "webhook")
        return await asyncio.get_running_loop().run_in_executor(self._threads, _once, call)

    async def close(self) -> None:
        if self._threads is not None:
            self._threads.shutdown(wait=False)
            self._threads = None
        if self._caller is not None:
            await self._caller.close()
            self._caller = None


def _once(call: Call) -> bytes:
    from wherry.client.webhooks import WebhookCaller

    async def ask() -> bytes:
        caller = WebhookCaller()
        try:
            return await caller(call)
        finally:
            await caller.close()

    return asyncio.run(ask())


def connect(registry: Registry) -> LazyCaller:
    """Webhooks are called from now on; the answer is closed when the cluster stops."""
    registry.outside.call = caller = LazyCaller()
    return caller
