"""The node-local filters but resources: name, unschedulable, taints, affinity, ports. Each says why a node does not do, or nothing.

Source of the rules and of the texts: pkg/scheduler/framework/plugins (nodename, nodeunschedulable, tainttoleration, nodeaffinity,
nodeports).
"""

from __future__ import annotations

from wherry.api.objects import Obj
from wherry.rules.placing.scheduling.demand import Demand, Port
from wherry.rules.placing.scheduling.node_info import NodeInfo
from wherry.rules.placing.scheduling.plugin import Rejection
from wherry.rules.pods import node_affinity
from wherry.rules.pods.tolerations import first_untolerated, tolerated

_UNSCHEDULABLE: Obj = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}


class NodeUnschedulable:
    name = "NodeUnschedulable"
    _no = Rejection(name, ("node(s) were unschedulable",))

    def check(self, demand: Demand, node: NodeInfo) -> Rejection | None:
        if node.unschedulable and not tolerated(demand.tolerations, _UNSCHEDULABLE):
            return self._no
        return None


class NodeName:
    name = "NodeName"
    _no = Rejection(name, ("node(s) didn't match the requested node name",))

    def check(self, demand: Demand, node: NodeInfo) -> Rejection | None:
        wanted = demand.spec.get("nodeName")
        return self._no if wanted and wanted != node.name else None


class TaintTolerationFilter:
    name = "TaintToleration"
    _no = Rejection(name, ("node(s) had untolerated taint(s)",))

    def check(self, demand: Demand, node: NodeInfo) -> Rejection | None:
        return self._no if node.taints and first_untolerated(node.taints, demand.tolerations) is not None else None


class NodeAffinityFilter:
    """`added`: a node affinity that all pods of the profile have as well."""

    name = "NodeAffinity"
    _no = Rejection(name, ("node(s) didn't match Pod's node affinity/selector",))
    _enforced = Rejection(name, ("node(s) didn't match scheduler-enforced node affinity",))

    def __init__(self, added: Obj | None = None) -> None:
        self._added = node_affinity.terms_of(added or {})

    def check(self, demand: Demand, node: NodeInfo) -> Rejection | None:
        if self._added is not None and not any(node_affinity.matches_term(t, node.node) for t in self._added):
            return self._enforced
        return None if node_affinity.matches(demand.spec, node.node) else self._no


def _conflicts(wanted: Port, used: Port) -> bool:
    """The same protocol and port, on the same address or one of them on all."""
    return wanted[1:] == used[1:] and (wanted[0] == used[0] or "0.0.0.0" in (wanted[0], used[0]))


class NodePorts:
    name = "NodePorts"
    _no = Rejection(name, ("node(s) didn't have free ports for the requested pod ports",), resolvable=True)

    def check(self, demand: Demand, node: NodeInfo) -> Rejection | None:
        if demand.ports and any(_conflicts(wanted, used) for wanted in demand.ports for used in node.ports):
            return self._no
        return None
