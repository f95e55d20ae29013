"""The scheduler: watches pods and nodes, decides with `rules.scheduling`, writes a binding per pod.

Built by the cluster on shared informers, or alone over any API server (start the informers, then `run`). One loop takes pods off the
queue; a decision is assumed in the snapshot at once, the binding is written beside it. Invariant: a pod is counted on its node from the
decision on, and no longer when the binding failed, the pod ended or went.
Source of the rule: pkg/scheduler/schedule_one.go, eventhandlers.go.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from random import Random
from typing import Any

from wherry.api import timestamps
from wherry.api.errors import NotFound, StatusError
from wherry.api.objects import Obj, is_deleting, key, name, namespace, reference, uid
from wherry.api.options import STRATEGIC_PATCH, DeleteOptions
from wherry.api.resources import resource
from wherry.client.informer import Informers
from wherry.client.protocol import Client
from wherry.client.recorder import Recorder
from wherry.kit.clock import Clock
from wherry.rules.scheduling.condition import failure_patch, preempted
from wherry.rules.scheduling.decide import Bind, Unschedulable, decide
from wherry.rules.scheduling.demand import PodInfo
from wherry.rules.scheduling.snapshot import Snapshot
from wherry.scheduler.queue import SchedulingQueue
from wherry.scheduler.volumes import Prepared, VolumeBinder

log = logging.getLogger(__name__)

PODS = resource("pods")
NODES = resource("nodes")
DEFAULT_SCHEDULER = "default-scheduler"
#: bindings written at a time
_PARALLEL = 64
#: decisions between two looks at the rest of the world
_BATCH = 32
#: plug-ins whose verdict may change when a pod leaves a node, or comes to one
_POD_GONE = frozenset(
    {"NodeResourcesFit", "NodePorts", "PodTopologySpread", "InterPodAffinity", "VolumeRestrictions", "NodeVolumeLimits"}
)
_POD_CAME = frozenset({"PodTopologySpread", "InterPodAffinity"})
#: the longest note of an event
_NOTE_LIMIT = 1024


def _ended(pod: Obj) -> bool:
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


class Scheduler:
    """`name` is the schedulerName it serves; `rng` breaks ties between equally good nodes."""

    def __init__(self, client: Client, informers: Informers, clock: Clock, rng: Random, *, name: str = DEFAULT_SCHEDULER) -> None:
        self._client = client
        self._recorder = Recorder(client, clock, name)
        self._clock = clock
        self._pick = rng.randrange
        self._name = name
        self._pods, self._nodes = informers.of(PODS), informers.of(NODES)
        self.snapshot = Snapshot()
        self._volumes = VolumeBinder(client, informers)
        self.snapshot.volumes = self._volumes.world
        self.queue = SchedulingQueue()
        self._assumed: dict[str, str] = {}
        self._wake = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._writes = asyncio.Semaphore(_PARALLEL)
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def idle(self) -> bool:
        """Nothing is being scheduled or written."""
        return self.queue.idle and not self._tasks and not self._wake.is_set() and self._recorder.idle

    async def run(self) -> None:
        """Schedule until cancelled."""
        await self._nodes.synced()
        await self._pods.synced()
        await self._volumes.synced()
        self._volumes.follow(self._wake_pod, self._wake_plugins)
        self._nodes.add_handler(self._on_node)
        self._pods.add_handler(self._on_pod)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._recorder.run(), name=f"{self._name} events")
                group.create_task(self._loop(), name=f"{self._name} loop")
        finally:
            await self._stop()

    async def _loop(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._drain()
            self._set_timer()

    async def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- what changes ---
    def _wake_pod(self, at: str) -> None:
        if self.queue.wake_one(at, self._clock.now()):
            self._wake.set()

    def _wake_plugins(self, plugins: frozenset[str]) -> None:
        if self.queue.wake(self._clock.now(), plugins):
            self._wake.set()

    def _on_node(self, old: Obj | None, new: Obj | None) -> None:
        if new is None:
            if old is not None:
                self.snapshot.remove_node(name(old))
        elif self.snapshot.set_node(new):
            self.queue.wake(self._clock.now())
            self._wake.set()

    def _on_pod(self, old: Obj | None, new: Obj | None) -> None:
        if new is None:
            if old is not None:
                self._gone(key(old))
        elif new["spec"].get("nodeName"):
            self._placed(old, new)
        else:
            self._unplaced(old, new)

    def _gone(self, at: str) -> None:
        self.queue.remove(at)
        self._assumed.pop(at, None)
        if self.snapshot.remove_pod(at) and self.queue.wake(self._clock.now(), _POD_GONE):
            self._wake.set()

    def _placed(self, old: Obj | None, pod: Obj) -> None:
        at = key(pod)
        self._assumed.pop(at, None)
        if _ended(pod):
            self._gone(at)
            return
        known = self.snapshot.pod(at)
        node = pod["spec"]["nodeName"]
        if known is not None and old is not None and self.snapshot.node_of(at) == node and _same_demand(known.pod, pod):
            known.pod = pod
            return
        self.queue.remove(at)
        self.snapshot.put_pod(self.snapshot.demands.info(pod), node)
        if self.queue.wake(self._clock.now(), _POD_CAME):
            self._wake.set()

    def _unplaced(self, old: Obj | None, pod: Obj) -> None:
        spec, at = pod["spec"], key(pod)
        if at in self._assumed and self._assumed[at] == uid(pod):
            return
        ours = (spec.get("schedulerName") or DEFAULT_SCHEDULER) == self._name
        if not ours or spec.get("schedulingGates") or is_deleting(pod) or _ended(pod):
            self.queue.remove(at)
        elif old is None or at not in self.queue or uid(old) != uid(pod) or not _same_demand(old, pod):
            self.queue.add(self.snapshot.demands.info(pod), self._clock.now())
            self._wake.set()

    # --- the loop ---
    async def _drain(self) -> None:
        count = 0
        self.queue.wake_stale(self._clock.now())
        while (info := self.queue.pop(self._clock.now())) is not None:
            self._schedule(info)
            count += 1
            if count % _BATCH == 0:
                await asyncio.sleep(0)

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self.queue.due()
        if due is not None:
            self._timer = self._clock.call_later(max(due - self._clock.now(), 0.0), self._wake.set)

    def _schedule(self, info: PodInfo) -> None:
        decision = decide(info, self.snapshot, self._pick)
        if isinstance(decision, Bind):
            self.snapshot.put_pod(info, decision.node)
            self._assumed[info.key] = info.uid
            self._spawn(self._bind(info, decision.node, self._volumes.assume(info, decision.node, self.snapshot)))
        else:
            self.queue.park(info.key, {r.plugin for r in decision.diagnosis.values()}, self._clock.now())
            self._spawn(self._report(info, decision))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- writes ---
    async def _bind(self, info: PodInfo, node: str, volumes: Prepared | None) -> None:
        meta = {"name": name(info.pod), "namespace": namespace(info.pod), "uid": info.uid}
        binding = {"apiVersion": "v1", "kind": "Binding", "metadata": meta, "target": {"kind": "Node", "name": node}}
        try:
            if volumes is not None:
                await self._prepare_volumes(info, node, volumes)
            async with self._writes:
                await self._client.create(PODS, meta["namespace"], binding, name=meta["name"], subresource="binding")
        except (StatusError, OSError) as error:
            self._not_bound(info, error)
            return
        self.queue.remove(info.key, info.uid)
        self._recorder.event(info.pod, "Normal", "Scheduled", f"Successfully assigned {meta['namespace']}/{meta['name']} to {node}")

    def _not_bound(self, info: PodInfo, error: Exception) -> None:
        """Take the assumption back, unless the pod has moved on meanwhile; try again later unless it is gone."""
        if self._assumed.get(info.key) != info.uid:
            return
        del self._assumed[info.key]
        self._volumes.forget(info)
        self.snapshot.remove_pod(info.key)
        if isinstance(error, NotFound):
            self.queue.remove(info.key, info.uid)
        else:
            self.queue.retry(info.key, self._clock.now())
        self._wake.set()
        log.info("binding %s failed: %s", info.key, error)

    async def _prepare_volumes(self, info: PodInfo, node: str, volumes: Prepared) -> None:
        try:
            await self._volumes.prepare(info, node, volumes)
        except StatusError as error:
            note = f'running PreBind plugin "VolumeBinding": {error.message}'
            self._recorder.event(info.pod, "Warning", "FailedScheduling", note[:_NOTE_LIMIT])
            raise

    async def _report(self, info: PodInfo, decision: Unschedulable) -> None:
        """The event, the condition, and the victims' end."""
        note = decision.message
        if len(note) > _NOTE_LIMIT:
            note = note[: _NOTE_LIMIT - 4] + " ..."
        self._recorder.event(info.pod, "Warning", "FailedScheduling", note)
        pod = self._pods.get(info.key) or info.pod
        if uid(pod) != info.uid:
            return
        patch = failure_patch(pod, decision.message, timestamps.time(self._clock.now()), decision.nominated)
        try:
            async with self._writes:
                if patch is not None:
                    await self._client.patch(PODS, namespace(pod), name(pod), patch, STRATEGIC_PATCH, subresource="status")
                for victim in decision.victims:
                    await self._evict(victim, info, decision.nominated)
        except NotFound:
            return  # the pod went meanwhile
        except (StatusError, OSError) as error:
            log.warning("status of %s not written: %s", info.key, error)

    async def _evict(self, victim: PodInfo, winner: PodInfo, node: str) -> None:
        pod = victim.pod
        if is_deleting(pod):
            return
        patch = {"status": {"conditions": [preempted(self._name, timestamps.time(self._clock.now()))]}}
        try:
            await self._client.patch(PODS, namespace(pod), name(pod), patch, STRATEGIC_PATCH, subresource="status")
            await self._client.delete(PODS, namespace(pod), name(pod), DeleteOptions(uid=victim.uid))
        except NotFound:
            return  # it went by itself
        self._recorder.event(reference(pod), "Normal", "Preempted", f"Preempted by pod {winner.uid} on node {node}")


def _same_demand(old: Obj, new: Obj) -> bool:
    """Nothing that a decision reads changed between two versions of a pod."""
    a, b = old["metadata"], new["metadata"]
    if a.get("uid") != b.get("uid") or a.get("labels") != b.get("labels") or ("deletionTimestamp" in a) != ("deletionTimestamp" in b):
        return False
    return {**old["spec"], "nodeName": ""} == {**new["spec"], "nodeName": ""}
