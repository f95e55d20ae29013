"""A daemon pod: made for one node, and found again by it.

Called by the rules that create and sort pods. Node affinity to the node's name pins the pod; the scheduler does the rest.
Source of the rule: pkg/controller/daemon/util CreatePodTemplate, ReplaceDaemonSetPodNodeNameNodeAffinity, GetTargetNodeName.
"""

from __future__ import annotations

from collections.abc import Iterable

from wherry.api import objects
from wherry.api.objects import Obj
from wherry.rules.workloads.daemonset import strategy, tolerations
from wherry.rules.workloads.replicaset.template import pod_from_template
from wherry.rules.workloads.revisions import POD_LABEL

GENERATION_LABEL = "pod-template-generation"
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


class Maker:
    """Makes the pods of one DaemonSet at its present revision; `code` is the revision's hash."""

    def __init__(self, daemon_set: Obj, code: str) -> None:
        template = daemon_set["spec"]["template"]
        metadata = template.get("metadata") or {}
        labels = {**(metadata.get("labels") or {}), POD_LABEL: code}
        if (generation := strategy.template_generation(daemon_set)) is not None:
            labels[GENERATION_LABEL] = generation
        self._owner = daemon_set
        self._metadata = {**metadata, "labels": labels}
        self._spec = {**template["spec"], "tolerations": tolerations.of_daemon_pod(template["spec"])}

    def pod(self, node: str, suffix: str) -> Obj:
        spec = {**self._spec, "affinity": _pinned(self._spec.get("affinity") or {}, node)}
        return pod_from_template({"metadata": self._metadata, "spec": spec}, self._owner, suffix)


def _pinned(affinity: Obj, node: str) -> Obj:
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
    return {**affinity, "nodeAffinity": {**(affinity.get("nodeAffinity") or {}), _REQUIRED: {"nodeSelectorTerms": [term]}}}


def target_node(pod: Obj) -> str:
    """The node that the pod is on or for; "" when it says none."""
    spec = pod["spec"]
    if spec.get("nodeName"):
        return str(spec["nodeName"])
    terms = (((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(_REQUIRED) or {}).get("nodeSelectorTerms") or ()
    for term in terms:
        for field in term.get("matchFields") or ():
            if field["key"] == "metadata.name" and field["operator"] == "In":
                values: list[str] = field.get("values") or []
                return values[0] if len(values) == 1 else ""
    return ""


def is_updated(pod: Obj, code: str, generation: str | None) -> bool:
    """The pod is of the present revision, by its hash or by the old count of templates."""
    labels: dict[str, str] = pod["metadata"].get("labels") or {}
    return (code != "" and labels.get(POD_LABEL) == code) or (generation is not None and labels.get(GENERATION_LABEL) == generation)


def oldest_first(pods: Iterable[Obj]) -> list[Obj]:
    """Pods with a node first, then by age, then by name."""
    return sorted(pods, key=lambda p: (not p["spec"].get("nodeName"), p["metadata"].get("creationTimestamp", ""), objects.name(p)))
