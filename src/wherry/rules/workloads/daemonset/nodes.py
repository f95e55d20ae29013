"""Which nodes should have a pod of a DaemonSet.

Called for every node by the rules that create, delete and count, and for one node when it changed. A pod that is there may stay in
places where none would be put: a NoSchedule taint keeps new pods away, a NoExecute taint takes old ones too.
Source of the rule: pkg/controller/daemon NodeShouldRunDaemonPod; https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from wherry.api import objects
from wherry.api.objects import Obj
from wherry.rules.pods import node_affinity
from wherry.rules.pods.tolerations import first_untolerated
from wherry.rules.workloads.daemonset import tolerations


class Verdict(NamedTuple):
    """`run`: there should be a pod; `keep`: one that is there may stay."""

    run: bool
    keep: bool


_YES, _NO, _ONLY_KEEP = Verdict(True, True), Verdict(False, False), Verdict(False, True)


class Eligibility:
    """The question of one template, asked of many nodes; a node is judged once per version."""

    def __init__(self, template: Obj) -> None:
        self._spec: Obj = template["spec"]
        self._tolerations = tolerations.of_daemon_pod(self._spec)
        self._known: dict[str, tuple[str, Verdict]] = {}

    def of_all(self, nodes: Iterable[Obj]) -> dict[str, Verdict]:
        """By the nodes' names, in their order."""
        before, self._known = self._known, {}
        verdicts = {}
        for node in nodes:
            name, version = node["metadata"]["name"], node["metadata"].get("resourceVersion", "")
            known = before.get(name)
            if known is None or known[0] != version or not version:
                known = (version, self.of(node))
            self._known[name], verdicts[name] = known, known[1]
        return verdicts

    def of(self, node: Obj) -> Verdict:
        named = self._spec.get("nodeName")
        if (named and named != objects.name(node)) or not node_affinity.matches(self._spec, node):
            return _NO
        taints = (node.get("spec") or {}).get("taints")
        if not taints or first_untolerated(taints, self._tolerations) is None:
            return _YES
        return _ONLY_KEEP if first_untolerated(taints, self._tolerations, ("NoExecute",)) is None else _NO


def is_same_place(old: Obj, new: Obj) -> bool:
    """The change of a node is none for daemons."""
    return objects.labels(old) == objects.labels(new) and _taints(old) == _taints(new)


def _taints(node: Obj) -> list[Obj]:
    return (node.get("spec") or {}).get("taints") or []


def concerns(daemon_set: Obj, node: Obj, scheduled: bool) -> bool:
    """A new or changed node gives the DaemonSet something to do or to count anew; `scheduled`: it has a pod there.

    (The reference leaves the counts as they are when a node that has a pod is tainted so that it would get none now.)
    """
    verdict = Eligibility(daemon_set["spec"]["template"]).of(node)
    if not scheduled:
        return verdict.run
    return not verdict.run or bool((daemon_set.get("status") or {}).get("numberMisscheduled"))
