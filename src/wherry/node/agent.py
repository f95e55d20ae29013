"""The node agent: speaks for a number of nodes, and runs the pods bound to them on one runtime.

Built by the cluster (`SimulatedNodes`), or alone over any API server. It registers its nodes, renews their leases and statuses, keeps a
worker per pod and writes the statuses these come to. Invariant: a pod has at most one worker; a worker whose pod is gone is closed.
Source of the rule: pkg/kubelet (kubelet.go syncLoop, kubelet_node_status.go, nodelease); https://kubernetes.io/docs/concepts/architecture/nodes/.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from wherry.api import timestamps
from wherry.api.objects import Obj, is_deleting, key, uid
from wherry.client.informer import Informers
from wherry.client.protocol import Client
from wherry.client.recorder import Recorder
from wherry.kit.clock import Clock
from wherry.node.addresses import PodAddresses
from wherry.node.claims import Claims
from wherry.node.events import PodEvents
from wherry.node.heartbeat import Heartbeat, Together
from wherry.node.runtime import Runtime
from wherry.node.worker import PodWorker
from wherry.node.writer import PODS, StatusWriter
from wherry.rules.kubelet.node_object import NodeSpec
from wherry.rules.kubelet.status import Place

_ENDED = ("Succeeded", "Failed")


class NodeAgent:
    """`full`: statuses as the kubelet writes them for real containers; `routine_events`: also what goes well is an event."""

    def __init__(self, client: Client, informers: Informers, clock: Clock, runtime: Runtime, nodes: Sequence[NodeSpec], *,
                 full: bool = True, routine_events: bool = True, pod_network: str = "10.244.0.0/16") -> None:
        self.clock = clock
        self.runtime = runtime
        self.full = full
        self._routine = routine_events
        self._pods = informers.of(PODS)
        self._recorder = Recorder(client, clock, "kubelet")
        self._nodes = {spec.name: spec for spec in nodes}
        self._silent: set[str] = set()
        self._cut: set[str] = set()
        #: seconds by which a node's own clock is ahead
        self.skew: dict[str, float] = {}
        self._workers: dict[str, PodWorker] = {}
        self._addresses = PodAddresses(pod_network)
        self._claims = Claims(informers)
        self._writer = StatusWriter(client, self._pods, clock, full=full)
        self._heartbeat = Heartbeat(client, clock, nodes, Together(self._silent, self._cut), self.skew)

    @property
    def idle(self) -> bool:
        """No status waits to be written (timers of containers may run)."""
        return self._writer.idle and self._recorder.idle

    @property
    def node_names(self) -> list[str]:
        return list(self._nodes)

    async def run(self) -> None:
        """Register the nodes, then run their pods until cancelled."""
        await self._heartbeat.register()
        await self._pods.synced()
        await self._claims.synced()
        self._reserve_addresses()
        self._pods.add_handler(self._on_pod)
        self._claims.follow(self._try_again)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._heartbeat.run())
                group.create_task(self._writer.run())
                group.create_task(self._recorder.run())
        finally:
            for worker in self._workers.values():
                worker.close()

    # --- faults ---
    def fail(self, node: str) -> None:
        """The node falls silent: no heartbeat, nothing happens to its pods, as when its machine is off."""
        self._silent.add(node)
        for worker in [w for w in self._workers.values() if w.node == node]:
            self._forget(worker)

    def recover(self, node: str) -> None:
        """The node is back, with its containers as the pods' statuses say."""
        self._silent.discard(node)
        self._heartbeat.post_soon(node)
        for pod in list(self._pods.items()):
            if pod["spec"].get("nodeName") == node:
                self._on_pod(None, pod)

    def cut(self, node: str) -> None:
        """The node's network is cut: its pods run on, but it says nothing and hears nothing."""
        self._cut.add(node)

    def heal(self, node: str) -> None:
        """The network is back: the node hears what happened meanwhile, and says what did."""
        if node not in self._cut:
            return
        self._cut.discard(node)
        self._heartbeat.post_soon(node)
        there = {uid(pod): pod for pod in self._pods.items() if pod["spec"].get("nodeName") == node}
        for worker in [w for w in self._workers.values() if w.node == node]:
            if worker.uid in there:
                self.status_changed(worker)
            else:
                self._forget(worker)
                self._addresses.give_back(worker.place.pod_ip)
        for pod in there.values():
            self._on_pod(None, pod)

    # --- pods ---
    def worker_of(self, pod: Obj) -> PodWorker | None:
        return self._workers.get(uid(pod))

    def status_changed(self, worker: PodWorker) -> None:
        if worker.node not in self._cut:
            self._writer.put(worker)

    def _on_pod(self, old: Obj | None, new: Obj | None) -> None:
        if self._cut and ((new or old or {})["spec"].get("nodeName") in self._cut):
            return
        if old is not None and (new is None or uid(new) != uid(old)):
            gone = self._workers.get(uid(old))
            if gone is not None:
                self._forget(gone)
                self._addresses.give_back(gone.place.pod_ip)
        if new is not None:
            node = new["spec"].get("nodeName")
            if node in self._nodes and node not in self._silent:
                self._run_pod(new, node)

    def _run_pod(self, pod: Obj, node: str) -> None:
        worker = self._workers.get(uid(pod))
        if worker is not None:
            worker.update(pod)
            return
        if (pod.get("status") or {}).get("phase") in _ENDED and not is_deleting(pod):
            return
        events = PodEvents(self._recorder, pod, node, routine=self._routine)
        missing = "" if is_deleting(pod) or (pod.get("status") or {}).get("containerStatuses") else self._claims.problem(pod)
        if missing:
            events.pod("Warning", "FailedMount", missing)
            self.clock.call_later(10.0, self._try_again, key(pod))
            return
        place = self._place(pod, self._nodes[node])
        if not place.pod_ip:
            message = "Failed to create pod sandbox: no pod address is free"
            events.pod("Warning", "FailedCreatePodSandBox", message)
            self.clock.call_later(10.0, self._try_again, key(pod))
            return
        worker = self._workers[uid(pod)] = PodWorker(self, pod, node, place, events)
        worker.begin()

    def _try_again(self, at: str) -> None:
        pod = self._pods.get(at)
        if pod is not None:
            self._on_pod(None, pod)

    def _forget(self, worker: PodWorker) -> None:
        worker.close()
        self.runtime.remove(worker.pod)
        self._workers.pop(worker.uid, None)

    # --- places ---
    def _place(self, pod: Obj, node: NodeSpec) -> Place:
        status = pod.get("status") or {}
        started = timestamps.parse(status["startTime"]) if status.get("startTime") else self.clock.now()
        if pod["spec"].get("hostNetwork"):
            return Place(node.internal_ip, node.internal_ip, started)
        return Place(node.internal_ip, status.get("podIP") or self._addresses.take(), started)

    def _reserve_addresses(self) -> None:
        """Pods that run from before keep theirs."""
        for pod in self._pods.items():
            address = (pod.get("status") or {}).get("podIP")
            if address and pod["spec"].get("nodeName") in self._nodes:
                self._addresses.reserve(address)
