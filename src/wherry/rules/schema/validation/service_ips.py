"""clusterIP, clusterIPs, ipFamilies and ipFamilyPolicy of a Service: what is wrong with them, and with a change of them.

Called by validation of services and, before it, by `wherry.rules.networking.services.allocation`.
Source: pkg/apis/core/validation/validation.go ValidateServiceClusterIPsRelatedFields, validateUpgradeDowngrade* (KEP-563, dual stack).
"""

from __future__ import annotations

from wherry.api.errors import Cause
from wherry.api.field import Errors, duplicate, index, invalid, not_supported, required
from wherry.api.objects import Obj
from wherry.rules.objects.addresses import legacy_ip, parse_ip

FAMILIES = ("IPv4", "IPv6")
POLICIES = ("PreferDualStack", "RequireDualStack", "SingleStack")
_IPS, _FAMILIES, _POLICY = "spec.clusterIPs", "spec.ipFamilies", "spec.ipFamilyPolicy"
_ONCE = "may not change once set"


def is_headless(spec: Obj) -> bool:
    return (spec.get("clusterIPs") or []) == ["None"]


def family(ip: str) -> str:
    address = parse_ip(ip)
    return "IPv6" if address is not None and address.version == 6 else "IPv4"


def cluster_ips(spec: Obj, old_spec: Obj | None) -> Errors:
    """Errors of the fields by themselves; those of an ExternalName service are not looked at here."""
    if spec.get("type") == "ExternalName":
        return []
    ips: list[str] = spec.get("clusterIPs") or []
    errors = _in_step(spec.get("clusterIP") or "", ips) + _families(spec.get("ipFamilies") or [])
    policy = spec.get("ipFamilyPolicy")
    if policy is not None and policy not in POLICIES:
        errors.append(not_supported(_POLICY, policy, POLICIES))
    bad = _addresses(ips, (old_spec or {}).get("clusterIPs") or [])
    errors += bad
    if len(ips) > 2:
        errors.append(invalid(_IPS, ips, "may only hold up to 2 values"))
    if bad:
        return errors
    if len(ips) > 1 and sorted(map(family, ips)) != list(FAMILIES):
        errors.append(invalid(_IPS, ips, "may specify no more than one IP for each IP family"))
    return errors + _matching(spec, ips)


def _in_step(ip: str, ips: list[str]) -> Errors:
    if not ip:
        return [invalid(_IPS, ips, "must be empty when `clusterIP` is not specified")] if ips else []
    if not ips:
        return [required(_IPS)]
    return [] if ips[0] == ip else [invalid(_IPS, ips, "first value must match `clusterIP`")]


def _families(families: list[str]) -> Errors:
    errors: Errors = []
    for i, name in enumerate(families):
        if name not in FAMILIES:
            errors.append(not_supported(index(_FAMILIES, i), name, FAMILIES))
        if name in families[:i]:
            errors.append(duplicate(index(_FAMILIES, i), name))
    return errors


def _addresses(ips: list[str], known: list[str]) -> Errors:
    errors: Errors = []
    for i, ip in enumerate(ips):
        if i == 0 and ip == "None":
            if len(ips) > 1:
                errors.append(invalid(_IPS, ips, "'None' must be the first and only value"))
        elif ip not in known:
            errors += [invalid(index(_IPS, i), ip, m) for m in legacy_ip(ip)]
    return errors


def _matching(spec: Obj, ips: list[str]) -> Errors:
    if is_headless(spec):
        return []
    return [
        invalid(index(_IPS, i), ip, f"expected an {name} value as indicated by `ipFamilies[{i}]`")
        for i, (ip, name) in enumerate(zip(ips, spec.get("ipFamilies") or [], strict=False))
        if name in FAMILIES and family(ip) != name
    ]


def cluster_ips_change(new: Obj, old: Obj) -> Errors:
    """Primary values stay; a secondary may come, and may go when the policy says SingleStack. Both arguments are specs."""
    if "ExternalName" in (new.get("type"), old.get("type")):
        return []
    return _ips_change(new, old) + _families_change(new, old)


def _ips_change(new: Obj, old: Obj) -> Errors:
    if is_headless(new) and is_headless(old):
        return []
    ips: list[str] = new.get("clusterIPs") or []
    before: list[str] = old.get("clusterIPs") or []
    if len(before) == len(ips):
        return [invalid(index(_IPS, i), ips, _ONCE) for i, (a, b) in enumerate(zip(before, ips, strict=True)) if a != b]
    errors: Errors = []
    if not ips:
        errors.append(_null(index(_IPS, 0), new, "clusterIPs", "primary clusterIP can not be unset"))
    elif before and ips[0] != before[0]:
        errors.append(invalid(index(_IPS, 0), ips, _ONCE))
    if len(ips) == 1 < len(before) and new.get("ipFamilyPolicy") != "SingleStack":
        errors.append(invalid(_POLICY, new.get("ipFamilyPolicy"), "must be set to 'SingleStack' when releasing the secondary clusterIP"))
    return errors


def _families_change(new: Obj, old: Obj) -> Errors:
    if is_headless(new) or is_headless(old):
        return []
    families: list[str] = new.get("ipFamilies") or []
    before: list[str] = old.get("ipFamilies") or []
    if len(before) == len(families):
        return [invalid(index(_FAMILIES, 0), families, _ONCE) for a, b in zip(before, families, strict=True) if a != b]
    errors: Errors = []
    shrinks = len(before) > len(families)
    if shrinks and not new.get("clusterIPs"):
        errors.append(_null(index(_FAMILIES, 0), new, "ipFamilies", "primary ipFamily can not be unset"))
    if before and families and families[0] != before[0]:
        errors.append(_null(index(_FAMILIES, 0), new, "clusterIPs", _ONCE))
    if shrinks and len(families) == 1 and new.get("ipFamilyPolicy") != "SingleStack":
        errors.append(invalid(_POLICY, new.get("ipFamilyPolicy"), "must be set to 'SingleStack' when releasing the secondary ipFamily"))
    return errors


def _null(path: str, spec: Obj, key: str, detail: str) -> Cause:
    """A list that is missing shows as null."""
    return invalid(path, spec.get(key), detail)
