"""What the writer of a Service is warned of. Called by the strategy once the Service is valid.

Source: pkg/api/service/warnings.go.
"""

from __future__ import annotations

from wherry.api.field import index
from wherry.api.objects import Obj
from wherry.rules.objects.addresses import cidr_warnings, ip_warnings
from wherry.rules.schema.validation.labels import annotations_of
from wherry.rules.schema.validation.service import HINTS, MODE


def service_warnings(new: Obj, old: Obj | None) -> list[str]:
    spec = new.get("spec") or {}
    headless = spec.get("type") == "ClusterIP" and spec.get("clusterIP") == "None"
    warnings = [f"annotation {HINTS} is deprecated, please use {MODE} instead"] if HINTS in annotations_of(new) else []
    if spec.get("clusterIP") not in (None, "", "None"):
        warnings += [w for i, ip in enumerate(spec.get("clusterIPs") or ()) for w in ip_warnings(index("spec.clusterIPs", i), ip)]
    external: list[str] = spec.get("externalIPs") or []
    if headless:
        warnings += _headless(spec)
    warnings += [w for i, ip in enumerate(external) for w in ip_warnings(index("spec.externalIPs", i), ip)]
    if external and not headless and spec.get("type") != "ExternalName":
        warnings.append("spec.externalIPs is deprecated and may no longer be implemented in some clusters")
    if spec.get("loadBalancerIP"):
        warnings += ip_warnings("spec.loadBalancerIP", spec["loadBalancerIP"])
    ranges = enumerate(spec.get("loadBalancerSourceRanges") or ())
    warnings += [w for i, cidr in ranges for w in cidr_warnings(index("spec.loadBalancerSourceRanges", i), cidr)]
    return warnings + _ignored(spec)


def _headless(spec: Obj) -> list[str]:
    warnings = [f"spec.{k} is ignored for headless services" for k in ("loadBalancerIP", "externalIPs") if spec.get(k)]
    if spec.get("sessionAffinity", "None") != "None":
        warnings.append("spec.SessionAffinity is ignored for headless services")
    return warnings


def _ignored(spec: Obj) -> list[str]:
    named = spec.get("type") == "ExternalName"
    warnings = ['spec.externalIPs is ignored when spec.type is "ExternalName"'] if named and spec.get("externalIPs") else []
    if not named and spec.get("externalName"):
        warnings.append('spec.externalName is ignored when spec.type is not "ExternalName"')
    if spec.get("trafficDistribution") == "PreferClose":
        warnings.append('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"')
    return warnings


def status_warnings(new: Obj) -> list[str]:
    """Warnings of an update of `/status`."""
    entries = ((new.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    return [w for i, e in enumerate(entries) if e.get("ip") for w in ip_warnings(index("status.loadBalancer.ingress", i), e["ip"])]
