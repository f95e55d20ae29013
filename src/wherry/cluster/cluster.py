"""A cluster in this process: builds the parts, starts them in order, stops them in the opposite order.

The way of the parts: store, registry, HTTP server, first objects, informers, controllers, scheduler, nodes. `Cluster` works in an
`async with` on the running loop, and in a plain `with`, where it runs on a thread and loop of its own. What a part needs is imported when
a cluster starts (`parts`), so that a program that only names `Cluster` pays for nothing.
"""

from __future__ import annotations

import asyncio
import logging
import random
import tempfile
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack

from wherry.cluster import addresses, kubeconfig
from wherry.cluster.bridge import done
from wherry.cluster.option_fields import OptionFields
from wherry.cluster.options import Options, with_fields
from wherry.cluster.thread import NotRunning
from wherry.cluster.verbs import AsyncClock, AsyncVerbs
from wherry.faults.api import ApiFaults
from wherry.kit.clock import Clock, NotVirtual
from wherry.kit.health import Health
from wherry.kit.tasks import Tasks

if TYPE_CHECKING:
    from wherry.api.options import User
    from wherry.client.informer import Informers
    from wherry.client.local import LocalClient
    from wherry.client.protocol import Client
    from wherry.cluster.component import Component
    from wherry.cluster.controllers import OnDemand
    from wherry.cluster.pki import Pki
    from wherry.cluster.processes import FurtherProcesses
    from wherry.cluster.sync_cluster import SyncCluster
    from wherry.cluster.thread import LoopThread
    from wherry.cluster.webhooks import LazyCaller
    from wherry.network.dns.server import NameServer
    from wherry.network.ingress.controller import IngressController
    from wherry.network.outbound import Outbound
    from wherry.node.real.nodes import RealNodes
    from wherry.node.simulated_nodes import SimulatedNodes
    from wherry.registry.registry import Registry
    from wherry.scheduler.scheduler import Scheduler
    from wherry.server.app import ApiServer
    from wherry.store.lock import DirectoryLock
    from wherry.store.protocol import Store

log = logging.getLogger(__name__)

T = TypeVar("T")
#: seconds that requests under way get to finish when the cluster stops
STOP_GRACE = 0.2


