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
from wherry.api.objects import Obj, is_deleting, key, labels, name, namespace, reference, uid
from wherry.api.options import STRATEGIC_PATCH, DeleteOptions
from wherry.api.resources import resource
from wherry.client.informer import Informers
from wherry.client.protocol import Client
from wherry.client.recorder import Recorder
from wherry.kit.clock import Clock
from wherry.kit.turns import turn
from wherry.rules.placing.scheduling.condition import failure_patch, preempted
from wherry.rules.placing.scheduling.decide import Bind, Unschedulable, decide
from wherry.rules.placing.scheduling.demand import PodInfo
from wherry.rules.placing.scheduling.setup import Setup, plain
from wherry.rules.placing.scheduling.snapshot import Snapshot
from wherry.scheduler.attempts import Attempts, has_ended, same_demand, scheduler_of
from wherry.scheduler.queue import SchedulingQueue
from wherry.scheduler.volumes import Prepared, VolumeBinder

log = logging.getLogger(__name__)

PODS = resource("pods")
NODES = resource("nodes")
NAMESPACES, BUDGETS = resource("namespaces"), resource("poddisruptionbudgets", "policy")
#: bindings written at a time
_PARALLEL = 64
#: decisions between two looks at the rest of the world
_BATCH = 32
#: plug-ins whose verdict may change when a pod leaves a node, or comes to one
_POD_GONE = frozenset(
    {"NodeResourcesFit", "NodePorts", "PodTopologySpread", "InterPodAffinity", "VolumeRestrictions", "NodeVolumeLimits"}
)
_POD_CAME = frozenset({"PodTopologySpread", "InterPodAffinity"})
_NAMESPACE_CHANGED = frozenset({"InterPodAffinity"})
#: without the node a domain may be gone that kept others from growing
_NODE_GONE = frozenset({"PodTopologySpread"})
#: the longest note of an event
_NOTE_LIMIT = 1024
#: of its events, by reason
_ACTIONS = {"Scheduled": "Binding", "FailedScheduling": "Scheduling", "Preempted": "Preempting"}
_NO_NAMESPACE: Obj = {"metadata": {}}


