"""Claims of pods on a node: a pod whose claims are not bound waits, and is looked at again when they change.

Used by the node agent. The scheduler lets no such pod through; one that names its node itself may come before its volumes.
Source of the rule and of the text: pkg/kubelet/volumemanager (desired_state_of_world_populator.go).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from wherry.api.objects import Obj, is_deleting, key, namespace
from wherry.api.resources import resource
from wherry.client.informer import Informers
from wherry.rules.storage.binding.names import claim_keys, claims_by_volume

_BOUND = "Bound"
CLAIMS, VOLUMES, PODS = resource("persistentvolumeclaims"), resource("persistentvolumes"), resource("pods")


class ClaimsOfPods(Protocol):
    """What the agent needs of whoever knows claims."""

    async def synced(self) -> None: ...

    def follow(self, look_again: Callable[[str], None]) -> None: ...

    def problem(self, pod: Obj) -> str | None: ...

    async def run(self) -> None: ...


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
            if new is not None and _phase(new) == _BOUND and (old is None or _phase(old) != _BOUND):
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
                return unmounted(pod, volume, called, why)
        return ""

    async def run(self) -> None:
        """Informers bring the news."""

    def _why(self, at: str, name: str) -> str:
        claim = self._claims.get(at)
        if claim is None:
            return f'failed to fetch PVC from API server: persistentvolumeclaims "{name}" not found'
        if is_deleting(claim):
            return "PVC is being deleted"
        return "" if is_bound(claim) else "PVC is not bound"


def is_bound(claim: Obj) -> bool:
    return _phase(claim) == _BOUND and bool(claim["spec"].get("volumeName"))


def unmounted(pod: Obj, volume: str, called: str, why: str) -> str:
    """What the kubelet says."""
    what = f"unmounted volumes=[{volume}], unattached volumes=[], failed to process volumes=[{volume}]"
    return f"Unable to attach or mount volumes: {what}: error processing PVC {namespace(pod)}/{called}: {why}"


def _phase(claim: Obj) -> str:
    return (claim.get("status") or {}).get("phase") or ""
