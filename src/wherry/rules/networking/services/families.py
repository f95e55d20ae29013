"""What a Service's writer meant with clusterIP, clusterIPs and IP families: values kept from before, fields brought in step.

Called by `wherry.rules.networking.services.allocation` only. The cluster is single stack, IPv4: dual stack is refused as the
reference refuses it there, except of headless services without selector, whose endpoints are the user's own.
Source: pkg/registry/core/service/storage normalizeClusterIPs, patchAllocatedValues, initIPFamilyFields.
"""

from __future__ import annotations

from wherry.api.field import Errors, index, invalid
from wherry.api.objects import Obj
from wherry.rules.schema.validation.service_ips import cluster_ips, family

PRIMARY = "IPv4"
_POLICY = "spec.ipFamilyPolicy"


def patch_allocated(spec: Obj, old: Obj) -> None:
    """Keep allocated values that the writer left out, so that the same manifest can be sent again."""
    if spec.get("type") != "ExternalName" and old.get("type") != "ExternalName":
        for key in ("clusterIP", "clusterIPs"):
            if not spec.get(key) and old.get(key):
                spec[key] = old[key] if isinstance(old[key], str) else list(old[key])
    if _keeps_node_ports(spec) and _keeps_node_ports(old):
        _patch_node_ports(spec.get("ports") or [], old.get("ports") or [])
    if _health_checked(spec) and _health_checked(old) and not spec.get("healthCheckNodePort") and old.get("healthCheckNodePort"):
        spec["healthCheckNodePort"] = old["healthCheckNodePort"]


def _keeps_node_ports(spec: Obj) -> bool:
    type_ = spec.get("type")
    return type_ == "NodePort" or (type_ == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts", True))


def _health_checked(spec: Obj) -> bool:
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def _patch_node_ports(ports: list[Obj], old: list[Obj]) -> None:
    in_both = {p.get("nodePort", 0) for p in ports} & {p.get("nodePort", 0) for p in old}
    by_name = {p.get("name", ""): p.get("nodePort", 0) for p in old}
    for port in ports:
        before = by_name.get(port.get("name", ""), 0)
        if not port.get("nodePort") and before and before not in in_both:
            port["nodePort"] = before


def normalize_cluster_ips(spec: Obj, old: Obj | None) -> None:
    """Bring `clusterIPs` in step with `clusterIP` for writers that know only the latter."""
    ip, ips = spec.get("clusterIP") or "", spec.get("clusterIPs") or []
    if old is None:
        if ip and not ips:
            spec["clusterIPs"] = [ip]
        return
    before, befores = old.get("clusterIP") or "", old.get("clusterIPs") or []
    if befores and not ips and before == ip:
        spec["clusterIPs"] = ips = list(befores)
    if before != ip and ips == befores:
        if not ip:
            spec.pop("clusterIPs", None)
        elif befores:
            spec["clusterIPs"] = [ip]


def init_families(spec: Obj, old: Obj | None) -> Errors:
    """Default ipFamilyPolicy and ipFamilies; refuse what a single-stack cluster cannot give."""
    if spec.get("type") == "ExternalName" or (old is not None and _same_prefer_dual_stack(spec, old)):
        return []
    selectorless = spec.get("clusterIP") == "None" and not spec.get("selector")
    if spec.get("ipFamilyPolicy") is None:
        kept = (old or {}).get("ipFamilyPolicy")
        spec["ipFamilyPolicy"] = kept or ("RequireDualStack" if selectorless else "SingleStack")
    if errors := cluster_ips(spec, old):
        return errors
    if errors := (_shrink(spec, old) if old is not None else []) + _single_stack(spec) + _families_of_ips(spec):
        return errors
    if selectorless:
        _selectorless(spec)
        return []
    if errors := _available(spec):
        return errors
    if not spec.get("ipFamilies"):
        spec["ipFamilies"] = [PRIMARY]
    return []


def _same_prefer_dual_stack(spec: Obj, old: Obj) -> bool:
    """An update that touches nothing of this and prefers dual stack stays as it is."""
    return (
        spec.get("ipFamilyPolicy") == "PreferDualStack" == old.get("ipFamilyPolicy")
        and all(spec.get(k) == old.get(k) for k in ("type", "clusterIP", "clusterIPs", "ipFamilies"))
    )


def _shrink(spec: Obj, old: Obj) -> Errors:
    ips, families = spec.get("clusterIPs") or [], spec.get("ipFamilies") or []
    old_ips, old_families = old.get("clusterIPs") or [], old.get("ipFamilies") or []
    if spec.get("ipFamilyPolicy") == "SingleStack":
        if ips == old_ips and len(ips) > 1:
            spec["clusterIPs"] = ips[:1]
        if families == old_families and len(families) > 1:
            spec["ipFamilies"] = families[:1]
        return []
    errors: Errors = []
    if 0 < len(ips) < len(old_ips):
        errors.append(invalid(_POLICY, spec["ipFamilyPolicy"], "must be 'SingleStack' to release the secondary cluster IP"))
    if 0 < len(families) < len(old_families):
        errors.append(invalid(_POLICY, spec["ipFamilyPolicy"], "must be 'SingleStack' to release the secondary IP family"))
    return errors


def _single_stack(spec: Obj) -> Errors:
    if spec.get("ipFamilyPolicy") != "SingleStack":
        return []
    pairs = (("clusterIPs", "cluster IPs"), ("ipFamilies", "IP families"))
    return [
        invalid(_POLICY, "SingleStack", f"must be 'RequireDualStack' or 'PreferDualStack' when multiple {text} are specified")
        for key, text in pairs
        if len(spec.get(key) or ()) == 2
    ]


def _families_of_ips(spec: Obj) -> Errors:
    errors: Errors = []
    families, ips = list(spec.get("ipFamilies") or []), spec.get("clusterIPs") or []
    for i, ip in enumerate(ips):
        if ip == "None":
            break
        if i >= len(families):
            if family(ip) != PRIMARY:
                errors.append(invalid(index("spec.clusterIPs", i), ips, f"{family(ip)} is not configured on this cluster"))
            else:
                families.append(family(ip))
    if families:
        spec["ipFamilies"] = families
    return errors


def _selectorless(spec: Obj) -> None:
    families: list[str] = spec.get("ipFamilies") or [PRIMARY]
    if len(families) < 2 and spec["ipFamilyPolicy"] != "SingleStack":
        families = [families[0], "IPv6" if families[0] == "IPv4" else "IPv4"]
    spec["ipFamilies"] = families


def _available(spec: Obj) -> Errors:
    errors: Errors = []
    if spec.get("ipFamilyPolicy") == "RequireDualStack":
        errors.append(invalid(_POLICY, "RequireDualStack", "this cluster is not configured for dual-stack services"))
    for i, name in enumerate(spec.get("ipFamilies") or []):
        if name != PRIMARY:
            errors.append(invalid(index("spec.ipFamilies", i), name, "not configured on this cluster"))
    return errors
