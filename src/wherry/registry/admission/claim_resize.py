"""PersistentVolumeClaimResize: only bound claims of a class that allows it may ask for more storage.

Source: plugin/pkg/admission/storage/persistentvolume/resize.
"""

from __future__ import annotations

from wherry.api import quantity
from wherry.api.objects import Obj
from wherry.api.resources import Resource
from wherry.registry.admission.default_storage_class import OLD_CLASS
from wherry.registry.request import Operation, Request
from wherry.store.protocol import Store


class PersistentVolumeClaimResize:
    def __init__(self, store: Store) -> None:
        self._store = store

    def handles(self, operation: Operation, resource: Resource, subresource: str) -> bool:
        return operation == "UPDATE" and resource.group_resource == "persistentvolumeclaims" and not subresource

    async def validate(self, request: Request) -> None:
        """Raises Forbidden."""
        new, old = request.draft, request.old or {}
        if quantity.compare(_size(new), _size(old)) <= 0:
            return
        if (old.get("status") or {}).get("phase") != "Bound":
            raise request.forbidden("Only bound persistent volume claims can be expanded")
        name = _class_of(new)
        if not name or name != _class_of(old) or not await self._grows(name):
            why = "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize"
            raise request.forbidden(why)

    async def _grows(self, name: str) -> bool:
        record = await self._store.get(f"storageclasses.storage.k8s.io/{name}")
        return record is not None and bool(record.object().get("allowVolumeExpansion"))


def _size(claim: Obj) -> str:
    requests: Obj = ((claim.get("spec") or {}).get("resources") or {}).get("requests") or {}
    return str(requests.get("storage", "0"))


def _class_of(claim: Obj) -> str:
    notes = claim["metadata"].get("annotations") or {}
    return str(notes.get(OLD_CLASS, (claim.get("spec") or {}).get("storageClassName") or ""))
