"""The registry: REST semantics over the store, and the only code that writes.

Called by the HTTP server and by `LocalClient`. Every record it gives has bytes that begin with `{"kind":"K","apiVersion":"V",`; the bytes
go out as they are.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Iterable
from typing import TypeAlias

from wherry.api.errors import StatusError
from wherry.api.objects import Obj
from wherry.api.options import DeleteOptions, ListOptions, Target, User, WatchOptions, WriteOptions
from wherry.api.resources import ResourceTable
from wherry.registry import connects, creates, custom_scale, deletes, patches, reads, storing, updates, watches
from wherry.registry.admission.chain import Chain, Means
from wherry.registry.admission.default import default_chain
from wherry.registry.core import Core
from wherry.registry.custom import Customs
from wherry.registry.measures import GROUP as METRICS
from wherry.registry.measures import Measures
from wherry.registry.rbac.stored import StoredPolicy
from wherry.registry.results import Body, Deleted, Page, WatchEvent, Written
from wherry.registry.subresources import binding, eviction, finalize, rollback, scale
from wherry.registry.subresources.views import is_view
from wherry.registry.tokens.issuer import Issuer
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
    ) -> None:
        self.table = table or ResourceTable()
        self._core = Core(store, now, rng, self.table, admission or default_chain(store, rng), test_mode=test_mode)
        self._core.admission.bind(self._core)
        #: what pods and nodes use (metrics.k8s.io)
        self.measures = Measures(self._core)
        self.issuer = Issuer()

    @property
    def findings(self) -> list[AssertionError]:
        """In test mode: the promises that trusted writers broke."""
        return self._core.findings

    @property
    def means(self) -> Means:
        """What admission needs of the world: how webhooks are called, and whom to ask what a user may do."""
        return self._core.admission.means

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
            return await self.measures.get(target)
        target = self._core.customs.current(target)
        if target.subresource == "scale":
            if target.resource.custom is not None:
                return await custom_scale.read(self._core, target)
            return await scale.read(self._core, target)
        if not is_view(target.resource, target.subresource):
            raise _not_built(target)
        return await reads.get(self._core, target, resource_version)

    async def list(self, target: Target, options: ListOptions) -> Page:
        if target.resource.group == METRICS:
            return await self.measures.page(target, options)
        return await reads.list_(self._core, self._core.customs.current(target), options)

    def watch(self, target: Target, options: WatchOptions) -> AsyncIterator[_Batch]:
        return watches.watch(self._core, self._core.customs.current(target), options)

    async def create(self, target: Target, body: Body, options: WriteOptions, user: User) -> Written:
        target = self._core.customs.current(target)
        if target.subresource == "binding":
            return await binding.create(self._core, target, body, options, user)
        if target.subresource == "eviction":
            return await eviction.create(self._core, target, body, options, user)
        if target.subresource == "rollback":
            return await rollback.create(self._core, target, body, options, user)
        if target.subresource == "token":
            from wherry.registry.subresources import token

            return await token.create(self._core, self.issuer, target, body, options, user)
        if target.subresource:
            raise _not_built(target)
        if target.resource is binding.BINDING:
            return await binding.create_legacy(self._core, target, body, options, user)
        return await creates.create(self._core, target, body, options, user)

    async def update(self, target: Target, body: Body, options: WriteOptions, user: User) -> Written:
        target = self._core.customs.current(target)
        if target.subresource == "scale":
            if target.resource.custom is not None:
                return await custom_scale.update(self._core, target, body, options, user)
            return await scale.update(self._core, target, body, options, user)
        if target.subresource == "finalize":
            return await finalize.update(self._core, target, body, options, user)
        if not is_view(target.resource, target.subresource):
            raise _not_built(target)
        return await updates.update(self._core, target, body, options, user)

    async def patch(self, target: Target, patch_type: str, content: bytes | object, options: WriteOptions, user: User) -> Written:
        target = self._core.customs.current(target)
        if target.subresource == "scale":
            if target.resource.custom is not None:
                return await custom_scale.patch(self._core, target, patch_type, content, options, user)
            return await scale.patch(self._core, target, patch_type, content, options, user)
        if not is_view(target.resource, target.subresource):
            raise _not_built(target)
        return await patches.patch(self._core, target, patch_type, content, options, user)

    async def connect(self, target: Target, options: Obj, user: User) -> Obj:
        """Before a connection to a pod, Service or node is made: its options, as admission leaves them."""
        return await connects.admit(self._core, target, options, user)

    async def delete(self, target: Target, options: DeleteOptions, user: User) -> Deleted:
        return await deletes.delete(self._core, self._core.customs.current(target), options, user)

    async def delete_collection(self, target: Target, options: DeleteOptions, selection: ListOptions, user: User) -> _Records:
        return await deletes.delete_collection(self._core, self._core.customs.current(target), options, selection, user)


def _not_built(target: Target) -> StatusError:
    what = f"{target.resource.group_resource}/{target.subresource}"
    return StatusError(f"wherry does not serve {what} yet", code=501, reason="NotImplemented")
