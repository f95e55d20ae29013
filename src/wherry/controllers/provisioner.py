"""The built-in provisioner `wherry.dev/hostpath`: makes volumes for claims of its classes, and ends those that are released.

Watches claims and volumes; its keys are those of claims (`namespace/name`) and volumes (`name`), as in the persistent volume controller,
with which it only talks through annotations, as any provisioner. Rule: `wherry.rules.storage.binding.provision`.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterable
from pathlib import Path

from wherry.api.errors import AlreadyExists, NotFound
from wherry.api.objects import Obj, key
from wherry.api.resources import resource
from wherry.reconcile import Controller, Parts
from wherry.rules.objects.plan import Plan
from wherry.rules.storage.binding import provision
from wherry.rules.storage.binding.names import HOST_PATH_PROVISIONER, class_of

CLAIMS, VOLUMES = resource("persistentvolumeclaims"), resource("persistentvolumes")
CLASSES, NODES = resource("storageclasses", "storage.k8s.io"), resource("nodes")


class HostPathProvisioner(Controller):
    """`directory`: where the directories of volumes are made by the nodes, and removed here."""

    name = HOST_PATH_PROVISIONER

    def __init__(self, parts: Parts, directory: str) -> None:
        super().__init__(parts)
        self._directory = directory
        self._claims = self.watch(CLAIMS, lambda old, new: (key(new),) if new is not None else ())
        self._volumes = self.watch(VOLUMES, lambda old, new: (key(new),) if new is not None else ())
        self._classes = self.watch(CLASSES, self._of_class)
        self._means = provision.Means(directory, self.informer(NODES).get, self._classes.get, self._volumes.get)

    async def reconcile(self, key: str) -> float | None:
        if "/" in key:
            claim = self._claims.get(key)
            return await self._do(provision.plan_claim(claim, self._means)) if claim is not None else None
        volume = self._volumes.get(key)
        if volume is None or not provision.is_finished(volume):
            return None
        if path := provision.directory_of(volume, self._directory):
            try:
                await asyncio.to_thread(_remove, Path(path))
            except OSError as error:
                return await self._do(provision.delete_failed(volume, str(error)))
        return await self._do(provision.plan_volume(volume))

    async def _do(self, plan: Plan) -> float | None:
        error = (await self.apply(plan)).error
        if error is not None and not isinstance(error, (NotFound, AlreadyExists)):
            raise error
        return plan.requeue_after

    def _of_class(self, old: Obj | None, new: Obj | None) -> Iterable[str]:
        return [key(claim) for claim in self._claims.items() if class_of(claim) == key(new)] if new is not None else ()


def _remove(path: Path) -> None:
    """With everything in it; nothing is there when no container ever ran with it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
