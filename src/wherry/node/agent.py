"""The node agent: speaks for a number of nodes, and runs the pods bound to them, each node's on its runtime.

Built by the cluster (`SimulatedNodes`), or alone over any API server. It registers its nodes, renews their leases and statuses, keeps a
worker per pod and writes the statuses these come to. Invariant: a pod has at most one worker; a worker whose pod is gone is closed.
Source of the rule: pkg/kubelet (kubelet.go syncLoop, kubelet_node_status.go, nodelease); https://kubernetes.io/docs/concepts/architecture/nodes/.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from wherry.api import timestamps
from wherry.api.objects import Obj, is_deleting, namespace, uid
from wherry.client.informer import Informer, Informers
from wherry.client.protocol import Client
from wherry.client.recorder import Recorder
from wherry.kit.clock import Clock
from wherry.node import resizing
from wherry.node.claims import Claims, ClaimsOfPods
from wherry.node.events import PodEvents
from wherry.node.heartbeat import Heartbeat, Together
from wherry.node.reading import Reading
from wherry.node.runtime import Runtime
from wherry.node.worker import PodWorker
from wherry.node.writer import PODS, StatusWriter
from wherry.rules.pods.kubelet import resize
from wherry.rules.pods.kubelet.container import Running
from wherry.rules.pods.kubelet.field_values import Setting
from wherry.rules.pods.kubelet.node_object import NodeSpec
from wherry.rules.pods.kubelet.references import Found, Ref
from wherry.rules.pods.kubelet.resize import Refusal
from wherry.rules.pods.kubelet.static_pods import pod_id
from wherry.rules.pods.kubelet.status import Place, Verdict

_ENDED = ("Succeeded", "Failed")


def _at_once(pod: Obj, then: Callable[[], None]) -> None:
    """Nobody leads traffic to pods."""
    then()


_NO_OTHERS: Mapping[str, Runtime] = {}


class NodeAgent:
    """`full`: statuses as the kubelet writes them; `routine_events`: also what goes well is an event.

    `runtime`: of all nodes but those in `runtimes`, by name. `write_ends`: a pod that is to go gets its containers' ends written before it
    is deleted (else only if somebody may wait for them). `services`: of all Services, for runtimes that start programs. `pods`, `claims`:
    for an agent that may not list all there are.
    """

    def __init__(self, client: Client, informers: Informers, clock: Clock, runtime: Runtime, nodes: Sequence[NodeSpec], *,
                 runtimes: Mapping[str, Runtime] = _NO_OTHERS, full: bool = True, routine_events: bool = True,
                 write_ends: bool = True, services: Informer | None = None, pods: Informer | None = None,
                 claims: ClaimsOfPods | None = None) -> None:
        self.clock = clock
        self.runtime = runtime
        #: called for a pod that is deleted, before anything of it is told to end: it calls back when no new traffic comes to the pod any
        #: more. Set by whoever leads traffic to pods
        self.drain: Callable[[Obj, Callable[[], None]], None] = _at_once
        self.full = full
        self._runtimes = runtimes
        self._routine = routine_events
        self._pods = pods if pods is not None else informers.of(PODS)
        self._recorder = Recorder(client, clock, "kubelet")
        self._nodes = {spec.name: spec for spec in nodes}
        self._silent: set[str] = set()
        self._cut: set[str] = set()
        #: whether its handlers are at the informers: they stay when it is started again
        self._follows = False
        #: every node has its object
        self.registered = asyncio.Event()
        #: does this pod show one that runs whatever becomes of it (a static pod)?
        self.stands: Callable[[Obj | None], bool] = lambda pod: False
        #: whether pods that are new, or changed, are looked at
        self.takes_pods = True
        #: seconds by which a node's own clock is ahead
        self.skew: dict[str, float] = {}
        self._workers: dict[str, PodWorker] = {}
        #: the few of them whose pods ask for other resources than they have, by uid, in the order in which they began to
        self._resizing: dict[str, PodWorker] = {}
        self._claims: ClaimsOfPods = claims if claims is not None else Claims(informers)
        self._reading = Reading(client, services)
        self._writer = StatusWriter(client, self._pods, clock, ends=write_ends)
        self._heartbeat = Heartbeat(client, clock, nodes, Together(self._silent, self._cut), self.skew)

    @property
    def idle(self) -> bool:
        """No status waits to be written (timers of containers may run)."""
        return self._writer.idle and self._recorder.idle and self._reading.idle

    @property
    def node_names(self) -> list[str]:
        return list(self._nodes)

    def add_node(self, spec: NodeSpec) -> None:
        """One more, before `run`."""
        self._nodes[spec.name] = spec
        self._heartbeat.add(spec)

    def place_node(self, spec: NodeSpec) -> None:
        """More is known of a node, before `run`."""
        self._nodes[spec.name] = spec
        self._heartbeat.change(spec)

    def runtime_of(self, node: str) -> Runtime:
        return self._runtimes.get(node, self.runtime)

    async def run(self) -> None:
        """Register the nodes, then run their pods until cancelled. May be called again after it raised."""
        await self._heartbeat.register()
        self.registered.set()
        await self._pods.synced()
        await self._claims.synced()
        own = [pod for pod in self._pods.items() if pod["spec"].get("nodeName") in self._nodes]
        for runtime in {id(r): r for r in (self.runtime, *self._runtimes.values())}.values():
            await runtime.begin([pod for pod in own if self.runtime_of(pod["spec"]["nodeName"]) is runtime])
        if self._follows:
            self._begin_again()
        else:
            self._follows = True
            self._pods.add_handler(self._on_pod, "nodes")
            self._claims.follow(self._try_again)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._heartbeat.run())
                group.create_task(self._writer.run())
                group.create_task(self._recorder.run())
                group.create_task(self._reading.run())
                group.create_task(self._claims.run())
        finally:
            for worker in self._workers.values():
                worker.close()

    def _begin_again(self) -> None:
        """After an end that nobody wanted: the pods run on as their statuses say, with new workers."""
        for worker in self._workers.values():
            worker.close()
        self._workers.clear()
        self._resizing.clear()
        for pod in list(self._pods.items()):
            self._on_pod(None, pod)

    # --- faults ---
    def fail(self, node: str) -> None:
        """The node falls silent: no heartbeat, nothing happens to its pods, as when its machine is off."""
        self._silent.add(node)
        for worker in [w for w in self._workers.values() if w.node == node]:
            worker.close()
            worker.runtime.lose(worker.pod)
            self._drop(worker)

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
        there = {pod_id(pod): pod for pod in self._pods.items() if pod["spec"].get("nodeName") == node}
        for worker in [w for w in self._workers.values() if w.node == node]:
            if worker.uid in there:
                self.status_changed(worker)
            else:
                self._forget(worker)
        for pod in there.values():
            self._on_pod(None, pod)

    # --- pods ---
    def workers(self) -> list[PodWorker]:
        return list(self._workers.values())

    def node_event(self, node: str, type_: str, reason: str, message: str) -> None:
        """About the node itself, as the kubelet has it: told by its name."""
        self._recorder.event({"kind": "Node", "name": node, "uid": node}, type_, reason, message, host=node)

    def worker_of(self, pod: Obj) -> PodWorker | None:
        return self._workers.get(pod_id(pod))

    def status_changed(self, worker: PodWorker) -> None:
        if worker.node not in self._cut:
            self._writer.put(worker)

    def _on_pod(self, old: Obj | None, new: Obj | None) -> None:
        if self._cut and ((new or old or {})["spec"].get("nodeName") in self._cut):
            return
        if self.stands(new if new is not None else old):
            if new is None or is_deleting(new):
                return  # only what shows it goes
            old = new
        if old is not None and (new is None or pod_id(new) != pod_id(old)):
            gone = self._workers.get(pod_id(old))
            if gone is not None:
                self._forget(gone)
            elif old["spec"].get("nodeName") in self._nodes:
                self.runtime_of(old["spec"]["nodeName"]).remove(old)
        if new is not None:
            node = new["spec"].get("nodeName")
            if node in self._nodes and node not in self._silent and self.takes_pods:
                self._run_pod(new, node)

    def refusal(self, pod: Obj) -> Verdict | None:
        """Why the node does not take a new pod now; None: it does."""
        return None

    def _run_pod(self, pod: Obj, node: str) -> None:
        worker = self._workers.get(pod_id(pod))
        if worker is not None:
            again = uid(worker.pod) != uid(pod)
            worker.update(pod)
            if again:  # a static pod, shown anew
                self.status_changed(worker)
            return
        if (pod.get("status") or {}).get("phase") in _ENDED and not is_deleting(pod):
            return
        events = PodEvents(self._recorder, pod, node, routine=self._routine)
        worker = self._workers[pod_id(pod)] = PodWorker(self, pod, node, self._place(pod, self._nodes[node]), events)
        refused = self.refusal(pod) if not worker.place.sandbox and not is_deleting(pod) else None
        if refused is not None:
            worker.events.pod("Warning", refused.reason, refused.message)
            worker.refuse(refused)
            return
        worker.begin()
        if worker.place.sandbox:
            # an adopted pod: others may have written its conditions while its node was silent, so what it is is said again
            self.status_changed(worker)

    def _try_again(self, at: str) -> None:
        pod = self._pods.get(at)
        worker = self._workers.get(pod_id(pod)) if pod is not None else None
        if worker is not None:
            worker.look_again()

    def _forget(self, worker: PodWorker) -> None:
        worker.close()
        worker.runtime.remove(worker.pod)
        self._drop(worker)
        for other in [each for each in self._resizing.values() if each.node == worker.node]:
            resizing.consider(other)  # there is more room now

    def _drop(self, worker: PodWorker) -> None:
        self._workers.pop(worker.uid, None)
        self._resizing.pop(worker.uid, None)

    # --- what workers ask ---
    def read(self, namespace: str, refs: tuple[Ref, ...], then: Callable[[Found], None]) -> None:
        self._reading.put(namespace, refs, then)

    def claims_problem(self, pod: Obj) -> str | None:
        return self._claims.problem(pod)

    def setting(self, worker: PodWorker) -> Setting:
        spec, place = self._nodes[worker.node], worker.place
        return Setting((place.pod_ip, *place.more_ips), (place.host_ip,), spec.capacity)

    def resizing_changed(self, worker: PodWorker) -> None:
        if worker.resizing is None or worker.closed:
            self._resizing.pop(worker.uid, None)
        else:
            self._resizing[worker.uid] = worker

    def resize_refusal(self, worker: PodWorker) -> Refusal | None:
        wanted = resize.wanted(worker.pod["spec"])
        for container in worker.containers:
            why = worker.runtime.unresizable(container, wanted.get(container.name, {})) if isinstance(container.state, Running) else ""
            if why:
                return Refusal(resize.INFEASIBLE, why)
        there = [other for other in self._workers.values() if other.node == worker.node and other is not worker]
        others = [other.pod["spec"] for other in there if other.active]
        return resize.shortage(worker.pod["spec"], others, self._nodes[worker.node].capacity)

    def service_variables(self, pod: Obj) -> dict[str, str]:
        return self._reading.service_variables(namespace(pod), pod["spec"].get("enableServiceLinks", True))

    def _place(self, pod: Obj, node: NodeSpec) -> Place:
        status = pod.get("status") or {}
        started = timestamps.parse(status["startTime"]) if status.get("startTime") else self.clock.now()
        return Place(node.internal_ip, status.get("podIP") or "", started, sandbox="podIP" in status)
