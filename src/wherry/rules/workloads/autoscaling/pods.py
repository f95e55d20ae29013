"""The target's pods, sorted for the calculation: those that count, those not ready yet, those without a sample, those to be ignored; and
what they request.

Called by `calculator`. A pod's processor usage counts only once it is ready and has been so for a whole sample, because starting costs
more than running.
Source: pkg/controller/podautoscaler/replica_calculator.go groupPods, calculateRequests.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from wherry.api import quantity, timestamps
from wherry.api.objects import Obj, condition, is_deleting, name
from wherry.rules.pods import requests
from wherry.rules.workloads.autoscaling.samples import Sample

#: seconds after its start in which a pod that became ready late may be taken for starting still
CPU_INITIALIZATION = 300.0
#: seconds after its start in which a pod that is not ready has never been ready
INITIAL_READINESS = 30.0


class CannotCalculate(Exception):
    """Why there is no number of replicas to propose."""


class Groups(NamedTuple):
    ready: int
    unready: frozenset[str]
    missing: frozenset[str]
    ignored: frozenset[str]


def grouped(pods: Iterable[Obj], samples: Mapping[str, Sample], resource: str, now: float) -> Groups:
    ready = 0
    unready, missing, ignored = set(), set(), set()
    for pod in pods:
        called, phase = name(pod), (pod.get("status") or {}).get("phase")
        if is_deleting(pod) or phase == "Failed":
            ignored.add(called)
        elif phase == "Pending":
            unready.add(called)
        elif called not in samples:
            missing.add(called)
        elif resource == "cpu" and _is_starting(pod, samples[called], now):
            unready.add(called)
        else:
            ready += 1
    return Groups(ready, frozenset(unready), frozenset(missing), frozenset(ignored))


def _is_starting(pod: Obj, sample: Sample, now: float) -> bool:
    readiness, started = condition(pod, "Ready"), (pod.get("status") or {}).get("startTime")
    if readiness is None or started is None:
        return True
    begun, unready = timestamps.parse(started), readiness.get("status") == "False"
    changed = timestamps.parse(readiness["lastTransitionTime"]) if readiness.get("lastTransitionTime") else 0.0
    if begun + CPU_INITIALIZATION > now:
        return unready or sample.at < changed + sample.window
    return unready and begun + INITIAL_READINESS > changed


def requested(pods: Iterable[Obj], resource: str, container: str) -> dict[str, int]:
    """Milli-units by the pod's name. Raises CannotCalculate for a pod that requests nothing of the resource."""
    return {name(pod): _of_pod(pod, resource, container) for pod in pods}


def _of_pod(pod: Obj, resource: str, container: str) -> int:
    spec = pod["spec"]
    if not container and (spec.get("resources") or {}).get("requests"):
        return _of_whole_pod(pod, resource)
    sidecars = [c for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always"]
    total = 0
    for each in (*spec["containers"], *sidecars):
        if container and each["name"] != container:
            continue
        asked = ((each.get("resources") or {}).get("requests") or {}).get(resource)
        if asked is None:
            raise CannotCalculate(f"missing request for {resource} in container {each['name']} of Pod {name(pod)}")
        total += quantity.milli(asked)
        if container:
            return total
    if container:
        raise CannotCalculate(f"container {container} not found in Pod {name(pod)}")
    return total


def _of_whole_pod(pod: Obj, resource: str) -> int:
    spec = pod["spec"]
    if resource in spec["resources"]["requests"]:
        return quantity.milli(spec["resources"]["requests"][resource])
    total = requests.of_spec(spec).get(resource)
    if total is None:
        raise CannotCalculate(f"missing pod-level request for {resource} in Pod {name(pod)}")
    return total if resource == "cpu" else total * 1000
