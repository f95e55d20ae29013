"""Defaults of the requests and limits of pods: containers' requests from their limits, and those of the pod as a whole.

Called by the defaults of pods, never of templates. Changes the private draft in place. Idempotent.
Source: pkg/apis/core/v1/defaults.go SetDefaults_Pod, KEP-2837 (pod-level resources), KEP-753 (sidecars).
"""

from __future__ import annotations

from wherry.api import quantity
from wherry.api.objects import Obj

Listed = dict[str, str]

_HUGE_PAGES = "hugepages-"


def requests_from_limits(resources: Obj) -> None:
    """What is limited but not requested is requested as limited."""
    limits = resources.get("limits")
    if not limits:
        return
    requests = resources.get("requests") or {}
    resources["requests"] = {**limits, **requests}


def default_pod_resources(spec: Obj) -> None:
    """The pod's own requests and limits, where it says some of them; containers have theirs already."""
    resources = spec["resources"]
    if resources.get("limits") or resources.get("requests"):
        _huge_page_limits(spec, resources)
    if limits := resources.get("limits"):
        requests = dict(resources.get("requests") or {})
        for name, text in aggregate(spec, "requests").items():
            if name in ("cpu", "memory"):
                requests.setdefault(name, text)
        for name, text in limits.items():
            if is_pod_level(name):
                requests.setdefault(name, text)
        if requests:
            resources["requests"] = requests


def _huge_page_limits(spec: Obj, resources: Obj) -> None:
    limits = dict(resources.get("limits") or {})
    requested = resources.get("requests") or {}
    for name, text in aggregate(spec, "limits").items():
        if name.startswith(_HUGE_PAGES) and name not in requested:
            limits.setdefault(name, text)
    if limits:
        resources["limits"] = limits


def is_pod_level(name: str) -> bool:
    return name in ("cpu", "memory") or name.startswith(_HUGE_PAGES)


def aggregate(spec: Obj, which: str) -> Listed:
    """`requests` or `limits` of all containers: together, or those of the greediest moment of initialization."""
    total: Listed = {}
    for container in spec.get("containers") or ():
        _add(total, _of(container, which))
    sidecars: Listed = {}
    peak: Listed = {}
    for container in spec.get("initContainers") or ():
        own = _of(container, which)
        if container.get("restartPolicy") == "Always":
            _add(total, own)
            _add(sidecars, own)
            _raise_to(peak, sidecars)
        else:
            moment = dict(own)
            _add(moment, sidecars)
            _raise_to(peak, moment)
    _raise_to(total, peak)
    return total


def _of(container: Obj, which: str) -> Listed:
    return (container.get("resources") or {}).get(which) or {}


def _add(total: Listed, more: Listed) -> None:
    for name, text in more.items():
        total[name] = quantity.add(total[name], text) if name in total else text


def _raise_to(total: Listed, least: Listed) -> None:
    for name, text in least.items():
        if name not in total or quantity.compare(text, total[name]) > 0:
            total[name] = text
