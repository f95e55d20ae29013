"""Claims of pods on a node: a pod whose claims are not bound waits, and is looked at again when they change.

Used by the node agent. The scheduler lets no such pod through; one that names its node itself may come before its volumes.
Source of the rule and of the text: pkg/kubelet/volumemanager (desired_state_of_world_populator.go).
"""

from __future__ import annotations

from collections.abc import Callable

from wherry.api.objects import Obj, is_deleting, key, namespace
from wherry.api.resources import resource
from wherry.client.informer import Informers
from wherry.rules.storage.binding.names import claim_keys, claims_by_volume

CLAIMS, VOLUMES, PODS = resource("persistentvolumeclaims"), resource("persistentvolumes"), resource("pods")


class Claims:
    def __init__(self, informers: Informers) -> None:
        self._claims, self._volumes, self._pods = informers.of(CLAIMS), informers.of(VOLUMES), informers.of(PODS)
        self._pods.add_index("claim", claim_keys)

    async def synced(self) -> None:
        await self._claims.synced()
        await self._volumes.synced()

    def follow(self, look_again: Callable[[str], None]) -> None:
        """Names every pod one of whose claims became bound."""

        def changed(old: Obj | None, new: Obj | None) -> None:
            if new is not None and _phase(new) == "Bound" and (old is None or _phase(old) != "Bound"):
                for pod in self._pods.by_index("claim", key(new)):
                    look_again(key(pod))

        self._claims.add_handler(changed)

    def problem(self, pod: Obj) -> str:
        """Why the pod cannot have its volumes yet, "" when it can."""
        if not pod["spec"].get("volumes"):
            return ""
        for volume, called in claims_by_volume(pod):
            why = self._why(f"{namespace(pod)}/{called}", called)
            if why:
                unmounted = f"unmounted volumes=[{volume}], unattached volumes=[], failed to process volumes=[{volume}]"
                return f"Unable to attach or mount volumes: {unmounted}: error processing PVC {namespace(pod)}/{called}: {why}"
        return ""

    def _why(self, at: str, name: str) -> str:
        claim = self._claims.get(at)
        if claim is None:
            return f'failed to fetch PVC from API server: persistentvolumeclaims "{name}" not found'
        if is_deleting(claim):
            return "PVC is being deleted"
        return "" if _phase(claim) == "Bound" and claim["spec"].get("volumeName") else "PVC is not bound"


def _phase(claim: Obj) -> str:
    return (claim.get("status") or {}).get("phase") or ""
