"""The end of namespaces: deletes what is in one, tells in its status what remains, and lets it go when it is empty.

Gathers (lists, delete calls), asks `wherry.rules.objects.namespaces`, applies. Source: pkg/controller/namespace.
"""

from __future__ import annotations

from collections.abc import Iterable

from wherry.api import errors
from wherry.api.errors import MethodNotAllowed, NotFound, StatusError
from wherry.api.objects import Obj, is_deleting, name
from wherry.api.options import DeleteOptions
from wherry.api.resources import TABLE, Resource, ResourceTable, resource
from wherry.kit.backoff import Backoff
from wherry.kit.queue import WorkQueue
from wherry.reconcile.controller import Controller, Parts
from wherry.rules.objects import namespaces
from wherry.rules.objects.namespaces import Progress

NAMESPACES = resource("namespaces")
PODS = resource("pods")
BACKGROUND = DeleteOptions(propagation_policy="Background")
#: seconds between the deletion of a namespace and that of its content, in which all servers learn of it (the reference's figure)
GRACE = 5.0
LONGEST_RETRY = 60.0


class NamespaceController(Controller):
    """Its keys are names of namespaces. `table`: what can be in a namespace."""

    name = "namespace-controller"

    def __init__(self, parts: Parts, table: ResourceTable = TABLE, *, grace: float = GRACE) -> None:
        super().__init__(parts)
        self.queue = WorkQueue(parts.clock, Backoff(cap=LONGEST_RETRY))
        self._table = table
        self._grace = grace
        self.watch(NAMESPACES, self._later)

    async def reconcile(self, key: str) -> float | None:
        try:
            namespace = await self.parts.client.get(NAMESPACES, "", key)
            if not is_deleting(namespace):
                return None
            namespace = await self._terminating(namespace)
            if not namespace["spec"].get("finalizers"):
                return None
            progress = await self._delete_content(namespace)
            if progress.errors:
                raise errors.InternalError(f"namespace {key}: {'; '.join(progress.errors)}")
            if progress.estimate > 0:
                return namespaces.look_again(progress.estimate)
            namespace = await self.parts.client.get(NAMESPACES, "", key)
            await self.parts.client.update(NAMESPACES, namespaces.finalized(namespace), subresource="finalize")
        except NotFound:
            pass  # somebody else finished it
        return None

    def _later(self, old: Obj | None, new: Obj | None) -> Iterable[str]:
        if new is not None and is_deleting(new):
            self.queue.add_after(name(new), self._grace)
        return ()

    async def _terminating(self, namespace: Obj) -> Obj:
        if (namespace.get("status") or {}).get("phase") == "Terminating":
            return namespace
        return await self._put_status(namespace, {**(namespace.get("status") or {}), "phase": "Terminating"})

    async def _put_status(self, namespace: Obj, status: Obj) -> Obj:
        return await self.parts.client.update(NAMESPACES, {**namespace, "status": status}, subresource="status")

    async def _delete_content(self, namespace: Obj) -> Progress:
        progress = Progress()
        waits_for_pods = False
        for each in namespaces.content(self._table):
            await self._delete_all(each, namespace, progress)
            waits_for_pods = PODS in progress.remaining
            if waits_for_pods:
                break
        status = namespace.get("status") or {}
        told = namespaces.conditions(status.get("conditions") or (), progress, self.clock.now(), pods_only=waits_for_pods)
        if told != status.get("conditions"):
            await self._put_status(namespace, {**status, "conditions": told})
        return progress

    async def _delete_all(self, each: Resource, namespace: Obj, progress: Progress) -> None:
        """Delete all of one resource, and count what is still there."""
        client, within = self.parts.client, name(namespace)
        estimate = 0
        try:
            if each is PODS:
                pods = (await client.list(PODS, within)).items
                estimate = namespaces.pod_estimate(pods, namespace["metadata"]["deletionTimestamp"], self.clock.now())
            if "deletecollection" in each.verbs:
                await client.delete_collection(each, within, options=BACKGROUND)
            else:
                await self._delete_each(each, within)
            left = (await client.list(each, within)).items
        except (NotFound, MethodNotAllowed):
            return  # the resource went from the table meanwhile
        except StatusError as error:
            progress.fail(estimate, error.message)
        else:
            progress.add(within, each, left, estimate)

    async def _delete_each(self, each: Resource, within: str) -> None:
        for item in (await self.parts.client.list(each, within)).items:
            try:
                await self.parts.client.delete(each, within, name(item), BACKGROUND)
            except NotFound:
                continue