class Cluster(AsyncVerbs):
    """One whole cluster. Give `Options`, or its fields by name: `Cluster(nodes=5, data_dir=path)`."""

    registry: Registry
    informers: Informers
    #: the administrator's client on the cluster's own loop, whichever form is used
    aclient: Client

    clock: AsyncClock  #: time, which the test of a cluster on virtual time moves
    own_clock: Clock  #: the clock itself, which the parts ask

    def __init__(self, options: Options | None = None, **fields: Unpack[OptionFields]) -> None:
        """Raises OptionError for an option that there is not, or a value that it cannot have."""
        self.options = with_fields(options or Options(), fields)
        self.port = self.insecure_port = 0
        self.pki: Pki | None = None
        self.on_demand: OnDemand | None = None
        self.server: ApiServer | None = None
        #: further processes, of a cluster with more than one
        self.further: FurtherProcesses | None = None
        self.scheduler: Scheduler | None = None
        self.nodes: SimulatedNodes | None = None
        self.real_nodes: RealNodes | None = None
        #: where pods run programs, once there is an Ingress
        self.ingress: IngressController | None = None
        self.names: NameServer | None = None
        self.outbound: Outbound | None = None
        #: for who is in the `async with`: the same as `aclient`, or (on virtual time) a bridge to it
        self._client_of_user: Client | None = None
        self._store: Store | None = None
        self._webhooks: LazyCaller | None = None
        self._lock: DirectoryLock | None = None
        #: which parts are ill, and why: readiness shows their names
        self.health = Health()
        self._tasks = Tasks(self._crashed, self.health)
        self._ready = False
        #: nothing is started any more
        self.stopping = False
        #: the store's revision when the start was over
        self.ready_revision = 0
        #: this start put a saved state into the store
        self._filled = False
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._thread: LoopThread | None = None
        #: the parts that run, in the order of their start
        self.components: list[Component] = []
        #: who writes in this process, by the name of their field manager
        self.clients: list[tuple[str, LocalClient]] = []
        self.api_faults = ApiFaults(random.Random(self.options.seed))

    @classmethod
    def load(cls, path: str | Path, **options: Unpack[OptionFields]) -> Self:
        """A cluster that starts with a saved state; on virtual time also at its time."""
        return cls(Options(state=Path(path)), **options)

    # --- what a user reads ---
    @property
    def client(self) -> Client:
        """The administrator's client. Raises NotRunning before the cluster is started."""
        if self._client_of_user is None:
            raise NotRunning("the cluster is not started: use it in a `with` or an `async with`")
        return self._client_of_user

    @property
    def url(self) -> str:
        host = addresses.here(self.options.host)
        return f"https://[{host}]:{self.port}" if ":" in host else f"https://{host}:{self.port}"

    @property
    def kubeconfig_path(self) -> Path:
        if self.pki is None:
            raise RuntimeError("no kubeconfig: the cluster is not started, or it does not serve")
        return self.pki.directory.parent / "kubeconfig"

    @property
    def kubeconfig(self) -> str:
        """The path of a kubeconfig with the admin's token: the value for $KUBECONFIG."""
        return str(self.kubeconfig_path)

    @property
    def store(self) -> Store:
        if self._store is None:
            raise RuntimeError("the cluster is not started")
        return self._store

    # --- life ---
    async def start(self) -> Self:
        """Builds and starts everything.

        Raises StoreError (data directory in use, or newer), PortError (port taken), OSError (files that cannot be written).
        """
        options = self.options
        self.rng = random.Random(options.seed) if options.seed is not None else random.Random()
        self.clock = self.own_clock = Clock(epoch=options.epoch)
        if options.time == "virtual" and not self.own_clock.virtual:
            raise NotVirtual('`start` runs on the loop it is called on: give it a virtual one (kit.virtual), or use `with` or `async with`')
        try:
            from wherry.cluster.stores import open_store

            self._store, self._lock = await open_store(options, self.own_clock.now, self.health)
            await self._start_parts()
        except BaseException:
            await self.stop(check=False)
            if self._filled:
                from wherry.cluster.state import take_back

                take_back(options)
            raise
        return self

    async def _start_parts(self) -> None:
        options = self.options
        from wherry.api.legacy_resources import legacy_table
        from wherry.api.options import ADMIN
        from wherry.client.informer import Informers
        from wherry.cluster import components, peers, users
        from wherry.cluster.bootstrap import bootstrap
        from wherry.cluster.inside import bare
        from wherry.registry.default_roles import ensure as ensure_default_roles
        from wherry.registry.initial import ensure as ensure_initial
        from wherry.registry.registry import Registry

        table = legacy_table() if options.legacy_apis else None
        held = options.guards and options.run_controllers
        self.registry = Registry(self.store, self.own_clock.now, self.rng, table, test_mode=options.test_mode, held_releases=held)
        await self._seed()
        from wherry.cluster import webhooks

        self._webhooks = webhooks.connect(self)
        await self.registry.customs.load(self.store)
        self._client_of_user = self.aclient = bare(self, "wherry", ADMIN, trusted=False)
        self.informers = Informers(self.component("kube-controller-manager", users.CONTROLLER_MANAGER), self.health)
        if options.serve:
            from wherry.cluster import pki, serving
            from wherry.server.interference import Interference

            own = (options.host, addresses.advertised(options.host, options.advertise_address), *options.certificate_names)
            if options.etcd_servers:
                from wherry.cluster import shared_pki

                self.pki = await shared_pki.ensure(self.store.shared, self.data_folder() / "pki", *own)  # type: ignore[attr-defined]
            elif options.data_dir is None:
                seed = options.seed if options.time == "virtual" else None
                self.pki = pki.shared(self.data_folder() / "pki", *own, seed=seed)
            else:
                self.pki = pki.ensure(self.data_folder() / "pki", *own)
            await serving.serve(self, self._readiness)
            assert self.server is not None
            self.server.interference = Interference(self.api_faults, self.own_clock)
            kubeconfig.write(self.kubeconfig_path, kubeconfig.build(self.url, self.pki.ca_pem, token=self.pki.token))
        server = bare(self, "kube-apiserver", users.API_SERVER, trusted=False)
        await bootstrap(server)
        await peers.begin(self, server)
        await ensure_default_roles(self.registry)
        await ensure_initial(self.registry)
        if self.pki is not None:
            from wherry.api import timestamps
            from wherry.cluster.identities import publish

            await publish(server, self.pki.ca_pem, timestamps.time(self.own_clock.now())[:10])
        if options.storage_class:
            from wherry.cluster.storage import ensure_class

            await ensure_class(server, options.storage_class)
        await components.start(self, self._tasks)
        if options.run_controllers:
            await self._first_accounts()
        self.ready_revision = self.store.revision
        self._ready = True

    def component(self, manager: str, user: User) -> Client:
        """The client of a component of ours: it may do what roles allow its user, its objects are taken as decoded and defaulted."""
        from wherry.cluster.inside import component

        return component(self, manager, user)

    def run(self, component: Component) -> None:
        """From now on, under supervision, until the cluster stops."""
        self.components.append(component)
        self._tasks.supervise(component.run, component.name)

    async def until_given_up(self) -> None:
        """Until a part has failed too often to be started again. Raises what `kit.tasks.GivenUp` says of it."""
        await self._tasks.wait()

    async def _first_accounts(self) -> None:
        """A cluster is ready when a pod can be made in `default`: its ServiceAccount is there."""
        from wherry.api.objects import key
        from wherry.api.resources import resource

        accounts = self.informers.of(resource("serviceaccounts"))
        there = asyncio.Event()
        accounts.add_handler(lambda old, new: there.set() if new is not None and key(new) == "default/default" else None)
        await there.wait()

    async def check(self) -> None:
        """What test mode checks at the end, now. Raises AssertionError for a changed shared object or an untrue trusted write."""
        from wherry.cluster.check import check_unchanged

        if self.registry.findings:
            raise self.registry.findings[0]
        await check_unchanged(self.store, self.informers)

    async def stop(self, *, check: bool = True) -> None:
        """Stops everything, the last started first. Safe to call twice. In test mode raises what `check` raises, when all is stopped."""
        was_ready, self._ready, self.stopping = self._ready, False, True
        try:
            _let_time_pass()
            if self.real_nodes is not None and was_ready:
                await self.real_nodes.shut_down(self.options.shutdown_seconds)
            if self.further is not None:
                await self.further.stop()
            if self.server is not None:
                await self.server.stop(grace=STOP_GRACE)
            if self.on_demand is not None:
                self.on_demand.stop()
            await self._tasks.stop()
            if self.real_nodes is not None:
                await self.real_nodes.close()
            if hasattr(self, "informers"):
                await self.informers.stop()
            if self.options.test_mode and was_ready and check:
                await self.check()
        finally:
            await self._give_back()

    async def _give_back(self) -> None:
        if self._webhooks is not None:
            await self._webhooks.close()
        if self._store is not None:
            await self._store.close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = None

    async def __aenter__(self) -> Self:
        if self.options.time == "real" or hasattr(asyncio.get_running_loop(), "advance"):
            return await self.start()
        from wherry.cluster.bridge import bridged

        await asyncio.to_thread(self._start_thread)
        self._client_of_user, self.clock = bridged(self)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._thread is None:
            await self.stop(check=error is None)
        else:
            await asyncio.to_thread(self._stop_thread, check=error is None)

    def __enter__(self) -> SyncCluster:
        from wherry.cluster.sync_cluster import SyncCluster

        self._start_thread()
        return SyncCluster(self)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop_thread(check=error is None)

    def _start_thread(self) -> None:
        from wherry.cluster.thread import LoopThread

        self._thread = LoopThread(self)
        self._thread.start()

    def _stop_thread(self, *, check: bool) -> None:
        if self._thread is not None:
            self._thread.stop(check=check)

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """From another thread: run `work` on the cluster's loop (in a plain `with` only) and wait for its result. Raises NotRunning."""
        __tracebackhide__ = True
        if self._thread is None:
            work.close()
            raise NotRunning("the cluster has no thread of its own: it is not started, or runs on the loop of its `async with`")
        return self._thread.call(work)

    @property
    def has_thread(self) -> bool:
        """It runs on a thread of its own, and the caller is on another: `call` can wait for it."""
        return self._thread is not None and not self._thread.is_current

    def do(self, work: Coroutine[Any, Any, T]) -> Awaitable[T]:
        """Run `work` on the cluster's loop: something to await."""
        return work if self._thread is None else self._thread.awaited(work)

    @property
    def _whole(self) -> Cluster:
        return self

    def awaited(self, work: Coroutine[Any, Any, T]) -> asyncio.Future[T]:
        """As `call`, for a coroutine on another loop, which goes on meanwhile."""
        assert self._thread is not None, "the cluster has no thread of its own"
        return self._thread.awaited(work)

    def tell(self, action: Callable[[], None]) -> None:
        """Run `action` on the cluster's loop; done when this returns."""
        if self._thread is None or self._thread.is_current:
            action()
        else:
            self._thread.call(done(action))

    # --- parts ---
    async def _seed(self) -> None:
        """What is in the store before anything starts."""
        if self.options.state is not None:
            from wherry.cluster import state

            saved = state.read(self.options.state)
            self._filled = not self.store.revision
            await state.put(self.store, saved)
            # names and uids that the seed gave before the state was saved must not come again
            self.rng.seed(f"{self.options.seed}/{self.store.revision}" if self.options.seed is not None else None)

    def _readiness(self) -> dict[str, bool]:
        """The parts that are always asked for, and those that are ill."""
        ill = {*self.health.ill, *(each.name for each in self.components if each.health())}
        parts = {"ping": True, "store": not self.store.failure, "controllers": self._ready}
        return {**parts, **dict.fromkeys(sorted(ill), False)}

    def data_folder(self) -> Path:
        """Where its files are: the data directory, or one that goes with the cluster."""
        if self.options.data_dir is not None:
            return self.options.data_dir
        if self._temporary is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="wherry-")
        return Path(self._temporary.name)

    def _crashed(self, name: str, error: BaseException) -> None:
        log.critical("%s stopped: %r", name, error, exc_info=error)


def _let_time_pass() -> None:
    """A stop waits for clients, for a moment of real time: a clock that stands still would let it wait for ever."""
    loop = asyncio.get_running_loop()
    if getattr(loop, "speed", 1.0) == 0.0:
        loop.speed = 1.0  # type: ignore[attr-defined]
