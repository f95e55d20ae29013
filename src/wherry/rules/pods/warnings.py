"""Warnings about pods and pod templates: what is accepted, and yet probably not meant.

Called through the strategies of pods (on create) and of kinds with a pod template, which say its path. Pure.
Source: pkg/api/pod/warnings.go, pkg/registry/core/pod/strategy.go.
"""

from __future__ import annotations

from typing import Any

from wherry.api.field import child, index, key, show
from wherry.api.objects import Obj
from wherry.rules.objects.addresses import ip_warnings
from wherry.rules.objects.names import dns1123_label
from wherry.rules.pods.container_warnings import container_warnings, fractional, port_warnings
from wherry.rules.pods.placement_warnings import affinity_warnings, node_warnings, spread_warnings
from wherry.rules.pods.volume_warnings import overlap_warnings, volume_warnings

_SECCOMP = "seccomp.security.alpha.kubernetes.io/pod"
_ANNOTATIONS = {
    "scheduler.alpha.kubernetes.io/critical-pod": 'non-functional in v1.16+; use the "priorityClassName" field instead',
    "security.alpha.kubernetes.io/sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
    "security.alpha.kubernetes.io/unsafe-sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
}
_SUFFIX = "xxxxx"


def pod_warnings(new: Obj, old: Obj | None) -> list[str]:
    """Those of a new pod; an update gives none."""
    if old is not None:
        return []
    meta = new["metadata"]
    warnings: list[str] = []
    name = meta.get("name") or (meta.get("generateName") or "")[:58] + _SUFFIX
    if wrong := dns1123_label(name):
        text = "this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended"
        warnings.append(f"metadata.name: {text}: [{' '.join(wrong)}]")
    return warnings + _warnings(new, "")


def template_warnings(template: Obj, path: str) -> list[str]:
    """Those of a pod template (`metadata` and `spec`) at `path`."""
    return _warnings(template, path)


def _warnings(obj: Obj, path: str) -> list[str]:
    spec: dict[str, Any] = obj.get("spec") or {}
    annotations = (obj.get("metadata") or {}).get("annotations") or {}
    at = child(path, "spec")
    warnings = node_warnings(spec, at) + spread_warnings(spec, at)
    warnings += [f"{_annotation(path, k)}: {text}" for k, text in _ANNOTATIONS.items() if k in annotations]
    if volumes := spec.get("volumes"):
        warnings += volume_warnings(volumes, child(at, "volumes")) + overlap_warnings(volumes)
    warnings += _duplicates(spec, at)
    warnings += fractional(spec.get("overhead") or {}, child(at, "overhead"))
    if _SECCOMP in annotations and not (spec.get("securityContext") or {}).get("seccompProfile"):
        warnings.append(f'{_annotation(path, _SECCOMP)}: non-functional in v1.27+; use the "seccompProfile" field instead')
    warnings += container_warnings(spec, annotations, path) + port_warnings(spec, at)
    if (spec.get("terminationGracePeriodSeconds") or 0) < 0:
        warnings.append(f"{child(at, 'terminationGracePeriodSeconds')}: must be >= 0; negative values are invalid and will be treated as 1")
    if affinity := spec.get("affinity"):
        warnings += affinity_warnings(affinity, child(at, "affinity"))
    return warnings + _addresses(spec, at)


def _annotation(path: str, name: str) -> str:
    return key(child(path, "metadata", "annotations"), name)


def _duplicates(spec: Obj, at: str) -> list[str]:
    """Lists whose equal entries hide each other."""
    warnings: list[str] = []
    for name, field, what in (("hostAliases", "ip", "ip"), ("imagePullSecrets", "name", "name")):
        seen: set[str] = set()
        for i, item in enumerate(spec.get(name) or ()):
            value = item.get(field) or ""
            if value in seen:
                warnings.append(f"{child(index(child(at, name), i), field)}: duplicate {what} {show(value)}")
            seen.add(value)
    secrets = spec.get("imagePullSecrets") or ()
    nameless = [i for i, item in enumerate(secrets) if not item.get("name")]
    return warnings + [f'{child(index(child(at, "imagePullSecrets"), i), "name")}: invalid empty name ""' for i in nameless]


def _addresses(spec: Obj, at: str) -> list[str]:
    servers = (spec.get("dnsConfig") or {}).get("nameservers") or ()
    warnings = [w for i, ip in enumerate(servers) for w in ip_warnings(index(child(at, "dnsConfig", "nameservers"), i), ip)]
    for i, alias in enumerate(spec.get("hostAliases") or ()):
        warnings += ip_warnings(child(index(child(at, "hostAliases"), i), "ip"), alias.get("ip") or "")
    return warnings
