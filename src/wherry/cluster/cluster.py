"""A cluster in this process: builds the parts, starts them in order, stops them in the opposite order.

The way of the parts: store, registry, first objects, HTTP server, informers, controllers, scheduler, nodes. `Cluster` works in an
`async with` on the running loop, and in a plain `with`, where it runs on a thread and loop of its own.
"""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
import tempfile
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from wherry.api.objects import key
from wherry.api.resources import resource
from wherry.client.informer import Informers
from wherry.client.local import LocalClient
from wherry.client.protocol import Client
from wherry.cluster import kubeconfig, pki
from wherry.cluster.bootstrap import bootstrap
from wherry.cluster.components import controllers, node_agent, scheduler
from wherry.cluster.gateway import Gateway
from wherry.cluster.options import Options
from wherry.kit.clock import Clock
from wherry.kit.tasks import Tasks
from wherry.node.simulated_nodes import SimulatedNodes
from wherry.reconcile.controller import Controller, Parts
from wherry.registry.core import ALPHABET
from wherry.registry.registry import Registry
from wherry.server.app import ApiServer
from wherry.store.memory import MemoryStore
from wherry.store.protocol import Store
from wherry.store.sqlite import SQLiteStore

log = logging.getLogger(__name__)

T = TypeVar("T")
#: seconds that requests under way get to finish when the cluster stops
STOP_GRACE = 0.2


class Cluster:
    """One whole cluster. Give `Options`, or its fields by name: `Cluster(nodes=5, data_dir=path)`."""

    def __init__(self, options: Options | None = None, **fields: Any) -> None:
        self.options = replace(options or Options(), **fields)
        self.port = 0
        self.insecure_port = 0
        self.pki: pki.Pki | None = None
        self.controllers: dict[str, Controller] = {}
        self.server: ApiServer | None = None
        self.nodes: SimulatedNodes | None = None
        self._ready = False
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._thread: Any = None

    # --- what a user reads ---
    @property
    def url(self) -> str:
        return f"https://{self.options.host}:{self.port}"

    @property
    def kubeconfig_path(self) -> Path:
        assert self.pki is not None, "the cluster is not started"
        return self.pki.directory.parent / "kubeconfig"

    @property
    def kubeconfig(self) -> str:
        """The path of a kubeconfig with the admin's token: the value for $KUBECONFIG."""
        return str(self.kubeconfig_path)

    # --- life ---
    async def start(self) -> Self:
        """Builds and starts everything. Raises OSError (port taken), StoreError (data directory in use or newer)."""
        options = self.options
        self.rng = random.Random(options.seed) if options.seed is not None else random.Random()
        self.clock = Clock(epoch=options.epoch)
        directory = options.data_dir or self._temporary_directory()
        self.store = await self._open_store()
        try:
            await self._start_parts(directory)
        except BaseException:
            await self.stop()
            raise
        return self

    async def _start_parts(self, directory: Path) -> None:
        options = self.options
        self.registry = Registry(self.store, self.clock.now, self.rng)
        self.client: Client = LocalClient(self.registry, manager="wherry")
        self._tasks = Tasks(self._crashed)
        self.informers = Informers(self._component("kube-controller-manager"))
        if options.serve:
            self.pki = await asyncio.to_thread(pki.ensure, directory / "pki", options.host)
            await self._serve()
            self._write_kubeconfig()
        await bootstrap(LocalClient(self.registry, manager="kube-apiserver"), options.host, self.port)
        await self._start_components()
        await self._first_accounts()
        self._ready = True

    def _component(self, manager: str) -> LocalClient:
        return LocalClient(self.registry, manager=manager, trusted=True)

    async def _start_components(self) -> None:
        parts = Parts(self._component("kube-controller-manager"), self.informers, self.clock, self._suffix)
        ca = self.pki.ca_pem if self.pki else ""
        self.controllers = {c.name: c for c in controllers(parts, self.registry, ca)}
        self.scheduler = scheduler(self._component("kube-scheduler"), self.informers, self.clock, self.rng)
        self.nodes = node_agent(self._component("kubelet"), self.informers, self.clock, self.options) if self.options.run_nodes else None
        await self.informers.start()
        for controller in self.controllers.values():
            self._tasks.start(controller.run(), controller.name)
        self._tasks.start(self.scheduler.run(), "scheduler")
        if self.nodes is not None:
            self._tasks.start(self.nodes.run(), "nodes")

    async def _first_accounts(self) -> None:
        """A cluster is ready when a pod can be made in `default`: its ServiceAccount is there."""
        accounts = self.informers.of(resource("serviceaccounts"))
        there = asyncio.Event()
        accounts.add_handler(lambda old, new: there.set() if new is not None and key(new) == "default/default" else None)
        await there.wait()

    async def stop(self) -> None:
        """Stops everything, the last started first. Safe to call twice."""
        self._ready = False
        if self.server is not None:
            await self.server.stop(grace=STOP_GRACE)
        if hasattr(self, "_tasks"):
            await self._tasks.stop()
            await self.informers.stop()
        await self.store.close()
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = None

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.stop()

    def __enter__(self) -> Self:
        from wherry.cluster.thread import LoopThread

        self._thread = LoopThread(self)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._thread.stop()

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """From another thread: run `work` on the cluster's loop (in a plain `with` only) and wait for its result."""
        return self._thread.call(work)  # type: ignore[no-any-return]

    # --- parts ---
    async def _open_store(self) -> Store:
        if self.options.data_dir is None or self.options.ephemeral:
            return MemoryStore(now=self.clock.now)
        self.options.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        return await SQLiteStore.open(self.options.data_dir, now=self.clock.now)

    async def _serve(self) -> None:
        assert self.pki is not None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.pki.server_certificate, self.pki.server_key)
        context.load_verify_locations(self.pki.ca_certificate)
        context.verify_mode = ssl.CERT_OPTIONAL
        self.server = ApiServer.for_admin(self.registry, self.clock, self.pki.token, self._readiness, gateway=Gateway(self))
        self.port = await self.server.start(self.options.host, self.options.port, context)
        if self.options.insecure_port is not None:
            self.insecure_port = await self.server.start_insecure("127.0.0.1", self.options.insecure_port)

    def _write_kubeconfig(self) -> None:
        assert self.pki is not None
        kubeconfig.write(self.kubeconfig_path, kubeconfig.build(self.url, self.pki.ca_pem, token=self.pki.token))

    def _readiness(self) -> dict[str, bool]:
        return {"ping": True, "store": True, "controllers": self._ready}

    def _temporary_directory(self) -> Path:
        self._temporary = tempfile.TemporaryDirectory(prefix="wherry-")
        return Path(self._temporary.name)

    def _suffix(self) -> str:
        return "".join(self.rng.choices(ALPHABET, k=5))

    def _crashed(self, name: str, error: BaseException) -> None:
        log.critical("%s stopped: %r", name, error, exc_info=error)
