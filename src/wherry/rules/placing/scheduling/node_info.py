"""A node as the scheduler sees it: what it offers, and what the pods on it take. Kept by the snapshot, read by filters and scores.

Invariant: the sums are those of the pods in `pods`, whatever the order in which they came and went.
Source of the shape: pkg/scheduler/framework NodeInfo.
"""

from __future__ import annotations

from wherry.api.objects import Obj, labels
from wherry.rules.placing.scheduling.demand import PodInfo, Port
from wherry.rules.pods.requests import Amounts, amounts

_NO_NODE: Obj = {"metadata": {"name": ""}}


class NodeInfo:
    """`present` is false while only pods that name the node are known."""

    __slots__ = ("allocatable", "assumed_cpu", "assumed_memory", "images", "labels", "max_pods", "name", "node", "pods", "ports",
                 "present", "requested", "spread", "taints", "unschedulable")

    def __init__(self, name: str) -> None:
        self.name = name
        self.present = False
        self.requested: Amounts = {}
        self.assumed_cpu = self.assumed_memory = 0
        self.pods: dict[str, PodInfo] = {}
        self.ports: dict[Port, int] = {}
        self.spread: dict[str, int] = {}
        self._offer(_NO_NODE)

    def _offer(self, node: Obj) -> None:
        spec, status = node.get("spec") or {}, node.get("status") or {}
        self.node = node
        self.labels = labels(node)
        self.taints: list[Obj] = spec.get("taints") or []
        self.unschedulable: bool = bool(spec.get("unschedulable"))
        self.allocatable = amounts(status.get("allocatable"))
        self.max_pods = self.allocatable.get("pods", 0)
        #: size in bytes of the images that are there, by each of their names
        self.images: dict[str, int] = {n: i.get("sizeBytes") or 0 for i in status.get("images") or () for n in i.get("names") or ()}

    def offer(self, node: Obj) -> bool:
        """Take in the node's object; whether anything that matters here changed."""
        before = (self.present, self.labels, self.taints, self.unschedulable, self.allocatable)
        self.present = True
        self._offer(node)
        return before != (True, self.labels, self.taints, self.unschedulable, self.allocatable)

    def withdraw(self) -> None:
        """The node is gone; the pods that name it may stay for a while."""
        self.present = False
        self._offer(_NO_NODE)

    def add(self, info: PodInfo) -> None:
        self.pods[info.key] = info
        self._count(info, 1)

    def remove(self, key: str) -> PodInfo:
        info = self.pods.pop(key)
        self._count(info, -1)
        return info

    def _count(self, info: PodInfo, sign: int) -> None:
        demand = info.demand
        for name, amount in demand.requests.items():
            self.requested[name] = self.requested.get(name, 0) + sign * amount
        self.assumed_cpu += sign * demand.assumed.get("cpu", 0)
        self.assumed_memory += sign * demand.assumed.get("memory", 0)
        for port in demand.ports:
            self.ports[port] = self.ports.get(port, 0) + sign
            if not self.ports[port]:
                del self.ports[port]
        if demand.spread and "deletionTimestamp" not in info.pod["metadata"]:
            self.spread[demand.spread] = self.spread.get(demand.spread, 0) + sign
            if not self.spread[demand.spread]:
                del self.spread[demand.spread]

    def without(self, keys: set[str]) -> NodeInfo:
        """A copy as it would be without these pods."""
        copy = NodeInfo(self.name)
        if self.present:
            copy.offer(self.node)
        for key, info in self.pods.items():
            if key not in keys:
                copy.add(info)
        return copy
