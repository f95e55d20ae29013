"""What a pod counts for: what its containers ask, or what they were given where that is more (in-place resize), and its overhead.

Source: k8s.io/component-helpers/resource PodRequests, PodLimits; KEP-1287, KEP-2837, KEP-688.
"""

from __future__ import annotations

from wherry.api import quantity
from wherry.api.objects import Obj
from wherry.rules.admission.quota.amounts import Amounts, largest
from wherry.rules.schema.defaults.pod_resources import aggregate, is_pod_level


def requests_of(pod: Obj) -> Amounts:
    total = _with_own(pod, "requests")
    for name, value in (pod["spec"].get("overhead") or {}).items():
        total[name] = quantity.add(total[name], value) if name in total else value
    return total


def limits_of(pod: Obj) -> Amounts:
    """Overhead is added to what is limited."""
    total = _with_own(pod, "limits")
    for name, value in (pod["spec"].get("overhead") or {}).items():
        if name in total and quantity.nano(total[name]):
            total[name] = quantity.add(total[name], value)
    return total


def _with_own(pod: Obj, which: str) -> Amounts:
    total = aggregate(_effective(pod, which), which)
    own = (pod["spec"].get("resources") or {}).get(which) or {}
    return total | {name: value for name, value in own.items() if is_pod_level(name)}


def _effective(pod: Obj, which: str) -> Obj:
    """The spec with what the containers hold now; itself before any container has started."""
    spec, status = pod["spec"], pod.get("status") or {}
    reported = {
        s["name"]: s for field in ("containerStatuses", "initContainerStatuses") for s in status.get(field) or () if s.get("resources")
    }
    if not reported:
        return dict(spec)
    hopeless = any(c.get("type") == "PodResizePending" and c.get("reason") == "Infeasible" for c in status.get("conditions") or ())
    changed = {
        field: [_one(c, reported.get(c["name"]), which, hopeless, field) for c in spec.get(field) or ()]
        for field in ("containers", "initContainers")
    }
    return {**spec, **changed}


def _one(container: Obj, status: Obj | None, which: str, hopeless: bool, field: str) -> Obj:
    if status is None or (field == "initContainers" and container.get("restartPolicy") != "Always"):
        return container
    asked = (container.get("resources") or {}).get(which) or {}
    parts = [status["resources"].get(which) or {}]
    if which == "requests":
        parts.append(status.get("allocatedResources") or {})
    if not hopeless:
        parts.insert(0, asked)
    return {**container, "resources": {**(container.get("resources") or {}), which: largest(*parts)}}
