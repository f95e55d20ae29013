"""The registry: REST semantics over the store, and the only code that writes.

Called by the HTTP server and by `LocalClient`. Every record it gives has bytes that begin with `{"kind":"K","apiVersion":"V",`; the bytes
go out as they are.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Iterable
from typing import TypeAlias

from wherry.api.objects import Obj
from wherry.api.options import DeleteOptions, ListOptions, Target, User, WatchOptions, WriteOptions
from wherry.api.resources import ResourceTable
from wherry.registry import storing
from wherry.registry.admission.chain import Chain
from wherry.registry.admission.default import default_chain
from wherry.registry.core import Core
from wherry.registry.custom import Customs
from wherry.registry.outside.calls import Outside
from wherry.registry.rbac.stored import StoredPolicy
from wherry.registry.results import Body, Deleted, Page, WatchEvent, Written
from wherry.registry.subresources.table import view_of
from wherry.registry.tokens.issuer import Issuer
from wherry.registry.verbs import connect_admission, deletes, reads, watches
from wherry.registry.verbs.metrics_api import GROUP as METRICS
from wherry.registry.verbs.metrics_api import MetricsApi
from wherry.registry.verbs.view import OBJECT
from wherry.registry.verbs.write import Patch, Write
from wherry.store.protocol import Record, Store

#: `Registry.list` shadows the built-in inside the class
_Records: TypeAlias = list[Record]
_Batch: TypeAlias = list[WatchEvent]


class Registry:
    """Every method raises StatusError. `rng` gives uids and name suffixes, `now` seconds since the epoch."""

    def __init__(
        self,
        store: Store,
        now: Callable[[], float],
        rng: random.Random,
        table: ResourceTable | None = None,
        admission: Chain | None = None,
        *,
        test_mode: bool = False,
        held_releases: bool = False,
    ) -> None:
        self.table = table or ResourceTable()
        outside = Outside()
        chain = admission or default_chain(store, rng, outside, held_releases=held_releases)
        self._core = Core(store, now, rng, self.table, chain, outside, test_mode=test_mode)
        chain.bind(self._core)
        #: what pods and nodes use (metrics.k8s.io)
        self.metrics_api = MetricsApi(self._core)

    @property
    def findings(self) -> list[AssertionError]:
        """In test mode: the promises that trusted writers broke."""
        return self._core.findings

    @property
    def outside(self) -> Outside:
        """What the registry needs of the world: how webhooks are called, and whom to ask what a user may do."""
        return self._core.outside

    @property
    def issuer(self) -> Issuer:
        return self._core.issuer

    @property
    def policy(self) -> StoredPolicy:
        """What roles and bindings allow."""
        return self._core.policy

    @property
    def store(self) -> Store:
        return self._core.store

    @property
    def core(self) -> Core:
        """For what else is of the registry's own package."""
        return self._core

    async def seed(self, objects: Iterable[tuple[str, Obj]]) -> None:
        """Store objects that nobody asks for as they are, under their keys in the store, where nothing is. Raises StoreFailed."""
        await storing.seed(self._core.store, objects)

    @property
    def customs(self) -> Customs:
        """The custom resources: to be loaded before requests are served."""
        return self._core.customs

    async def get(self, target: Target, resource_version: str = "") -> Record:
        if target.resource.group == METRICS:
            return await self.metrics_api.get(target)
        target = self._core.customs.current(target)
        return await view_of(target).read(self._core, target, resource_version)

    async def list(self, target: Target, options: ListOptions) -> Page:
        if target.resource.group == METRICS:
            return await self.metrics_api.page(target, options)
        return await reads.list_(self._core, self._core.customs.current(target), options)

    def watch(self, target: Target, options: WatchOptions) -> AsyncIterator[_Batch]:
        return watches.watch(self._core, self._core.customs.current(target), options)

    async def create(self, target: Target, body: Body, options: WriteOptions, user: User) -> Written:
        write = self._write(target, body, options, user)
        return await write.view.create(write)

    async def update(self, target: Target, body: Body, options: WriteOptions, user: User) -> Written:
        write = self._write(target, body, options, user)
        return await write.view.update(write)

    async def patch(self, target: Target, patch_type: str, content: bytes | object, options: WriteOptions, user: User) -> Written:
        write = self._write(target, Patch(patch_type, content), options, user)
        return await write.view.patch(write)

    async def connect(self, target: Target, options: Obj, user: User) -> Obj:
        """Before a connection to a pod, Service or node is made: its options, as admission leaves them."""
        return await connect_admission.admit(self._core, target, options, user)

    async def delete(self, target: Target, options: DeleteOptions, user: User) -> Deleted:
        return await deletes.delete(Write(self._core, self._core.customs.current(target), OBJECT, options, user))

    async def delete_collection(self, target: Target, options: DeleteOptions, selection: ListOptions, user: User) -> _Records:
        return await deletes.delete_collection(Write(self._core, self._core.customs.current(target), OBJECT, options, user), selection)

    def _write(self, target: Target, body: Body | Patch, options: WriteOptions, user: User) -> Write:
        target = self._core.customs.current(target)
        write = Write(self._core, target, view_of(target), options, user)
        write.body = body
        return write
