"""The protection controller of VolumeAttributesClasses: one that claims or volumes name stays until none does. Its keys are class names.

Source: pkg/controller/volume/vacprotection.
"""

from __future__ import annotations

from collections.abc import Iterable

from wherry.api.errors import NotFound
from wherry.api.objects import Obj, is_deleting, with_metadata
from wherry.api.resources import resource
from wherry.client.informer import IndexBy
from wherry.reconcile import Controller, Parts
from wherry.rules.admission.quota.claims import attributes_classes
from wherry.rules.objects.plan import Plan, Update

FINALIZER = "kubernetes.io/vac-protection"
_INDEX = "attributes class"


def _of_claim(claim: Obj) -> Iterable[str]:
    return attributes_classes(claim)


def _of_volume(volume: Obj) -> Iterable[str]:
    name = (volume.get("spec") or {}).get("volumeAttributesClassName")
    return (name,) if name else ()


class AttributesClassProtectionController(Controller):
    name = "volumeattributesclass-protection-controller"

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._classes = self.watch(resource("volumeattributesclasses", "storage.k8s.io"))
        self._users = (self.informer(resource("persistentvolumeclaims")), self.informer(resource("persistentvolumes")))
        for users, names_of in zip(self._users, (_of_claim, _of_volume), strict=True):
            users.add_index(_INDEX, names_of)
        self.watch(resource("persistentvolumeclaims"), lambda old, new: _left(old, new, _of_claim))
        self.watch(resource("persistentvolumes"), lambda old, new: _left(old, new, _of_volume))

    async def reconcile(self, key: str) -> float | None:
        found = self._classes.get(key)
        if found is None:
            return None
        held = found["metadata"].get("finalizers") or []
        if not is_deleting(found):
            wanted = held if FINALIZER in held else [*held, FINALIZER]
        elif any(users.count(_INDEX, key) for users in self._users):
            return None
        else:
            wanted = [f for f in held if f != FINALIZER]
        if wanted != held:
            error = (await self.apply(Plan((Update(with_metadata(found, finalizers=wanted or None)),)))).error
            if error is not None and not isinstance(error, NotFound):
                raise error
        return None


def _left(old: Obj | None, new: Obj | None, names_of: IndexBy) -> Iterable[str]:
    """The classes that an object no longer names."""
    if old is None:
        return ()
    return set(names_of(old)) - set(names_of(new) if new is not None else ())
