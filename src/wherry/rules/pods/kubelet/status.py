"""The status of a pod as its node writes it: from the containers' states and the pod's address, in the reference's order of fields.

Called by the node agent before each write. What the node does not own (qosClass, nominatedNodeName, others' conditions) is kept; a pod
that has ended stays ended. Subtrees that did not change are shared with the old object.
Source of the rule: pkg/kubelet/kubelet_pods.go generateAPIPodStatus.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from wherry.api import timestamps
from wherry.api.objects import Obj
from wherry.rules.pods.kubelet.conditions import Also, pod_conditions
from wherry.rules.pods.kubelet.container import Container, Running
from wherry.rules.pods.kubelet.container_status import container_status
from wherry.rules.pods.kubelet.phase import phase
from wherry.rules.pods.kubelet.pod_resources import effective
from wherry.rules.pods.kubelet.resize import Resizing

_ENDED = ("Succeeded", "Failed")


class Place(NamedTuple):
    """Where the pod runs. `pod_ip` "" until it has a sandbox; `sandbox`: it has one (and its network) now."""

    host_ip: str
    pod_ip: str
    started_at: float
    sandbox: bool = True
    more_ips: tuple[str, ...] = ()


class Verdict(NamedTuple):
    """Why the node ended the pod: the phase is Failed, whatever the containers say. `disruption`: the condition tells it, too."""

    reason: str
    message: str
    disruption: bool = False


class About(NamedTuple):
    """What else is known of the pod. `full`: as the kubelet writes it; `terminal`: nothing of it runs, nor ever will."""

    full: bool
    terminal: bool = False
    verdict: Verdict | None = None
    resizing: Resizing | None = None


def pod_status(pod: Obj, containers: list[Container], place: Place, now: float, about: About) -> Obj:
    """The whole new status."""
    full, terminal, verdict, resizing = about
    old = pod.get("status") or {}
    current = "Failed" if verdict else phase(containers, pod["spec"], terminal=terminal)
    if old.get("phase") in _ENDED:
        current = old["phase"]
    elif current in _ENDED and any(isinstance(c.state, Running) for c in containers):
        # a pod has not ended while something of it may still run (status_manager.go mergePodStatus)
        current, verdict = old.get("phase") or "Running", None
    status: Obj = {}
    told = Also(verdict.message if verdict is not None and verdict.disruption else "", resizing)
    if full and pod["metadata"].get("generation"):
        status["observedGeneration"] = pod["metadata"]["generation"]
    status["phase"] = current
    networked = place.sandbox and bool(place.pod_ip) and not (full and current in _ENDED)
    status["conditions"] = pod_conditions(pod, containers, current, timestamps.time(now), networked=networked, full=full, also=told)
    _keep(status, old, ("message", "reason"), current == old.get("phase"))
    if verdict:
        status["message"], status["reason"] = verdict.message, verdict.reason
    _keep(status, old, ("nominatedNodeName",))
    _addresses(status, place)
    status["startTime"] = old.get("startTime") or timestamps.time(place.started_at)
    for field, roles in _LISTS:
        listed = [container_status(c, full=full) for c in containers if c.role in roles]
        if listed:
            status[field] = listed
    if full:
        _resources(status, pod["spec"] if resizing is None else _given(pod["spec"], containers))
    _keep(status, old, ("qosClass", "resize", "resourceClaimStatuses"))
    return status


_LISTS = (("initContainerStatuses", ("init", "sidecar")), ("containerStatuses", ("app",)), ("ephemeralContainerStatuses", ("ephemeral",)))


def _resources(status: Obj, spec: Obj) -> None:
    whole = effective(spec)
    if "requests" in whole:
        status["allocatedResources"] = whole["requests"]
    status["resources"] = whole


def _given(spec: Obj, containers: list[Container]) -> Obj:
    """The spec with the resources that its containers have."""
    specs = {c.name: c.spec for c in containers}
    return {**spec, **{kind: [specs.get(c["name"], c) for c in spec[kind]] for kind in ("initContainers", "containers") if kind in spec}}


def _addresses(status: Obj, place: Place) -> None:
    status["hostIP"], status["hostIPs"] = place.host_ip, _host_ips(place.host_ip)
    if place.pod_ip:
        status["podIP"], status["podIPs"] = place.pod_ip, [{"ip": ip} for ip in (place.pod_ip, *place.more_ips)]


@lru_cache(maxsize=4096)
def _host_ips(address: str) -> list[Obj]:
    """Shared by the pods of a node."""
    return [{"ip": address}]


def _keep(status: Obj, old: Obj, fields: tuple[str, ...], wanted: bool = True) -> None:
    for field in fields:
        if wanted and field in old:
            status[field] = old[field]
