"""What lets a cluster's admission reach webhooks: the caller, made when the first webhook is called. Called by `Cluster` when it starts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from wherry.cluster import pod_network

if TYPE_CHECKING:
    from wherry.client.webhooks import Inside, WebhookCaller
    from wherry.cluster.cluster import Cluster
    from wherry.registry.outside.calls import Call


class LazyCaller:
    """`inside`: the network of pods, as soon as there is one."""

    def __init__(self, inside: Callable[[], Inside | None]) -> None:
        self._inside = inside
        self._caller: WebhookCaller | None = None
        self._threads: ThreadPoolExecutor | None = None

    async def __call__(self, call: Call) -> bytes:
        """Raises CallFailed."""
        if hasattr(asyncio.get_running_loop(), "advance"):
            return await self._aside(call)
        if self._caller is None:
            from wherry.client.webhooks import WebhookCaller

            self._caller = WebhookCaller(self._inside)
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


def connect(cluster: Cluster) -> LazyCaller:
    """Webhooks are called from now on; the answer is closed when the cluster stops."""
    cluster.registry.outside.call = caller = LazyCaller(lambda: pod_network.of(cluster))
    return caller
