"""The ephemeral volume controller: makes the claims of pods with generic ephemeral volumes. Its keys are those of pods.

Rule: `wherry.rules.storage.binding.ephemeral`. Source of the wiring: pkg/controller/volume/ephemeral/controller.go.
"""

from __future__ import annotations

from collections.abc import Iterable

from wherry.api.errors import NotFound
from wherry.api.objects import Obj, key
from wherry.api.resources import resource
from wherry.reconcile import Controller, Parts
from wherry.rules.objects.plan import Create
from wherry.rules.storage.binding import ephemeral
from wherry.rules.storage.binding.names import claim_keys

CLAIMS, PODS = resource("persistentvolumeclaims"), resource("pods")


class EphemeralVolumeController(Controller):
    name = "ephemeral_volume"

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._pods, self._claims = self.informer(PODS), self.informer(CLAIMS)
        self._pods.add_index("claim", claim_keys)
        self.watch(PODS, self._of_pod)
        self.watch(CLAIMS, self._of_claim)

    async def reconcile(self, key: str) -> float | None:
        pod = self._pods.get(key)
        if pod is None:
            return None
        applied = await self.apply(ephemeral.plan(pod, self._claims.get))
        if applied.error is not None and not isinstance(applied.error, NotFound):
            if isinstance(applied.failed, Create):
                await self.apply(ephemeral.failed(pod, applied.failed.obj, applied.error.message))
            raise applied.error
        return None

    def _of_pod(self, old: Obj | None, new: Obj | None) -> Iterable[str]:
        return (key(new),) if old is None and new is not None and ephemeral.has_ephemeral(new) else ()

    def _of_claim(self, old: Obj | None, new: Obj | None) -> Iterable[str]:
        """A claim is gone: the pod that has it may want a new one."""
        if new is not None or old is None:
            return ()
        return [key(pod) for pod in self._pods.by_index("claim", key(old)) if ephemeral.has_ephemeral(pod)]
