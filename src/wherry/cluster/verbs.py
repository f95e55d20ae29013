"""What a user does with a cluster besides asking its API: wait, follow a rollout, apply manifests, break things, save the state.

The base of `Cluster`. Each verb gives its result in a plain `with`, and something to await in an `async with` (`Cluster.do`).
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

from wherry.kit.durations import Duration

if TYPE_CHECKING:
    from wherry.cluster.cluster import Cluster
    from wherry.cluster.conditions import Condition
    from wherry.cluster.face import AsyncFace
    from wherry.cluster.faults import Faults
    from wherry.cluster.manifests import Source
    from wherry.cluster.waiting import Following


class Verbs:
    """Methods of `Cluster`."""

    #: where objects go that name no namespace
    namespace = "default"

    @property
    def _me(self) -> Cluster:
        return cast("Cluster", self)

    def wait_for(self, what: str, condition: Condition, *, namespace: str = "default", timeout: Duration = "60s") -> Any:
        """Until "KIND/NAME" meets a condition of `kubectl wait --for`, a named condition ("ready"), or a function of the object.

        Gives the object (None for "delete"). On virtual time the clock goes on meanwhile, by `timeout` at most. Raises TimedOut.
        """
        from wherry.cluster.waiting import wait_for

        return self._me.do(wait_for(self._me, what, condition, namespace, timeout))

    def rollout(self, name: str, *, namespace: str = "default") -> Following:
        """The rollout of a workload: `cluster.rollout("deployment/web").finished()`, `.undo()`, `.history()`, ..."""
        from wherry.cluster.waiting import Following

        return Following(self._me, name, namespace)

    def apply(self, *sources: Source, namespace: str = "default") -> Any:
        """Makes the objects of files, folders, YAML texts and dicts, or changes what is there; gives them.

        Raises ManifestError, StatusError.
        """
        from wherry.cluster.manifests import apply

        return self._me.do(apply(self._me, sources, namespace))

    @cached_property
    def faults(self) -> Faults:
        """What goes wrong on purpose: `with cluster.faults.image_missing("nginx:999.*"): ...`."""
        from wherry.cluster.faults import Faults

        return Faults(self._me, self._me.api_faults)

    def save(self, path: str | Path) -> Any:
        """Writes all objects and the time to a file, which `Cluster.load` and `wherry up --from` open."""
        return self._me.do(self._save(Path(path)))

    async def _save(self, path: Path) -> None:
        from wherry.cluster import state

        state.write(path, await state.take(self._me.store, self._me.own_clock.now()))

    @classmethod
    def load(cls, path: str | Path, **options: Any) -> Self:
        """A cluster that starts with a saved state; on virtual time also at its time."""
        return cls(state=Path(path), **options)  # type: ignore[call-arg]  # `Cluster` takes the fields of Options

    @cached_property
    def aio(self) -> AsyncFace:
        """This cluster for a coroutine: `await cluster.aio.clock.advance("10m")`, whose loop goes on meanwhile."""
        from wherry.cluster.face import AsyncFace

        return AsyncFace(self._me)
