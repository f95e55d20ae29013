"""Claims of pods for a node that may not list them: each is asked for by its name while a pod waits for it.

Used by the agent of a node that joined another API server, whose node may read what its own pods claim and nothing else. A claim that is
bound is not asked for again. Source of the rule: pkg/kubelet/volumemanager (getPVCExtractPV, dereferencePVC); the Node authorizer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from wherry.api.errors import NotFound, StatusError
from wherry.api.objects import Obj, is_deleting, key, namespace
from wherry.client.informer import Informer
from wherry.client.protocol import Client
from wherry.kit.clock import Clock
from wherry.node.claims import CLAIMS, is_bound, unmounted
from wherry.rules.storage.binding.names import claims_by_volume

log = logging.getLogger(__name__)

_AGAIN = 2.0


class SingleClaims:
    """`pods`: those of the node."""

    def __init__(self, client: Client, clock: Clock, pods: Informer) -> None:
        self._client, self._clock, self._pods = client, clock, pods
        #: namespace/name -> why it cannot be had, "" for bound
        self._known: dict[str, str] = {}
        self._wanted: dict[str, set[str]] = {}
        self._wake = asyncio.Event()
        self._look_again: Callable[[str], None] = lambda pod: None

    async def synced(self) -> None:
        """Nothing is followed."""

    def follow(self, look_again: Callable[[str], None]) -> None:
        self._look_again = look_again

    def problem(self, pod: Obj) -> str | None:
        """As `Claims.problem`; None while it is asked for."""
        for volume, called in claims_by_volume(pod):
            at = f"{namespace(pod)}/{called}"
            why = self._known.get(at)
            if why == "":
                continue
            self._wanted.setdefault(at, set()).add(key(pod))
            self._wake.set()
            return None if why is None else unmounted(pod, volume, called, why)
        return ""

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._wanted:
                for at, pods in list(self._wanted.items()):
                    await self._see_to(at, pods)
                if self._wanted:
                    await self._clock.sleep(_AGAIN)

    async def _see_to(self, at: str, pods: set[str]) -> None:
        space, _, called = at.partition("/")
        try:
            why = self._why(await self._client.get(CLAIMS, space, called), called)
        except NotFound:
            why = self._why(None, called)
        except (StatusError, OSError) as error:
            why = f"failed to fetch PVC from API server: {error}"
        new, self._known[at] = why != self._known.get(at), why
        there = {pod for pod in pods if self._pods.get(pod) is not None}
        if not why or not there:
            del self._wanted[at]
        else:
            self._wanted[at] = there
        if new:
            for pod in there:
                self._look_again(pod)

    def _why(self, claim: Obj | None, called: str) -> str:
        if claim is None:
            return f'failed to fetch PVC from API server: persistentvolumeclaims "{called}" not found'
        if is_deleting(claim):
            return "PVC is being deleted"
        return "" if is_bound(claim) else "PVC is not bound"
