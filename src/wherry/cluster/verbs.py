"""What a user does with a cluster besides asking its API, to be awaited: wait, follow a rollout, apply manifests, break things, save it.

The base of `Cluster` and of `AsyncView`. The same without `async`: `sync_cluster`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Coroutine
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, overload

from wherry.api.objects import Obj
from wherry.kit.durations import Duration

if TYPE_CHECKING:
    from collections.abc import Callable

    from wherry.cluster.cluster import Cluster
    from wherry.cluster.conditions import Condition
    from wherry.cluster.faults import Faults
    from wherry.cluster.manifests import Source
    from wherry.cluster.waiting import ClusterRollout

T = TypeVar("T")


class AsyncClock(Protocol):
    """A cluster's clock for coroutines. `shift`, `freeze`, `run` give something to await where the cluster has a loop of its own."""

    @property
    def virtual(self) -> bool: ...
    def now(self) -> float:
        """Seconds since 1970."""
        ...

    async def advance(self, duration: Duration) -> None:
        """Time passes, timer by timer, each with all that follows from it. Raises NotVirtual."""
        ...

    async def settle(self) -> None:
        """Returns when all that can happen at this moment has. Raises NotVirtual."""
        ...

    async def step(self, limit: float) -> None: ...
    async def sleep(self, seconds: float) -> None: ...
    async def run_until(self, condition: Callable[[], T | Awaitable[T]], limit: Duration = "1h") -> T:
        """What the condition gives once that is true. Raises NotReached."""
        ...

    def shift(self, seconds: float) -> Any: ...
    def freeze(self) -> Any: ...
    def run(self, speed: float = 1.0) -> Any: ...


class AsyncVerbs:
    """Methods of `Cluster`."""

    #: where objects go that name no namespace
    namespace = "default"

    @property
    def _whole(self) -> Cluster:
        raise NotImplementedError

    def do(self, work: Coroutine[Any, Any, T]) -> Awaitable[T]:
        """Run `work` on the cluster's loop: something to await."""
        raise NotImplementedError

    @overload
    async def wait_for(  # type: ignore[overload-overlap]  # "delete" is a condition, and gives nothing
        self, what: str, condition: Literal["delete"], *, namespace: str = "default", timeout: Duration = "60s"
    ) -> None: ...
    @overload
    async def wait_for(self, what: str, condition: Condition, *, namespace: str = "default", timeout: Duration = "60s") -> Obj: ...
    async def wait_for(self, what: str, condition: Condition, *, namespace: str = "default", timeout: Duration = "60s") -> Obj | None:
        """Until "KIND/NAME" meets a condition of `kubectl wait --for`, a named condition ("ready"), or a function of the object.

        Gives the object (None for "delete"). On virtual time the clock goes on meanwhile, by `timeout` at most. Raises TimedOut, and
        ValueError for what is no condition.
        """
        from wherry.cluster.waiting import wait_for

        return await self.do(wait_for(self._whole, what, condition, namespace, timeout))

    def rollout(self, name: str, *, namespace: str = "default") -> ClusterRollout:
        """The rollout of a workload: `await cluster.rollout("deployment/web").finished()`, `.undo()`, `.history()`, ..."""
        from wherry.cluster.waiting import ClusterRollout

        return ClusterRollout(self._whole, self.do, name, namespace)

    async def apply(self, *sources: Source, namespace: str = "default") -> list[Obj]:
        """Makes the objects of files, folders, YAML texts and dicts, or changes what is there; gives them.

        Raises ManifestError, StatusError.
        """
        from wherry.cluster.manifests import apply

        return await self.do(apply(self._whole, sources, namespace))

    @cached_property
    def faults(self) -> Faults:
        """What goes wrong on purpose: `with cluster.faults.image_missing("nginx:999.*"): ...`."""
        from wherry.cluster.faults import Faults

        return Faults(self._whole, self._whole.api_faults)

    async def save(self, path: str | Path) -> None:
        """Writes all objects and the time to a file, which `Cluster.load` and `wherry up --from` open."""
        await self.do(save(self._whole, Path(path)))


async def save(cluster: Cluster, path: Path) -> None:
    """The state as a file."""
    from wherry.cluster import state

    state.write(path, await state.take(cluster.store, cluster.own_clock.now()))
