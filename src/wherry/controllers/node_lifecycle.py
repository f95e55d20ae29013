"""The node lifecycle controller: notices nodes that fall silent, says so in their status, taints them and calls their pods not ready.

Its keys: `health` (all nodes, every 5 seconds), `node <name>` (NoSchedule taints and labels), `pod <key>` (a pod that came to a node which
is not ready). Rules: `wherry.rules.placing.node_lifecycle`. Source of the wiring: pkg/controller/nodelifecycle.
"""

from __future__ import annotations

from collections.abc import Iterable

from wherry.api import objects
from wherry.api.errors import NotFound, StatusError
from wherry.api.objects import Obj
from wherry.api.resources import resource
from wherry.client.informer import by_node
from wherry.reconcile import Controller, Parts
from wherry.rules.objects.plan import Emit, Plan, Update
from wherry.rules.placing.node_lifecycle import health, labels, taints, zones
from wherry.rules.placing.node_lifecycle.health import Health
from wherry.rules.placing.node_lifecycle.zones import Pace
from wherry.rules.pods.kubelet.node_object import LEASE_NAMESPACE

NODES, PODS, LEASES = resource("nodes"), resource("pods"), resource("leases", "coordination.k8s.io")
EVERY = 5.0
_HEALTH, _NODE, _POD = "health", "node ", "pod "


