"""What pods refer to, read when it is needed: ConfigMaps, Secrets, and for real containers the Services.

Used by the node agent for its workers. One read at a time takes all that waits; what cannot be read now is asked for again until it can, so
a pod waits for the API as the kubelet does. Objects are not kept: pods are started seldom, and Secrets are nobody's business in between.
Source of the rule: pkg/kubelet/configmap, pkg/kubelet/secret (managers), kubelet_pods.go getServiceEnvVarMap.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable

from wherry.api.errors import NotFound, StatusError
from wherry.api.objects import Obj
from wherry.api.resources import resource
from wherry.client.informer import Informer
from wherry.client.protocol import Client
from wherry.kit import eager
from wherry.rules.pods.kubelet.references import Found, Ref
from wherry.rules.pods.kubelet.service_variables import service_variables

log = logging.getLogger(__name__)

_RESOURCES = {name: resource(name) for name in ("configmaps", "secrets")}
_RETRY_AFTER = 1.0
_PARALLEL = 32

_Waiting = tuple[str, tuple[Ref, ...], Callable[[Found], None]]


class Reading:
    """`services`: an informer of all Services, for runtimes that start programs."""

    def __init__(self, client: Client, services: Informer | None = None) -> None:
        self._client = client
        self._services = services
        self._queue: deque[_Waiting] = deque()
        self._wake = asyncio.Event()
        self._busy = False

    @property
    def idle(self) -> bool:
        return not self._queue and not self._busy

    def put(self, namespace: str, refs: tuple[Ref, ...], then: Callable[[Found], None]) -> None:
        """`then` is called with what there is, once all of it could be read."""
        self._queue.append((namespace, refs, then))
        self._wake.set()

    async def run(self) -> None:
        """Read until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                self._busy = True
                batch = [self._queue.popleft() for _ in range(min(len(self._queue), _PARALLEL))]
                for outcome in await eager.gather([self._serve(*entry) for entry in batch]):
                    if outcome is not None:
                        raise outcome
                self._busy = False

    def service_variables(self, namespace: str, links: bool) -> dict[str, str]:
        return service_variables(self._services.items(), namespace, links) if self._services is not None else {}

    async def now(self, namespace: str, refs: tuple[Ref, ...]) -> Found:
        """What there is. Raises StatusError, OSError."""
        return {ref: await self._read(namespace, ref) for ref in refs}

    async def _serve(self, namespace: str, refs: tuple[Ref, ...], then: Callable[[Found], None]) -> None:
        try:
            found = await self.now(namespace, refs)
        except (StatusError, OSError) as error:
            log.info("what pods in %s refer to cannot be read: %s", namespace, error)
            asyncio.get_running_loop().call_later(_RETRY_AFTER, self.put, namespace, refs, then)
            return
        then(found)

    async def _read(self, namespace: str, ref: Ref) -> Obj | None:
        try:
            return await self._client.get(_RESOURCES[ref.resource], namespace, ref.name)
        except NotFound:
            return None
