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
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from wherry.cluster import kubeconfig
from wherry.cluster.options import Options
from wherry.kit.clock import Clock
from wherry.kit.tasks import Tasks

if TYPE_CHECKING:
    from wherry.client.informer import Informers
    from wherry.client.local import LocalClient
    from wherry.client.protocol import Client
    from wherry.cluster.pki import Pki
    from wherry.node.simulated_nodes import SimulatedNodes
    from wherry.reconcile.controller import Controller
    from wherry.registry.registry import Registry
    from wherry.scheduler.scheduler import Scheduler
    from wherry.server.app import ApiServer
    from wherry.store.lock import DirectoryLock
    from wherry.store.protocol import Store

log = logging.getLogger(__name__)

T = TypeVar("T")
#: seconds that requests under way get to finish when the cluster stops
STOP_GRACE = 0.2


class Cluster:
    """One whole cluster. Give `Options`, or its fields by name: `Cluster(nodes=5, data_dir=path)`."""

    registry: Registry
    informers: Informers
    #: the administrator's client on the cluster's own loop, whichever form is used
    aclient: Client

    def __init__(self, options: Options | None = None, **fields: Any) -> None:
        self.options = replace(options or Options(), **fields)
        self.port = 0
        self.insecure_port = 0
        self.pki: Pki | None = None
        self.controllers: dict[str, Controller] = {}
        self.server: ApiServer | None = None
        self.scheduler: Scheduler | None = None
        self.nodes: SimulatedNodes | None = None
        #: in an `async with` the same as `aclient`; in a plain `with` a `SyncClient`, whose methods wait for their results
        self.client: Any = None
        self._store: Store | None = None
        self._lock: DirectoryLock | None = None
        self._tasks = Tasks(self._crashed)
        self._ready = False
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._thread: Any = None

    # --- what a user reads ---
    @property
    def url(self) -> str:
        return f"https://{self.options.host}:{self.port}"

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
        self.clock = Clock(epoch=options.epoch)
        try:
            await self._open_store()
            await self._start_parts()
        except BaseException:
            await self.stop(check=False)
            raise
        return self

    async def _start_parts(self) -> None:
        options = self.options
        from wherry.client.informer import Informers
        from wherry.cluster import components
        from wherry.cluster.bootstrap import bootstrap
        from wherry.registry.registry import Registry

        self.registry = Registry(self.store, self.clock.now, self.rng, test_mode=options.test_mode)
        self.client = self.aclient = self._component("wherry", trusted=False)
        self.informers = Informers(self._component("kube-controller-manager"))
        if options.serve:
            from wherry.cluster import pki, serving

            self.pki = pki.ensure(self._directory() / "pki", options.host)
            await serving.serve(self, self._readiness)
            kubeconfig.write(self.kubeconfig_path, kubeconfig.build(self.url, self.pki.ca_pem, token=self.pki.token))
        await bootstrap(self._component("kube-apiserver", trusted=False), options.host, self.port)
        await components.start(self, self._tasks)
        if options.run_controllers:
            await self._first_accounts()
        self._ready = True

    def _component(self, manager: str, *, trusted: bool = True) -> LocalClient:
        from wherry.client.local import LocalClient

        return LocalClient(self.registry, manager=manager, trusted=trusted)

    def component(self, manager: str) -> Client:
        """The client of a component of ours: its objects are taken as decoded and defaulted."""
        return self._component(manager)

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
        was_ready, self._ready = self._ready, False
        try:
            if self.server is not None:
                await self.server.stop(grace=STOP_GRACE)
            await self._tasks.stop()
            if hasattr(self, "informers"):
                await self.informers.stop()
            if self.options.test_mode and was_ready and check:
                await self.check()
        finally:
            await self._give_back()

    async def _give_back(self) -> None:
        if self._store is not None:
            await self._store.close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = None

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.stop(check=error is None)

    def __enter__(self) -> Self:
        from wherry.client.sync import SyncClient
        from wherry.cluster.thread import LoopThread

        self._thread = LoopThread(self)
        self._thread.start()
        self.client = SyncClient(self.aclient, self.call)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._thread.stop(check=error is None)

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """From another thread: run `work` on the cluster's loop (in a plain `with` only) and wait for its result."""
        return self._thread.call(work)  # type: ignore[no-any-return]

    # --- parts ---
    async def _open_store(self) -> None:
        """One cluster per data directory, whether its objects are on disk or not: its certificates and kubeconfig are."""
        directory = self.options.data_dir
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        if directory is None or self.options.ephemeral:
            from wherry.store.lock import DirectoryLock
            from wherry.store.memory import MemoryStore

            self._lock = DirectoryLock(directory) if directory is not None else None
            self._store = MemoryStore(now=self.clock.now)
        else:
            from wherry.store.sqlite import SQLiteStore

            self._store = await SQLiteStore.open(directory, now=self.clock.now)

    def _readiness(self) -> dict[str, bool]:
        return {"ping": True, "store": True, "controllers": self._ready}

    def _directory(self) -> Path:
        if self.options.data_dir is not None:
            return self.options.data_dir
        self._temporary = tempfile.TemporaryDirectory(prefix="wherry-")
        return Path(self._temporary.name)

    def _crashed(self, name: str, error: BaseException) -> None:
        log.critical("%s stopped: %r", name, error, exc_info=error)
