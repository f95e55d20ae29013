"""Before a pod is first stored: its first status, and what the API server itself writes into the spec.

Called through the pod's strategy after admission; `drop_gated_fields` also for pod templates. Changes the private draft in place.
Source: pkg/registry/core/pod/strategy.go, pkg/api/pod/util.go (fields of feature gates that are off: stop signals, scheduling groups,
cluster trust bundles, pod certificates), KEP-3243 and KEP-3633 (matchLabelKeys), KEP-3521 (scheduling gates), KEP-24 (AppArmor).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from wherry.api.objects import Obj
from wherry.rules.pods.profiles import from_annotation, profile_annotation, valid_profile
from wherry.rules.pods.qos import qos_class

_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")
_GATED = "Scheduling is blocked due to non-empty scheduling gates"
_GATED_SOURCES = ("clusterTrustBundle", "podCertificate")


def prepare_pod(draft: Obj) -> None:
    """A creator says nothing about the status; its quality-of-service class is the exception."""
    draft["status"] = {"phase": "Pending", "qosClass": qos_class(draft)}
    spec = draft["spec"]
    drop_gated_fields(spec, None)
    if spec.get("schedulingGates"):
        draft["status"]["conditions"] = [_gated(draft["metadata"].get("creationTimestamp"))]
    labels = draft["metadata"].get("labels") or {}
    if affinity := spec.get("affinity"):
        for term in _affinity_terms(affinity):
            _merge_keys(term, labels)
    for constraint in spec.get("topologySpreadConstraints") or ():
        _merge_keys(constraint, labels)
    if annotations := draft["metadata"].get("annotations"):
        _profiles(spec, annotations)


def _gated(now: str | None) -> Obj:
    """The condition changes when the pod is made."""
    return {"type": "PodScheduled", "status": "False", "lastProbeTime": None, "lastTransitionTime": now, "reason": "SchedulingGated",
            "message": _GATED}


def drop_gated_fields(spec: Obj, old: Obj | None) -> None:
    """Fields whose feature gate is off by default are dropped, unless the old spec has them."""
    if "schedulingGroup" in spec and not (old or {}).get("schedulingGroup"):
        del spec["schedulingGroup"]
    for kind in _CONTAINERS:
        for container in spec.get(kind) or ():
            lifecycle = container.get("lifecycle")
            if lifecycle and "stopSignal" in lifecycle and not _stops(old):
                del lifecycle["stopSignal"]
                if not lifecycle:
                    del container["lifecycle"]
    for volume in spec.get("volumes") or ():
        for source in (volume.get("projected") or {}).get("sources") or ():
            for name in _GATED_SOURCES:
                if name in source and not _projects(old, name):
                    del source[name]


def _stops(spec: Obj | None) -> bool:
    containers = (c for kind in _CONTAINERS for c in (spec or {}).get(kind) or ())
    return any((c.get("lifecycle") or {}).get("stopSignal") for c in containers)


def _projects(spec: Obj | None, name: str) -> bool:
    volumes = (spec or {}).get("volumes") or ()
    return any(source.get(name) for v in volumes for source in (v.get("projected") or {}).get("sources") or ())


def _affinity_terms(affinity: Obj) -> Iterator[Obj]:
    for kind in ("podAffinity", "podAntiAffinity"):
        listed = affinity.get(kind) or {}
        for weighted in listed.get("preferredDuringSchedulingIgnoredDuringExecution") or ():
            if term := weighted.get("podAffinityTerm"):
                yield term
        yield from listed.get("requiredDuringSchedulingIgnoredDuringExecution") or ()


def _merge_keys(term: Obj, labels: dict[str, str]) -> None:
    """The pod's own values of the label keys become part of the selector."""
    selector = term.get("labelSelector")
    if selector is None:
        return
    more: list[dict[str, Any]] = []
    for name, operator in (("matchLabelKeys", "In"), ("mismatchLabelKeys", "NotIn")):
        more += [{"key": key, "operator": operator, "values": [labels[key]]} for key in term.get(name) or () if key in labels]
    if more:
        selector["matchExpressions"] = [*(selector.get("matchExpressions") or ()), *more]


def _profiles(spec: Obj, annotations: dict[str, str]) -> None:
    """AppArmor profiles that old clients say by annotation become fields."""
    if (spec.get("os") or {}).get("name") == "windows":
        return
    whole = (spec.get("securityContext") or {}).get("appArmorProfile")
    for kind in _CONTAINERS:
        for container in spec.get(kind) or ():
            said = annotations.get(profile_annotation(container))
            context = container.get("securityContext") or {}
            if said is None or context.get("appArmorProfile") is not None:
                continue
            profile = from_annotation(said)
            if profile is not None and valid_profile(profile) and profile != whole:
                container["securityContext"] = {**context, "appArmorProfile": profile}
