"""A cluster in a plain `with`, used by coroutines: the same verbs, clock and client, to be awaited, so that the caller's loop goes on.

`cluster.aio`; for asynchronous tests (pytest-asyncio, anyio on asyncio) that use the synchronous fixtures.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from wherry.cluster.bridge import BridgedClient, BridgedClock
from wherry.cluster.verbs import Verbs

if TYPE_CHECKING:
    from wherry.cluster.cluster import Cluster
    from wherry.cluster.faults import Faults


class AsyncFace(Verbs):
    """Attributes not listed here are the cluster's."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.client = BridgedClient(cluster.aclient, self.do)
        self.clock = BridgedClock(cluster.own_clock, self.do)

    @property
    def faults(self) -> Faults:
        return self._cluster.faults

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cluster, name)

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run `work` on the cluster's loop: something to await."""
        return self._cluster.awaited(work)
