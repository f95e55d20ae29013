"""The faces of a cluster whose own loop runs on another thread, for code on a loop of its own: everything is awaited there.

Made by a cluster in an `async with` on real time's loop when its own time is virtual. The caller's loop goes on while it waits, so
clients and operators on it keep working.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

from wherry.kit.clock import Clock, run_until
from wherry.kit.durations import Duration

if TYPE_CHECKING:
    from wherry.client.protocol import Client, Event
    from wherry.cluster.cluster import Cluster
    from wherry.cluster.verbs import AsyncClock

T = TypeVar("T")


def bridged(cluster: Cluster) -> tuple[Client, AsyncClock]:
    """The client and the clock of a cluster on another thread, for the caller's loop."""
    return cast("Client", BridgedClient(cluster.aclient, cluster.awaited)), BridgedClock(cluster.own_clock, cluster.awaited)


class BridgedClient:
    """The methods of `wherry.client.protocol.Client`, each run on the cluster's loop and awaited on the caller's."""

    def __init__(self, client: Client, call: Any) -> None:
        self._client = client
        self._call: Any = call

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)

        async def bridged(*args: Any, **options: Any) -> Any:
            return await self._call(method(*args, **options))

        return bridged

    async def watch(self, *args: Any, **options: Any) -> AsyncIterator[Sequence[Event]]:
        stream = self._client.watch(*args, **options)

        async def batch() -> Sequence[Event] | None:
            return await anext(stream, None)

        async def close() -> None:
            if (aclose := getattr(stream, "aclose", None)) is not None:
                await aclose()

        try:
            while (events := await self._call(batch())) is not None:
                yield events
        finally:
            await self._call(close())


class BridgedClock:
    """As `Clock`. A condition of `run_until` runs on the caller's loop."""

    def __init__(self, clock: Clock, call: Any) -> None:
        self._clock = clock
        self._call: Any = call

    @property
    def virtual(self) -> bool:
        return self._clock.virtual

    def now(self) -> float:
        return self._clock.now()

    async def advance(self, duration: Duration) -> None:
        await self._call(self._clock.advance(duration))

    async def settle(self) -> None:
        await self._call(self._clock.settle())

    async def step(self, limit: float) -> None:
        await self._call(self._clock.step(limit))

    async def sleep(self, seconds: float) -> None:
        await self._call(self._clock.sleep(seconds))

    async def run_until(self, condition: Callable[[], T | Awaitable[T]], limit: Duration = "1h") -> T:
        return await run_until(self, condition, limit)

    async def shift(self, seconds: float) -> None:
        await self._call(done(self._clock.shift, seconds))

    async def freeze(self) -> None:
        await self._call(done(self._clock.freeze))

    async def run(self, speed: float = 1.0) -> None:
        await self._call(done(self._clock.run, speed))


async def done(call: Callable[..., None], *args: Any) -> None:
    """On the loop, where nothing else is under way."""
    call(*args)