class Scheduler:
    """`setup`: the schedulerNames it serves, and how; `rng` breaks ties between equally good nodes."""

    def __init__(self, client: Client, informers: Informers, clock: Clock, rng: Random, setup: Setup | None = None) -> None:
        self._client = client
        setup = setup or plain()
        self._profiles = setup.profiles
        self._recorders = {name: Recorder(client, clock, name, actions=_ACTIONS) for name in setup.profiles}
        self._clock = clock
        self._pick = rng.randrange
        self._pods, self._nodes = informers.of(PODS), informers.of(NODES)
        self._namespaces, self._budgets = informers.of(NAMESPACES), informers.of(BUDGETS)
        self.snapshot = Snapshot()
        self._volumes = VolumeBinder(client, informers)
        self.snapshot.volumes = self._volumes.world
        self.snapshot.namespaces = lambda name: labels(self._namespaces.get(name) or _NO_NAMESPACE)
        self.snapshot.budgets = self._budgets.items
        self.queue = SchedulingQueue(setup.first_backoff, setup.max_backoff)
        self._assumed: dict[str, str] = {}
        #: pods that were promised a node which their status does not name yet
        self._preempting: set[str] = set()
        self._wake = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._writes = asyncio.Semaphore(_PARALLEL)
        self._tasks: set[asyncio.Task[None]] = set()
        self.attempts = Attempts()
        #: whether its handlers are at the informers: they stay when it is started again
        self._follows = False

    @property
    def idle(self) -> bool:
        """Nothing is being scheduled or written."""
        return self.queue.idle and not self._tasks and not self._wake.is_set() and all(r.idle for r in self._recorders.values())

    async def run(self) -> None:
        """Schedule until cancelled. May be called again after it raised."""
        await self._nodes.synced()
        await self._pods.synced()
        await self._namespaces.synced()
        await self._budgets.synced()
        await self._volumes.synced()
        if self._follows:
            self._begin_again()
        else:
            self._follows = True
            self._namespaces.add_handler(self._on_namespace, "scheduler")
            self._volumes.follow(self._wake_pod, self._wake_plugins)
            self._nodes.add_handler(self._on_node, "scheduler")
            self._pods.add_handler(self._on_pod, "scheduler")
        try:
            async with asyncio.TaskGroup() as group:
                for name, recorder in self._recorders.items():
                    group.create_task(recorder.run(), name=f"{name} events")
                group.create_task(self._loop(), name="scheduler loop")
        finally:
            await self._stop()

    def _begin_again(self) -> None:
        """What was being bound or reported when the last run ended is looked at anew; the handlers kept all else."""
        for at in list(self._assumed):
            pod = self._pods.get(at)
            del self._assumed[at]
            if pod is None or not pod["spec"].get("nodeName"):
                self.snapshot.remove_pod(at)
        self._preempting.clear()
        now = self._clock.now()
        for pod in list(self._pods.items()):
            if not pod["spec"].get("nodeName"):
                self.queue.remove(key(pod))
                self._unplaced(None, pod)
        self.queue.wake(now)
        self._wake.set()

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

    def _on_namespace(self, old: Obj | None, new: Obj | None) -> None:
        """Which pods a namespaceSelector means may have changed."""
        if labels(old or _NO_NAMESPACE) != labels(new or _NO_NAMESPACE):
            self.snapshot.tallies.forget()
            self._wake_plugins(_NAMESPACE_CHANGED)

    def _on_node(self, old: Obj | None, new: Obj | None) -> None:
        if new is None:
            if old is not None:
                self.snapshot.remove_node(name(old))
                self._wake_plugins(_NODE_GONE)
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
        left = self.snapshot.remove_pod(at)
        left = self.snapshot.break_promise(at) or left
        if left and self.queue.wake(self._clock.now(), _POD_GONE):
            self._wake.set()

    def _placed(self, old: Obj | None, pod: Obj) -> None:
        at = key(pod)
        self._assumed.pop(at, None)
        if has_ended(pod):
            self._gone(at)
            return
        known = self.snapshot.pod(at)
        node = pod["spec"]["nodeName"]
        if known is not None and old is not None and self.snapshot.node_of(at) == node and same_demand(known.pod, pod):
            known.pod = pod
            return
        self.queue.remove(at)
        self.snapshot.put_pod(self.snapshot.demands.info(pod), node)
        if self.queue.wake(self._clock.now(), _POD_CAME if known is None else _POD_CAME | _POD_GONE):
            self._wake.set()

    def _unplaced(self, old: Obj | None, pod: Obj) -> None:
        spec, at = pod["spec"], key(pod)
        if at in self._assumed and self._assumed[at] == uid(pod):
            return
        profile = self._profiles.get(scheduler_of(pod))
        if profile is None or (profile.gates and spec.get("schedulingGates")) or is_deleting(pod) or has_ended(pod):
            self._gone(at)
            return
        self._keep_promise(pod)
        if old is None or at not in self.queue or uid(old) != uid(pod) or not same_demand(old, pod):
            self.queue.add(self.snapshot.demands.info(pod), self._clock.now())
            self._wake.set()

    def _keep_promise(self, pod: Obj) -> None:
        """What the pod's status says of the node it is to get."""
        node = (pod.get("status") or {}).get("nominatedNodeName")
        if node:
            self.snapshot.promise(self.snapshot.demands.info(pod), node)
        elif self.snapshot.nominated and key(pod) not in self._preempting:
            self.snapshot.break_promise(key(pod))

    # --- the loop ---
    async def _drain(self) -> None:
        count = 0
        self.queue.wake_stale(self._clock.now())
        while (info := self.queue.pop(self._clock.now())) is not None:
            self._try(info)
            await turn()
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

    def _try(self, info: PodInfo) -> None:
        """A pod about which nothing can be decided holds up no other: it comes again after its back-off."""
        try:
            self._schedule(info)
        except Exception as error:
            log.exception("scheduling %s failed", info.key)
            self.attempts.end("error", info.pod)
            if info.key in self._assumed:
                self._not_bound(info, error)
            else:
                self.queue.retry(info.key, self._clock.now())

    def _schedule(self, info: PodInfo) -> None:
        profile = self._profiles[scheduler_of(info.pod)]
        info.pod = self._latest(info)
        begun = self._clock.steady()
        decision = decide(info, self.snapshot, self._pick, profile)
        self.attempts.decided.add(self._clock.steady() - begun)
        if isinstance(decision, Bind):
            self.snapshot.put_pod(info, decision.node)
            self._assumed[info.key] = info.uid
            volumes = self._volumes.assume(info, decision.node, self.snapshot) if profile.binds_volumes else None
            self._spawn(self._bind(info, decision.node, volumes, profile.bind_timeout))
            return
        self.attempts.end("unschedulable", info.pod)
        self.queue.park(info.key, {r.plugin for r in decision.diagnosis.values()}, self._clock.now())
        outdone = self._promise(info, decision)
        self._spawn(self._report(info, decision, outdone))

    def _latest(self, info: PodInfo) -> Obj:
        """The pod with the status it has now; what was demanded is what was queued."""
        pod = self._pods.get(info.key)
        return pod if pod is not None and uid(pod) == info.uid and same_demand(pod, info.pod) else info.pod

    def _promise(self, info: PodInfo, decision: Unschedulable) -> list[PodInfo]:
        """The node is promised to the pod from now on; gives less important pods that it was promised to."""
        if decision.nominated == "":
            self.snapshot.break_promise(info.key)
        if not decision.nominated:
            return []
        there = self.snapshot.nominated.get(decision.nominated) or {}
        outdone = [p for p in there.values() if p.demand.priority < info.demand.priority]
        for pod in outdone:
            self.snapshot.break_promise(pod.key)
        self.snapshot.promise(info, decision.nominated)
        self._preempting.add(info.key)
        return outdone

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work, name="scheduler write")
        self._tasks.add(task)
        task.add_done_callback(self._wrote)

    def _wrote(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a write of the scheduler failed", exc_info=error)

    # --- writes ---
    async def _bind(self, info: PodInfo, node: str, volumes: Prepared | None, timeout: float) -> None:
        meta = {"name": name(info.pod), "namespace": namespace(info.pod), "uid": info.uid}
        binding = {"apiVersion": "v1", "kind": "Binding", "metadata": meta, "target": {"kind": "Node", "name": node}}
        try:
            if volumes is not None:
                await self._prepare_volumes(info, node, volumes, timeout)
            async with self._writes:
                # the node may begin before this hears that the pod is bound, and tell of it
                moment = self._recorders[scheduler_of(info.pod)].moment()
                await self._client.create(PODS, meta["namespace"], binding, name=meta["name"], subresource="binding")
        except Exception as error:
            if not isinstance(error, StatusError | OSError):
                log.exception("binding %s failed", info.key)
            self.attempts.end("error", info.pod)
            self._not_bound(info, error)
            return
        self.attempts.end("scheduled", info.pod)
        self.queue.remove(info.key, info.uid)
        note = f"Successfully assigned {meta['namespace']}/{meta['name']} to {node}"
        self._recorders[scheduler_of(info.pod)].event(info.pod, "Normal", "Scheduled", note, moment=moment)

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

    def _tell(self, info: PodInfo, about: Obj, type_: str, reason: str, note: str) -> None:
        """In the name of the scheduler that the pod names."""
        self._recorders[scheduler_of(info.pod)].event(about, type_, reason, note)

    async def _prepare_volumes(self, info: PodInfo, node: str, volumes: Prepared, timeout: float) -> None:
        try:
            await self._volumes.prepare(info, node, volumes, timeout)
        except StatusError as error:
            note = f'running PreBind plugin "VolumeBinding": {error.message}'
            self._tell(info, info.pod, "Warning", "FailedScheduling", note[:_NOTE_LIMIT])
            raise

    async def _report(self, info: PodInfo, decision: Unschedulable, outdone: list[PodInfo]) -> None:
        """The event, the condition, and the victims' end; the promises that no longer stand."""
        note = decision.message
        if len(note) > _NOTE_LIMIT:
            note = note[: _NOTE_LIMIT - 4] + " ..."
        self._tell(info, info.pod, "Warning", "FailedScheduling", note)
        pod = self._pods.get(info.key) or info.pod
        if uid(pod) != info.uid:
            return
        patch = failure_patch(pod, decision.message, timestamps.time(self._clock.now()), decision.nominated)
        try:
            async with self._writes:
                if patch is not None:
                    await self._client.patch(PODS, namespace(pod), name(pod), patch, STRATEGIC_PATCH, subresource="status")
                for victim in decision.victims:
                    await self._evict(victim, info, decision.nominated or "")
                for other in outdone:
                    await self._take_back(other)
        except NotFound:
            return  # the pod went meanwhile
        except (StatusError, OSError) as error:
            log.warning("status of %s not written: %s", info.key, error)
        finally:
            self._preempting.discard(info.key)

    async def _take_back(self, info: PodInfo) -> None:
        """The pod's node was promised to a more important one: it is to look for another."""
        patch = {"status": {"nominatedNodeName": None}}
        try:
            await self._client.patch(PODS, namespace(info.pod), name(info.pod), patch, STRATEGIC_PATCH, subresource="status")
        except NotFound:
            return  # it went by itself
        self._wake_pod(info.key)

    async def _evict(self, victim: PodInfo, winner: PodInfo, node: str) -> None:
        pod = victim.pod
        if is_deleting(pod):
            return
        patch = {"status": {"conditions": [preempted(scheduler_of(winner.pod), timestamps.time(self._clock.now()))]}}
        try:
            await self._client.patch(PODS, namespace(pod), name(pod), patch, STRATEGIC_PATCH, subresource="status")
            await self._client.delete(PODS, namespace(pod), name(pod), DeleteOptions(uid=victim.uid))
        except NotFound:
            return  # it went by itself
        self._tell(winner, reference(pod), "Normal", "Preempted", f"Preempted by pod {winner.uid} on node {node}")
