"""PodMetrics and NodeMetrics of metrics.k8s.io/v1beta1, made of pods and nodes when they are asked for.

Called by the registry, which serves them as it does stored kinds. Only containers that run use anything, and a pod of which none runs has
no metrics. Source: k8s.io/metrics/pkg/apis/metrics/v1beta1; the metrics server's storage and API.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import Any

from wherry.api import quantity, timestamps
from wherry.api.objects import Obj, labels, name, namespace
from wherry.api.resources import Resource
from wherry.rules.pods.metrics import usage

GROUP = "metrics.k8s.io"
_VERBS = ("get", "list")
NODES = Resource(GROUP, "v1beta1", "NodeMetrics", "nodes", namespaced=False, verbs=_VERBS)
PODS = Resource(GROUP, "v1beta1", "PodMetrics", "pods", verbs=_VERBS)
#: over how many seconds usage is measured
WINDOW = 15

#: nano-units by container and resource, of the containers given
Measure = Callable[[Obj, list[Mapping[str, Any]]], dict[str, dict[str, int]]]


def _running(pod: Obj) -> list[Mapping[str, Any]]:
    status, spec = pod.get("status") or {}, pod["spec"]
    if status.get("phase") != "Running":
        return []
    states = (*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ()))
    alive = {s["name"] for s in states if "running" in (s.get("state") or {})}
    return [c for c in (*spec["containers"], *(spec.get("initContainers") or ())) if c["name"] in alive]


def is_measured(pod: Obj) -> bool:
    return bool(_running(pod))


def of_pod(pod: Obj, now: float, measure: Measure = usage.of_pod) -> Obj | None:
    """None for a pod of which nothing runs."""
    containers = _running(pod)
    if not containers:
        return None
    found = measure(pod, containers)
    used = [{"name": each, "usage": _shown(found[each])} for each in sorted(found)]
    metadata: Obj = {"name": name(pod), "namespace": namespace(pod)}
    return {**_head(PODS, metadata, pod, now), "containers": used}


def of_node(node: Obj, pods: Iterable[Obj], now: float, measure: Measure = usage.of_pod) -> Obj:
    """`pods`: those of the node."""
    total = dict.fromkeys(usage.RESOURCES, 0)
    for pod in pods:
        for used in measure(pod, _running(pod)).values() if is_measured(pod) else ():
            for resource, amount in used.items():
                total[resource] += amount
    return {**_head(NODES, {"name": name(node)}, node, now), "usage": _shown(total)}


def _head(of: Resource, metadata: Obj, about: Obj, now: float) -> Obj:
    at = timestamps.time(now)
    metadata["creationTimestamp"] = at
    if labels(about):
        metadata["labels"] = labels(about)
    return {"kind": of.kind, "apiVersion": of.api_version, "metadata": metadata, "timestamp": at, "window": f"{WINDOW}s"}


def _shown(nano: dict[str, int]) -> Obj:
    """Memory in whole KiB, as the metrics server shows it."""
    cpu = quantity.format_(Fraction(nano.get("cpu", 0), 10**9))
    return {"cpu": cpu, "memory": f"{nano.get('memory', 0) // (1024 * 10**9)}Ki"}
