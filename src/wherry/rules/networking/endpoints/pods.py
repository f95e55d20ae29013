"""What Endpoints and EndpointSlices share: which pods a Service reaches, at which ports, and since when.

Called by both rules and both controllers. Source: staging/src/k8s.io/endpointslice/util/controller_utils.go, utils.go,
trigger_time_tracker.go.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from wherry.api.objects import Obj, condition, is_deleting, labels, name, namespace, uid
from wherry.rules.objects import selectors

TRIGGER_TIME = "endpoints.kubernetes.io/last-change-trigger-time"
HEADLESS = "service.kubernetes.io/headless"


def is_selecting(service: Obj) -> bool:
    """Its endpoints are made by the controllers: it has a selector and is no mere name."""
    return bool(service["spec"].get("selector")) and service["spec"].get("type") != "ExternalName"


def selects(service: Obj, pod_labels: dict[str, str]) -> bool:
    chosen = service["spec"].get("selector")
    return bool(chosen) and selectors.from_map(chosen).matches(pod_labels)


def is_ready(pod: Obj) -> bool:
    found = condition(pod, "Ready")
    return found is not None and found.get("status") == "True"


def belongs(pod: Obj, *, terminating: bool) -> bool:
    """The pod can be an endpoint: it has an address and has not ended; nor is it ending, unless `terminating` ones count."""
    status = pod.get("status") or {}
    if status.get("phase") in ("Failed", "Succeeded") or not (status.get("podIP") or status.get("podIPs")):
        return False
    return terminating or not is_deleting(pod)


@lru_cache(maxsize=65536)
def family(address: str) -> str:
    """IPv4 or IPv6."""
    return "IPv6" if ":" in address else "IPv4"


@lru_cache(maxsize=65536)
def _plain(address: str) -> str:
    return str(ipaddress.ip_address(address))


def addresses(pod: Obj, wanted: str) -> list[str]:
    """The pod's addresses of one family, in canonical form."""
    return [_plain(ip["ip"]) for ip in (pod.get("status") or {}).get("podIPs") or () if ip.get("ip") and family(ip["ip"]) == wanted]


def is_headless(service: Obj) -> bool:
    return service["spec"].get("clusterIP") in (None, "", "None")


def hostname(pod: Obj, service: Obj) -> str:
    """The pod's own name under the Service's, when it asked for one; else "" ."""
    spec = pod["spec"]
    return spec.get("hostname", "") if spec.get("subdomain") == name(service) and namespace(pod) == namespace(service) else ""


def target_port(pod: Obj, port: Obj) -> int | None:
    """The number of the container port that a Service port leads to; None when the pod has no port of that name."""
    target = port.get("targetPort", port["port"])
    if isinstance(target, int):
        return target
    spec = pod["spec"]
    sidecars = (c for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always")
    for container in (*spec["containers"], *sidecars):
        for each in container.get("ports") or ():
            if each.get("name") == target and each.get("protocol", "TCP") == port.get("protocol", "TCP"):
                return int(each["containerPort"])
    return None


def pod_reference(pod: Obj) -> Obj:
    return {"kind": "Pod", "namespace": namespace(pod), "name": name(pod), "uid": uid(pod)}


def affected(services: Iterable[Obj], old: Obj | None, new: Obj | None) -> list[Obj]:
    """The Services (of the pod's namespace) whose endpoints a change of a pod may change."""
    pod = new if new is not None else old
    if pod is None:
        return []
    if old is None or new is None:
        return [s for s in services if selects(s, labels(pod))]
    moved = labels(old) != labels(new) or any(old["spec"].get(k) != new["spec"].get(k) for k in ("hostname", "subdomain"))
    if not moved:
        selecting = [s for s in services if selects(s, labels(new))]
        return selecting if selecting and _endpoint_of(old) != _endpoint_of(new) else []
    changed = _endpoint_of(old) != _endpoint_of(new)
    found = []
    for service in services:
        before, after = selects(service, labels(old)), selects(service, labels(new))
        if before != after or (changed and after):
            found.append(service)
    return found


def _endpoint_of(pod: Obj) -> tuple[object, ...]:
    return is_deleting(pod), is_ready(pod), [ip.get("ip") for ip in (pod.get("status") or {}).get("podIPs") or ()]


@dataclass(slots=True)
class TriggerTimes:
    """The moments of the last known changes of a Service and its pods, from which the next write tells what it answers to."""

    service: str = ""
    pods: dict[str, str] = field(default_factory=dict)


def trigger_time(last: TriggerTimes | None, service: Obj, pods: Iterable[Obj]) -> tuple[str, TriggerTimes]:
    """The oldest change since `last` (of a Service not known yet: its creation), or ""; and what to remember."""
    created = service["metadata"].get("creationTimestamp", "")
    now = TriggerTimes(created, {})
    changed = []
    for pod in pods:
        ready = condition(pod, "Ready")
        moment = ready.get("lastTransitionTime") if ready is not None else None
        if moment:
            now.pods[name(pod)] = moment
            if last is not None and moment > last.pods.get(name(pod), ""):
                changed.append(moment)
    if last is None:
        return created, now
    if created > last.service:
        changed.append(created)
    return min(changed, default=""), now


def with_trigger_time(annotations: dict[str, str] | None, moment: str) -> dict[str, str]:
    rest = {k: v for k, v in (annotations or {}).items() if k != TRIGGER_TIME}
    return {**rest, TRIGGER_TIME: moment} if moment else rest
