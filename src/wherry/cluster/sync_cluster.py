"""A cluster for code that is not asynchronous: what a plain `with Cluster(...) as cluster:` gives. Every method waits for its result.

The cluster itself runs on a thread and loop of its own (`thread`). `aio` is the same cluster for coroutines that use such a fixture.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from wherry.api.objects import Obj
from wherry.client.sync import SyncClient
from wherry.cluster.sync_clock import SyncClock
from wherry.cluster.verbs import AsyncVerbs, save
from wherry.kit.durations import Duration

if TYPE_CHECKING:
    from wherry.client.informer import Informers
    from wherry.client.protocol import Client
    from wherry.cluster.cluster import Cluster
    from wherry.cluster.conditions import Condition
    from wherry.cluster.faults import Faults
    from wherry.cluster.manifests import Source
    from wherry.cluster.options import Options
    from wherry.cluster.verbs import AsyncClock
    from wherry.cluster.waiting import SyncClusterRollout
    from wherry.node.simulated_nodes import SimulatedNodes
    from wherry.store.protocol import Store

T = TypeVar("T")


class SyncCluster:
    """A running cluster. `namespace`: where objects go that name none."""

    def __init__(self, cluster: Cluster, namespace: str = "default") -> None:
        self._cluster = cluster
        self.namespace = namespace
        #: the administrator's client: each method waits for its result
        self.client = SyncClient(cluster.aclient, cluster.call)
        #: time, which the test of a cluster on virtual time moves
        self.clock = SyncClock(cluster.own_clock, cluster.call)

    @property
    def options(self) -> Options:
        return self._cluster.options

    @property
    def url(self) -> str:
        return self._cluster.url

    @property
    def port(self) -> int:
        return self._cluster.port

    @property
    def kubeconfig_path(self) -> Path:
        return self._cluster.kubeconfig_path

    @property
    def kubeconfig(self) -> str:
        """The path of a kubeconfig with the admin's token: the value for $KUBECONFIG."""
        return str(self.kubeconfig_path)

    @property
    def aclient(self) -> Client:
        """The asynchronous client, on the cluster's own loop: for coroutines that `call` runs there."""
        return self._cluster.aclient

    @property
    def informers(self) -> Informers:
        """What the cluster's own controllers see: handlers are called on its loop for every change of an object (add them with `tell`)."""
        return self._cluster.informers

    @property
    def store(self) -> Store:
        return self._cluster.store

    @property
    def nodes(self) -> SimulatedNodes | None:
        return self._cluster.nodes

    @property
    def faults(self) -> Faults:
        """What goes wrong on purpose: `with cluster.faults.image_missing("nginx:999.*"): ...`."""
        return self._cluster.faults

    @cached_property
    def aio(self) -> AsyncView:
        """This cluster for a coroutine: `await cluster.aio.clock.advance("10m")`, whose loop goes on meanwhile."""
        return AsyncView(self._cluster)

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` on the cluster's loop and wait for its result. Raises NotRunning when it has stopped."""
        __tracebackhide__ = True
        return self._cluster.call(work)

    def tell(self, action: Callable[[], None]) -> None:
        """Run `action` on the cluster's loop; done when this returns."""
        self._cluster.tell(action)

    @overload
    def wait_for(  # type: ignore[overload-overlap]  # "delete" is a condition, and gives nothing
        self, what: str, condition: Literal["delete"], *, namespace: str = "", timeout: Duration = "60s"
    ) -> None: ...
    @overload
    def wait_for(self, what: str, condition: Condition, *, namespace: str = "", timeout: Duration = "60s") -> Obj: ...
    def wait_for(self, what: str, condition: Condition, *, namespace: str = "", timeout: Duration = "60s") -> Obj | None:
        """Until "KIND/NAME" meets a condition of `kubectl wait --for`, a named condition ("ready"), or a function of the object.

        Gives the object (None for "delete"). On virtual time the clock goes on meanwhile, by `timeout` at most. Raises TimedOut, and
        ValueError for what is no condition.
        """
        from wherry.cluster.waiting import wait_for

        __tracebackhide__ = True
        return self.call(wait_for(self._cluster, what, condition, namespace or self.namespace, timeout))

    def rollout(self, name: str, *, namespace: str = "") -> SyncClusterRollout:
        """The rollout of a workload: `cluster.rollout("deployment/web").finished()`, `.undo()`, `.history()`, ..."""
        from wherry.cluster.waiting import SyncClusterRollout

        return SyncClusterRollout(self._cluster, name, namespace or self.namespace)

    def apply(self, *sources: Source, namespace: str = "") -> list[Obj]:
        """Makes the objects of files, folders, YAML texts and dicts, or changes what is there; gives them.

        Raises ManifestError, StatusError.
        """
        from wherry.cluster.manifests import apply

        __tracebackhide__ = True
        return self.call(apply(self._cluster, sources, namespace or self.namespace))

    def save(self, path: str | Path) -> None:
        """Writes all objects and the time to a file, which `Cluster.load` and `wherry up --from` open."""
        self.call(save(self._cluster, Path(path)))

    if not TYPE_CHECKING:
        # the parts of the cluster, for tests of wherry itself; not for users, so no type checker sees them
        def __getattr__(self, name: str) -> Any:
            return getattr(self._cluster, name)


class AsyncView(AsyncVerbs):
    """A cluster that runs on another thread, for coroutines: everything is awaited, and the caller's loop goes on."""

    client: Client
    clock: AsyncClock

    def __init__(self, cluster: Cluster) -> None:
        from wherry.cluster.bridge import bridged

        self._cluster = cluster
        self.client, self.clock = bridged(cluster)

    @property
    def _whole(self) -> Cluster:
        return self._cluster

    @property
    def faults(self) -> Faults:
        return self._cluster.faults

    def do(self, work: Coroutine[Any, Any, T]) -> Any:
        return self._cluster.awaited(work)
