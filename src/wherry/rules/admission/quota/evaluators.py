"""Which evaluator a kind has, which kinds no quota is about, and which changes of an object give something back.

Source: pkg/quota/v1/evaluator/core/registry.go, pkg/quota/v1/install.
"""

from __future__ import annotations

from functools import lru_cache

from wherry.api.objects import Obj
from wherry.rules.admission.quota.claims import CLAIMS, needs_recount
from wherry.rules.admission.quota.devices import CLAIMS as DEVICE_CLAIMS
from wherry.rules.admission.quota.evaluator import Evaluator, counter
from wherry.rules.admission.quota.pods import PODS, is_charged, is_time_limited
from wherry.rules.admission.quota.services import SERVICES, charged_type

#: kinds that are not stored, and events
IGNORED = frozenset({
    "bindings",
    "componentstatuses",
    "tokenreviews.authentication.k8s.io",
    "selfsubjectreviews.authentication.k8s.io",
    "subjectaccessreviews.authorization.k8s.io",
    "selfsubjectaccessreviews.authorization.k8s.io",
    "localsubjectaccessreviews.authorization.k8s.io",
    "selfsubjectrulesreviews.authorization.k8s.io",
    "events",
    "events.events.k8s.io",
})  # fmt: skip

SPECIAL = {e.group_resource: e for e in (PODS, SERVICES, CLAIMS, DEVICE_CLAIMS)}
#: kinds whose count has an older name too, which is their plural
ALIASED = ("configmaps", "resourcequotas", "replicationcontrollers", "secrets")


@lru_cache(maxsize=1024)
def evaluator(group_resource: str) -> Evaluator:
    special = SPECIAL.get(group_resource)
    return special or counter(group_resource, group_resource if group_resource in ALIASED else "")


def replenishes(group_resource: str, old: Obj, new: Obj, now: float) -> bool:
    """Whether a change asks for a recount of the namespace's quotas."""
    match group_resource:
        case "pods":
            if _resources(old) != _resources(new) or is_time_limited(old) != is_time_limited(new):
                return True
            return is_charged(old, now) and not is_charged(new, now)
        case "services":
            return charged_type(old) != charged_type(new)
        case "persistentvolumeclaims":
            return needs_recount(new, old)
    return False


def _resources(pod: Obj) -> dict[str, Obj | None]:
    status = pod.get("status") or {}
    return {
        s["name"]: s["resources"]
        for field in ("containerStatuses", "initContainerStatuses")
        for s in status.get(field) or ()
        if s.get("resources")
    }
