"""The garbage collector: deletes what its owners leave behind, lets go what is orphaned, and ends foreground deletions.

It follows every resource that can be deleted, keeps the graph of owners and dependents, and looks at single objects when the graph says
so. What it decides from is read from the server anew, so a late watch never costs an object its life.
Source: pkg/controller/garbagecollector.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial

from wherry.api.errors import BadRequest, Conflict, NotFound
from wherry.api.objects import Obj, is_deleting, name, namespace, uid
from wherry.api.options import DeleteOptions
from wherry.api.resources import STORED_AS, TABLE, Resource, ResourceTable
from wherry.controllers.garbage_graph import Graph
from wherry.kit.backoff import Backoff
from wherry.reconcile.controller import Controller, Parts
from wherry.rules.objects import garbage
from wherry.rules.objects.deletion import FOREGROUND, ORPHAN
from wherry.rules.objects.plan import Patch, Plan

#: how many owners are remembered as gone; a uid never comes back
REMEMBERED = 4096


class GarbageCollector(Controller):
    """Its keys are uids. `table`: the resources there are, custom ones as they come and go."""

    name = "garbage-collector-controller"

    def __init__(self, parts: Parts, table: ResourceTable = TABLE) -> None:
        super().__init__(parts)
        self._table = table
        self._graph = Graph()
        self._unseen: Backoff[str] = Backoff(base=1.0)
        self._absent: OrderedDict[tuple[str, ...], None] = OrderedDict()
        self._followed: dict[str, Resource] = {}
        for each in table:
            if each.custom is None:
                self.follow(each)
        self._follow_custom()
        table.subscribe(self._follow_custom)

    def _follow_custom(self) -> None:
        """Custom resources come and go: each is followed in one of its versions."""
        now = {each.group_resource: each for each in reversed(self._table.custom)}
        for at, each in list(self._followed.items()):
            if self._table.by_path(each.group, each.version, each.plural) is None:
                del self._followed[at]
                self.parts.informers.drop(each)
        for at, each in now.items():
            if at not in self._followed:
                self._followed[at] = each
                self.follow(each)

    def follow(self, each: Resource) -> None:
        """Watch a resource, if its objects can be owned and deleted: all but events and mere views of other resources."""
        followed = {"delete", "list", "watch"} <= set(each.verbs) and each.plural != "events"
        if followed and (each.group, each.version, each.plural) not in STORED_AS:
            self.informer(each).add_handler(self._changed)

    def _changed(self, old: Obj | None, new: Obj | None) -> None:
        if new is not None:
            for each in self._graph.put(old, new):
                self.queue.add(each)
                self._tell_unreachable(each)
        elif old is not None:
            for each in self._graph.drop(old):
                self.queue.add(each)

    def _tell_unreachable(self, key: str) -> None:
        item = self._graph.get(key)
        if item is None:
            return
        for ref in self._graph.unreachable(item):
            message = garbage.out_of_reach_message(ref, namespace(item))
            self.recorder.event(item, "Warning", "OwnerRefInvalidNamespace", message)

    async def reconcile(self, key: str) -> float | None:
        item = self._graph.get(key)
        if item is None or self._graph.is_solid(item):
            return None
        if garbage.orphans_dependents(item):
            await self._orphan(item)
        elif garbage.waits_for_dependents(item):
            await self._finish(item)
        elif not is_deleting(item):
            return await self._consider(item)
        return None

    async def _orphan(self, owner: Obj) -> None:
        for each in self._graph.dependents(uid(owner)):
            await self._patch(garbage.without_owners(each, (uid(owner),)))
        await self._remove_finalizer(owner, ORPHAN)

    async def _finish(self, owner: Obj) -> None:
        """A foreground deletion: done when nothing blocks it; else what blocks it is looked at."""
        waiting = garbage.blocking(owner, self._graph.dependents(uid(owner)))
        if not waiting:
            await self._remove_finalizer(owner, FOREGROUND)
        for each in waiting:
            if not garbage.waits_for_dependents(each):
                self.queue.add(uid(each))

    async def _consider(self, item: Obj) -> float | None:
        """Delete it if no owner is left. Raises BadRequest for an owner of a kind that does not exist."""
        latest = await self._read(item)
        if latest is None or is_deleting(latest) or not garbage.references(latest):
            return None
        refs = garbage.references(latest)
        owners: dict[str, Obj | None] = {}
        for ref in refs:
            resource = self._resource(ref["apiVersion"], ref["kind"])
            if resource.namespaced and not namespace(latest):
                return None  # never valid, and nothing to wait for
            owners[ref["uid"]] = await self._owner(resource, ref, namespace(latest) if resource.namespaced else "")
        sorted_ = garbage.classify(refs, owners)
        verdict = garbage.judge(latest, sorted_, self._graph.dependents(uid(latest)))
        for patch in verdict.patches:
            await self._patch(patch)
        if verdict.delete:
            await self._delete(latest, verdict.delete, exact=not verdict.patches)
        if verdict.delete or all(self._graph.get(ref["uid"]) is not None for ref in sorted_.solid):
            self._unseen.forget(uid(item))
            return None
        return self._unseen.next(uid(item))  # an owner that exists, but our watches have not shown it: its end might escape them

    async def _owner(self, resource: Resource, ref: Obj, within: str) -> Obj | None:
        """The owner that a reference means, if it exists."""
        coordinates = (ref["uid"], ref["apiVersion"], ref["kind"], within, ref["name"])
        if coordinates in self._absent:
            return None
        try:
            owner = await self.parts.client.get(resource, within, ref["name"])
            if uid(owner) == ref["uid"]:
                return owner
        except NotFound:
            pass
        self._absent[coordinates] = None
        if len(self._absent) > REMEMBERED:
            self._absent.popitem(last=False)
        return None

    async def _read(self, item: Obj) -> Obj | None:
        """The object as it is now; None when it is gone, or another has its name."""
        try:
            latest = await self.parts.client.get(self._resource_of(item), namespace(item), name(item))
        except NotFound:
            return None
        return latest if uid(latest) == uid(item) else None

    async def _delete(self, item: Obj, policy: str, *, exact: bool) -> None:
        """Delete the version that was judged; a later one only if its owners are still the same."""
        options = partial(DeleteOptions, propagation_policy=policy, uid=uid(item))
        delete = partial(self.parts.client.delete, self._resource_of(item), namespace(item), name(item))
        try:
            await delete(options(resource_version=item["metadata"]["resourceVersion"] if exact else ""))
        except NotFound:
            return
        except Conflict:
            latest = await self._read(item)
            if latest is None:
                return
            if garbage.references(latest) != garbage.references(item):
                raise
            await delete(options())

    async def _remove_finalizer(self, item: Obj, finalizer: str) -> None:
        latest = await self._read(item)
        if latest is not None and garbage.has_finalizer(latest, finalizer):
            await self._patch(garbage.without_finalizer(latest, finalizer))

    async def _patch(self, patch: Patch) -> None:
        """Raises the StatusError of a patch that failed, unless its object is gone."""
        error = (await self.apply(Plan((patch,)))).error
        if error is not None and not isinstance(error, NotFound):
            raise error

    def _resource_of(self, obj: Obj) -> Resource:
        return self._resource(obj["apiVersion"], obj["kind"])

    def _resource(self, api_version: str, kind: str) -> Resource:
        found = self._table.by_kind(api_version, kind)
        if found is None:
            raise BadRequest(f'no matches for kind "{kind}" in version "{api_version}"')
        return found
