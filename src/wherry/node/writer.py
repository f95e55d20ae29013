"""Writes the statuses of pods, many at a time, each only when it says something new; and the last delete of pods that ended.

Used by the node agent. A worker is queued at most once, and its status is worked out when its turn comes: changes in between are one
write. Invariant: the last status a worker has is written sooner or later, unless the pod is gone.
Source of the rule: pkg/kubelet/status/status_manager.go.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque

from wherry.api.errors import Conflict, NotFound, StatusError
from wherry.api.objects import Obj, name, namespace, uid
from wherry.api.options import DeleteOptions
from wherry.api.resources import resource
from wherry.client.informer import Informer
from wherry.client.protocol import Client
from wherry.kit import eager
from wherry.kit.clock import Clock
from wherry.node.worker import PodWorker
from wherry.rules.pods.kubelet.static_pods import pod_id

log = logging.getLogger(__name__)

PODS = resource("pods")
_PARALLEL = 32
#: seconds before a write that failed is tried again
_RETRY_AFTER = 1.0


def _awaited(metadata: Obj) -> bool:
    """Whether somebody may wait for how a pod ended: a finalizer's owner, or whoever made a pod by hand."""
    return bool(metadata.get("finalizers")) or not metadata.get("ownerReferences")


class StatusWriter:
    """`ends`: a pod that is to go gets its containers' ends written before it is deleted (else only if something waits for them)."""

    def __init__(self, client: Client, pods: Informer, clock: Clock, *, ends: bool) -> None:
        self._client = client
        self._pods = pods
        self._clock = clock
        self._ends = ends
        self._queue: deque[PodWorker] = deque()
        self._wake = asyncio.Event()
        self._busy = 0

    @property
    def idle(self) -> bool:
        return not self._queue and not self._busy

    def put(self, worker: PodWorker) -> None:
        if not worker.queued:
            worker.queued = True
            self._queue.append(worker)
            self._wake.set()

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                batch = [self._queue.popleft() for _ in range(min(len(self._queue), _PARALLEL))]
                self._busy = len(batch)
                for outcome in await eager.gather([self._serve(worker) for worker in batch]):
                    if outcome is not None:
                        raise outcome
                self._busy = 0

    async def _serve(self, worker: PodWorker) -> None:
        worker.queued = False
        try:
            await self._write(worker)
        except NotFound:
            return  # the pod went meanwhile
        except (StatusError, OSError) as error:
            log.info("status of %s not written: %s", worker.key, error)
            self._clock.call_later(_RETRY_AFTER, self.put, worker)
        except Exception:
            # a fault of ours about one pod: the others are written, and this one comes again
            log.exception("status of %s not written", worker.key)
            self._clock.call_later(_RETRY_AFTER, self.put, worker)

    async def _write(self, worker: PodWorker) -> None:
        pod = self._pods.get(worker.key) or worker.pod
        while pod_id(pod) == worker.uid:
            try:
                await self._write_onto(worker, pod)
                return
            except Conflict:
                pod = await self._client.get(PODS, namespace(pod), name(pod))
                self._pods.absorb(pod)

    async def _write_onto(self, worker: PodWorker, pod: Obj) -> None:
        last = worker.finished and "deletionTimestamp" in pod["metadata"]
        if not last or self._ends or _awaited(pod["metadata"]):
            status = worker.status(pod)
            if status != pod.get("status"):
                written = await self._client.update(PODS, {**pod, "status": status}, subresource="status")
                self._pods.absorb(written)
        if last:
            options = DeleteOptions(grace_period_seconds=0, uid=uid(pod))
            await self._client.delete(PODS, namespace(pod), name(pod), options)
