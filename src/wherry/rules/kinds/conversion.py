"""Objects in the form of another version of the same kind: Events, HorizontalPodAutoscalers, and the workloads of the past.

Called by the registry between a request's version and the one objects are stored in. The input is not changed; parts that both
forms share are shared. A pair of resources without a conversion is the same form under another name, or a mistake: ValueError.
Source: pkg/apis/events/v1/conversion.go, pkg/apis/core/v1/conversion.go; of autoscaling `wherry.rules.schema.hpa_conversion`;
of the past `wherry.rules.kinds.legacy`.
"""

from __future__ import annotations

from wherry.api.objects import Obj
from wherry.api.resources import LEGACY_VERSIONS, Resource
from wherry.rules.kinds import legacy
from wherry.rules.schema.hpa_conversion import to_v1, to_v2

#: field of v1 -> field of events.k8s.io/v1; every other field has the same name in both
_EVENT = {
    "involvedObject": "regarding",
    "message": "note",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
    "reportingComponent": "reportingController",
}
_EVENT_BACK = {new: old for old, new in _EVENT.items()}


def convert(obj: Obj, from_resource: Resource, to_resource: Resource) -> Obj:
    """`obj` as `to_resource` shows it."""
    api_version = to_resource.api_version
    if from_resource.api_version == api_version:
        return obj
    pair = (from_resource.kind, from_resource.api_version, api_version)
    if pair == ("Event", "v1", "events.k8s.io/v1"):
        return _renamed(obj, _EVENT, api_version)
    if pair == ("Event", "events.k8s.io/v1", "v1"):
        return _renamed(obj, _EVENT_BACK, api_version)
    if pair == ("HorizontalPodAutoscaler", "autoscaling/v1", "autoscaling/v2"):
        return to_v2(obj)
    if pair == ("HorizontalPodAutoscaler", "autoscaling/v2", "autoscaling/v1"):
        return to_v1(obj)
    if (from_resource.group, from_resource.version) in LEGACY_VERSIONS:
        return legacy.to_stored(obj, from_resource.api_version)
    if (to_resource.group, to_resource.version) in LEGACY_VERSIONS:
        return legacy.from_stored(obj, api_version)
    raise ValueError(f"no conversion of {from_resource.kind} from {from_resource.api_version} to {api_version}")


def _renamed(obj: Obj, names: dict[str, str], api_version: str) -> Obj:
    renamed = {names.get(k, k): v for k, v in obj.items()}
    renamed["apiVersion"] = api_version
    return renamed
