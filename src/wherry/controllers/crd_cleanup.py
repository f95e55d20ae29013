"""The end of CustomResourceDefinitions: deletes the objects of the kind, and lets the definition go when there are none.

Gathers (lists, delete calls) and writes the condition Terminating, which says how far it is.
Source: k8s.io/apiextensions-apiserver/pkg/controller/finalizer/crd_finalizer.go.
"""

from __future__ import annotations

from collections.abc import Iterable

from wherry.api import errors, timestamps
from wherry.api.errors import NotFound, StatusError
from wherry.api.objects import Obj, is_deleting, name
from wherry.api.options import MERGE_PATCH
from wherry.api.resources import Resource, resource
from wherry.reconcile.controller import Controller, Parts
from wherry.rules.custom import conditions, kind
from wherry.rules.custom.definition import CLEANUP

DEFINITIONS = resource("customresourcedefinitions", "apiextensions.k8s.io")
#: seconds between looks at what its finalizers still hold
POLL = 5.0


class DefinitionCleanup(Controller):
    """Its keys are names of definitions that are being deleted."""

    name = "crd-finalizer"

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self.watch(DEFINITIONS, _going)

    async def reconcile(self, key: str) -> float | None:
        client = self.parts.client
        try:
            definition = await client.get(DEFINITIONS, "", key)
            if not is_deleting(definition) or CLEANUP not in (definition["metadata"].get("finalizers") or ()):
                return None
            definition = await self._tell(definition, "True", "InstanceDeletionInProgress", "CustomResource deletion is in progress")
            row = next(iter(kind.rows(definition)), None) if conditions.is_true(definition, "Established") else None
            if row is None:
                definition = await self._tell(definition, "False", "NeverEstablished", "resource was never established")
            else:
                if await self._delete_all(definition, row):
                    return POLL
                definition = await self._tell(definition, "False", "InstanceDeletionCompleted", "removed all instances")
            rest = [f for f in definition["metadata"]["finalizers"] if f != CLEANUP]
            patch = {"metadata": {"resourceVersion": definition["metadata"]["resourceVersion"], "finalizers": rest or None}}
            await client.patch(DEFINITIONS, "", key, patch, MERGE_PATCH)
        except NotFound:
            pass  # somebody else finished it
        return None

    async def _delete_all(self, definition: Obj, row: Resource) -> int:
        """Deletes every object, namespace by namespace; how many remain. Raises InternalError."""
        client = self.parts.client
        failed: list[str] = []
        there = (await client.list(row)).items
        for namespace in sorted({each["metadata"].get("namespace", "") for each in there}):
            try:
                await client.delete_collection(row, namespace)
            except StatusError as error:
                failed.append(error.message)
        if failed:
            why = f"could not issue all deletes: {'; '.join(failed)}"
            await self._tell(definition, "True", "InstanceDeletionFailed", why)
            raise errors.InternalError(why)
        return len((await client.list(row)).items)

    async def _tell(self, definition: Obj, status: str, reason: str, message: str) -> Obj:
        told = conditions.make("Terminating", status, reason, message, timestamps.time(self.clock.now()))
        listed = conditions.put(definition["status"].get("conditions"), told)
        if listed == definition["status"].get("conditions"):
            return definition
        changed = {**definition, "status": {**definition["status"], "conditions": listed}}
        return await self.parts.client.update(DEFINITIONS, changed, subresource="status")


def _going(old: Obj | None, new: Obj | None) -> Iterable[str]:
    """Looked at when it starts to go; what changes after that, this controller wrote, or its own timer shows."""
    if new is not None and is_deleting(new) and not (old is not None and is_deleting(old)):
        return (name(new),)
    return ()
