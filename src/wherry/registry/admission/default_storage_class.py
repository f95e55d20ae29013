"""DefaultStorageClass: a claim that asks for no class gets the default one, if there is one.

A class marked as fallback (the built-in one) is left to the persistent volume controller, which gives it to claims that no volume fits.

Source: plugin/pkg/admission/storage/storageclass/setdefault.
"""

from __future__ import annotations

from wherry.api.resources import Resource
from wherry.registry.admission.default_classes import default_class
from wherry.registry.request import Operation, Request
from wherry.rules.storage.binding.names import FALLBACK_CLASS
from wherry.store.protocol import Store

MARKS = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")
OLD_CLASS = "volume.beta.kubernetes.io/storage-class"


class DefaultStorageClass:
    def __init__(self, store: Store) -> None:
        self._store = store

    def handles(self, operation: Operation, resource: Resource, subresource: str) -> bool:
        return operation == "CREATE" and resource.group_resource == "persistentvolumeclaims" and not subresource

    async def admit(self, request: Request) -> None:
        claim = request.draft
        spec = claim.get("spec") or {}
        if OLD_CLASS in (claim["metadata"].get("annotations") or {}) or spec.get("storageClassName") is not None:
            return
        if name := await default_class(self._store, "storageclasses.storage.k8s.io", MARKS, FALLBACK_CLASS):
            claim["spec"] = {**spec, "storageClassName": name}
