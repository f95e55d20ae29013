"""The volume protection controller: a volume that a claim has stays until the claim is gone. Its keys are those of volumes.

Rule: `wherry.rules.storage.binding.protection`. Source of the wiring: pkg/controller/volume/pvprotection.
"""

from __future__ import annotations

from wherry.api.errors import NotFound
from wherry.api.resources import resource
from wherry.reconcile import Controller, Parts
from wherry.rules.storage.binding import protection


class VolumeProtectionController(Controller):
    name = "persistentvolume-protection-controller"

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._volumes = self.watch(resource("persistentvolumes"))

    async def reconcile(self, key: str) -> float | None:
        volume = self._volumes.get(key)
        if volume is None:
            return None
        error = (await self.apply(protection.plan_volume(volume))).error
        if error is not None and not isinstance(error, NotFound):
            raise error
        return None