class NodeLifecycleController(Controller):
    name = "node-controller"

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._seen: dict[str, Health] = {}
        self._known: dict[str, Obj] = {}
        self._paces: dict[str, Pace] = {}
        #: nodes whose pods are still to be called not ready
        self._unsaid: set[str] = set()
        self._all_silent = False
        self._leases, self._pods, self._nodes = self.informer(LEASES), self.informer(PODS), self.informer(NODES)
        self._pods.add_index("node", by_node)
        self.watch(NODES, lambda old, new: (_NODE + objects.name(new),) if new is not None else ())
        self.watch(PODS, _came_to_node)
        self.queue.add(_HEALTH)

    async def reconcile(self, key: str) -> float | None:
        if key == _HEALTH:
            return await self._look()
        if key.startswith(_NODE):
            await self._tend(self._nodes.get(key.removeprefix(_NODE)))
        elif (pod := self._pods.get(key.removeprefix(_POD))) is not None:
            node = self._nodes.get(pod["spec"].get("nodeName") or "")
            if node is not None and objects.condition(node, "Ready") is not None and health.ready_status(node) != "True":
                await self._call_not_ready([pod])
        return None

    async def _tend(self, node: Obj | None) -> None:
        """What follows from the node's conditions and labels at once."""
        if node is None:
            return
        now = self.clock.now()
        wanted, missing = taints.scheduling(node, now), labels.missing(node)
        if wanted is not None:
            node = {**node, "spec": _with_taints(node, wanted)}
        if missing:
            node = objects.with_metadata(node, labels={**objects.labels(node), **missing})
        if wanted is not None or missing:
            await self._write(Plan((Update(node),)))

    # --- every few seconds ---
    async def _look(self) -> float:
        for informer in (self._leases, self._pods, self._nodes):
            await informer.synced()
        self._greet()
        for node in list(self._nodes.items()):
            try:
                await self._check(node)
            except StatusError:
                continue  # somebody else was quicker, or it is gone: the next look sees it
        await self._judge_zones()
        await self._taint_silent()
        return EVERY

    def _greet(self) -> None:
        for name in [n for n in self._known if self._nodes.get(n) is None]:
            gone = self._known.pop(name)
            self._seen.pop(name, None)
            self._unsaid.discard(name)
            self._tell(gone, "RemovingNode", f"Node {name} event: Removing Node {name} from Controller")
        for node in self._nodes.items():
            name = objects.name(node)
            if name not in self._known:
                self._tell(node, "RegisteredNode", f"Node {name} event: Registered Node {name} in Controller")
            self._known[name] = node

    async def _check(self, node: Obj) -> None:
        name, now, steady = objects.name(node), self.clock.now(), self.clock.steady()
        lease = self._leases.get(f"{LEASE_NAMESPACE}/{name}")
        self._seen[name] = seen = health.observe(node, lease, self._seen.get(name), steady, now)
        was_ready = health.ready_status(node) == "True"
        status = health.unknown(node, now) if health.is_silent(node, seen, steady) else None
        if status is not None:
            node = next(iter(await self._write(Plan((Update({**node, "status": status}, "status"),)))), node)
            if was_ready:
                self._unsaid.add(name)
                self._tell(node, "NodeNotReady", f"Node {name} status is now: NodeNotReady")
        if name in self._unsaid:
            await self._call_not_ready(self._pods.by_index("node", name))
            self._unsaid.discard(name)
        if objects.condition(node, "Ready") is not None and (health.ready_status(node) == "True" or taints.is_swap(node)):
            await self._set_taints(node, taints.evicting(node, now))

    async def _judge_zones(self) -> None:
        found: dict[str, list[bool]] = {}
        for node in self._nodes.items():
            if zones.EXCLUDED not in objects.labels(node):
                found.setdefault(zones.zone_of(node), []).append(health.ready_status(node) == "True")
        steady, rates = self.clock.steady(), zones.rates(found)
        was, self._all_silent = self._all_silent, bool(found) and all(not any(ready) for ready in found.values())
        if was and not self._all_silent:
            self._seen = {name: Health(s.heartbeat, s.renewed, steady) for name, s in self._seen.items()}
        if self._all_silent and not was:
            for node in list(self._nodes.items()):
                await self._set_taints(node, taints.freed(node))
        self._paces = {zone: self._paces.get(zone, Pace()).at(rate, steady) for zone, rate in rates.items()}

    async def _taint_silent(self) -> None:
        """One node of a zone, when its turn has come."""
        for node in list(self._nodes.items()):
            steady, zone = self.clock.steady(), zones.zone_of(node)
            pace = self._paces.get(zone)
            if pace is None or pace.wait(steady) != 0.0 or health.ready_status(node) == "True" or objects.condition(node, "Ready") is None:
                continue
            wanted = taints.evicting(node, self.clock.now())
            if wanted is not None:
                await self._set_taints(node, wanted)
                self._paces[zone] = pace.spent(steady)

    # --- writes ---
    async def _set_taints(self, node: Obj, wanted: list[Obj] | None) -> None:
        if wanted is not None:
            await self._write(Plan((Update({**node, "spec": _with_taints(node, wanted)}),)))

    async def _call_not_ready(self, pods: Iterable[Obj]) -> None:
        for pod in list(pods):
            status = health.not_ready(pod, self.clock.now())
            if status is not None:
                told = Emit(pod, "Warning", "NodeNotReady", "Node is not ready")
                await self._write(Plan((Update({**pod, "status": status}, "status"), told)))

    async def _write(self, plan: Plan) -> tuple[Obj, ...]:
        applied = await self.apply(plan)
        if applied.error is not None and not isinstance(applied.error, NotFound):
            raise applied.error
        return applied.results

    def _tell(self, node: Obj, reason: str, message: str) -> None:
        about = {"apiVersion": "v1", "kind": "Node", "name": objects.name(node), "uid": objects.uid(node)}
        self.recorder.event(about, "Normal", reason, message)


def _with_taints(node: Obj, wanted: list[Obj]) -> Obj:
    spec = {k: v for k, v in node["spec"].items() if k != "taints"}
    return {**spec, "taints": wanted} if wanted else spec


def _came_to_node(old: Obj | None, new: Obj | None) -> Iterable[str]:
    if new is None or not new["spec"].get("nodeName"):
        return ()
    return () if old is not None and old["spec"].get("nodeName") == new["spec"]["nodeName"] else (_POD + objects.key(new),)
