"""StorageObjectInUseProtection: volumes, claims and volume attributes classes begin with a finalizer that keeps them while in use.

The protection controllers take it off. Source: plugin/pkg/admission/storage/storageobjectinuseprotection.
"""

from __future__ import annotations

from wherry.api.resources import Resource
from wherry.registry.request import Operation, Request

FINALIZERS = {
    "persistentvolumes": "kubernetes.io/pv-protection",
    "persistentvolumeclaims": "kubernetes.io/pvc-protection",
    "volumeattributesclasses.storage.k8s.io": "kubernetes.io/vac-protection",
}


class StorageObjectInUseProtection:
    def handles(self, operation: Operation, resource: Resource, subresource: str) -> bool:
        return operation == "CREATE" and resource.group_resource in FINALIZERS and not subresource

    async def admit(self, request: Request) -> None:
        meta, name = request.draft["metadata"], FINALIZERS[request.resource.group_resource]
        given = meta.get("finalizers") or []
        if name not in given:
            meta["finalizers"] = [*given, name]
