"""What pods use: requests and limits while they run, a count as long as they are stored.

Source: pkg/quota/v1/evaluator/core/pods.go.
"""

from __future__ import annotations

from wherry.api import timestamps
from wherry.api.objects import Obj
from wherry.rules.admission.quota.amounts import Amounts, total
from wherry.rules.admission.quota.evaluator import Evaluator, counted_as
from wherry.rules.admission.quota.pod_resources import limits_of, requests_of
from wherry.rules.admission.quota.scopes import holds
from wherry.rules.pods import qos
from wherry.rules.schema.validation.quantities import is_extended, is_native

_COUNT = counted_as("pods")
_COMPUTE = ("cpu", "memory", "ephemeral-storage")
_NAMES = frozenset({_COUNT, "pods", *(f"{p}{n}" for p in ("", "requests.", "limits.") for n in _COMPUTE)})
#: what every container must say under a quota of it
_REQUIRED = frozenset(f"{p}{n}" for p in ("", "requests.", "limits.") for n in ("cpu", "memory"))
_IMPLICIT = "deviceclass.resource.kubernetes.io/"
_HUGE = "hugepages-"


def _matches(name: str) -> bool:
    if name in _NAMES or name.startswith((_HUGE, f"requests.{_HUGE}")):
        return True
    return name.startswith("requests.") and (not is_native(name) or name.startswith(f"requests.{_IMPLICIT}"))


def is_time_limited(pod: Obj) -> bool:
    """The scope Terminating: pods that will not run for ever."""
    return int(pod["spec"].get("activeDeadlineSeconds", -1)) >= 0


def is_charged(pod: Obj, now: float) -> bool:
    """It has not ended, and is not stuck beyond its grace period."""
    if (pod.get("status") or {}).get("phase") in ("Failed", "Succeeded"):
        return False
    meta = pod["metadata"]
    if meta.get("deletionTimestamp") and meta.get("deletionGracePeriodSeconds") is not None:
        return bool(now <= timestamps.parse(meta["deletionTimestamp"]) + meta["deletionGracePeriodSeconds"])
    return True


def _compute(requests: Amounts, limits: Amounts) -> Amounts:
    used: Amounts = {"pods": "1"}
    for name in _COMPUTE:
        if name in requests:
            used[name] = used[f"requests.{name}"] = requests[name]
        if name in limits:
            used[f"limits.{name}"] = limits[name]
    for name, value in requests.items():
        if name.startswith(_HUGE):
            used[name] = used[f"requests.{name}"] = value
        elif is_extended(name) or name.startswith(_IMPLICIT):
            used[f"requests.{name}"] = value
    return used


def _usage(pod: Obj, now: float) -> Amounts:
    used: Amounts = {_COUNT: "1"}
    if not is_charged(pod, now):
        return used
    return total(used, _compute(requests_of(pod), limits_of(pod)))


def _handles(operation: str, subresource: str, new: Obj, old: Obj | None) -> bool:
    if subresource == "resize":
        return operation == "UPDATE"
    if subresource:
        return False
    if operation == "UPDATE" and old is not None:
        return is_time_limited(new) != is_time_limited(old)
    return operation == "CREATE"


def _in_scope(requirement: Obj, pod: Obj) -> bool:
    match requirement.get("scopeName", ""):
        case "Terminating":
            return is_time_limited(pod)
        case "NotTerminating":
            return not is_time_limited(pod)
        case "BestEffort":
            return qos.qos_class(pod) == qos.BEST_EFFORT
        case "NotBestEffort":
            return qos.qos_class(pod) != qos.BEST_EFFORT
        case "PriorityClass":
            name = pod["spec"].get("priorityClassName", "")
            return holds(requirement, (name,) if name else ())
        case "CrossNamespacePodAffinity":
            return _looks_elsewhere(pod["spec"].get("affinity") or {})
    return False


def _looks_elsewhere(affinity: Obj) -> bool:
    """An affinity term names or selects namespaces."""
    for kind in ("podAffinity", "podAntiAffinity"):
        rules = affinity.get(kind) or {}
        terms = list(rules.get("requiredDuringSchedulingIgnoredDuringExecution") or ())
        terms += [t.get("podAffinityTerm") or {} for t in rules.get("preferredDuringSchedulingIgnoredDuringExecution") or ()]
        if any(term.get("namespaces") or term.get("namespaceSelector") is not None for term in terms):
            return True
    return False


def _sets_pod_level(spec: Obj) -> bool:
    own = spec.get("resources") or {}
    return any(n in ("cpu", "memory") or n.startswith(_HUGE) for part in ("requests", "limits") for n in own.get(part) or ())


def _missing(names: list[str], pod: Obj) -> str:
    spec = pod["spec"]
    required = _REQUIRED.intersection(names)
    if not required or _sets_pod_level(spec):
        return ""
    missing: dict[str, set[str]] = {}
    for container in [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]:
        resources = container.get("resources") or {}
        said = _compute(resources.get("requests") or {}, resources.get("limits") or {})
        for name in required - said.keys():
            missing.setdefault(name, set()).add(container.get("name", ""))
    if not missing:
        return ""
    return "must specify " + "; ".join(f"{name} for: {','.join(sorted(missing[name]))}" for name in sorted(missing))


PODS = Evaluator("pods", _matches, _usage, _handles, _in_scope, _missing)
