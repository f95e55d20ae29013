"""Strategies of the networking.k8s.io kinds: Ingress, IngressClass, NetworkPolicy, IPAddress, ServiceCIDR.

Read by the registry through `STRATEGIES`.
Source: pkg/registry/networking/*/strategy.go, pkg/apis/networking/v1/defaults.go.
"""

from __future__ import annotations

from wherry.api.errors import Cause
from wherry.api.field import Errors, index, invalid, required
from wherry.api.objects import Obj
from wherry.rules.objects.addresses import cidr
from wherry.rules.objects.names import dns1123_subdomain, path_segment_name
from wherry.rules.objects.strategy import Strategy, keep_status
from wherry.rules.schema.validation import network_policy, networking
from wherry.rules.schema.validation.metadata import IMMUTABLE
from wherry.rules.schema.validation.service_ips import family
from wherry.rules.texts.go_values import in_given_order


def _default_ingress(draft: Obj) -> None:
    draft.setdefault("spec", {})
    status = draft.get("status") or {}
    if "loadBalancer" not in status:
        draft["status"] = {**status, "loadBalancer": {}}


def _new_ingress(draft: Obj) -> None:
    draft["status"] = {"loadBalancer": {}}


def _default_class(draft: Obj) -> None:
    parameters = draft.setdefault("spec", {}).get("parameters")
    if parameters is not None and parameters.get("scope") is None:
        parameters["scope"] = "Cluster"


def _default_policy(draft: Obj) -> None:
    spec = draft.setdefault("spec", {})
    spec.setdefault("podSelector", {})
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]
    for rules in ("ingress", "egress"):
        for rule in spec.get(rules) or ():
            for port in rule.get("ports") or ():
                if port.get("protocol") is None:
                    port["protocol"] = "TCP"


def _address(obj: Obj) -> Errors:
    parent, path = (obj.get("spec") or {}).get("parentRef"), "spec.parentRef"
    if parent is None:
        return [required(path)]
    group = parent.get("group") or ""
    errors = [invalid(f"{path}.group", group, m) for m in dns1123_subdomain(group)] if group else []
    for name in ("resource", "name", "namespace"):
        value = parent.get(name) or ""
        if not value and name != "namespace":
            errors.append(required(f"{path}.{name}"))
        errors += [invalid(f"{path}.{name}", value, m) for m in path_segment_name(value)]
    return errors


def _address_update(new: Obj, old: Obj) -> Errors:
    parent, before = ((o.get("spec") or {}).get("parentRef") for o in (new, old))
    if parent == before:
        return []
    shown = None if parent is None else {name: parent.get(name.lower(), "") for name in ("Group", "Resource", "Namespace", "Name")}
    return [Cause("FieldValueInvalid", f"Invalid value: {in_given_order(shown)}: {IMMUTABLE}", "spec.parentRef")]


def _cidrs(obj: Obj) -> Errors:
    cidrs = (obj.get("spec") or {}).get("cidrs") or []
    if not cidrs:
        return [required("spec.cidrs", "at least one CIDR required")]
    if len(cidrs) > 2:
        return [invalid("spec.cidrs", {"CIDRs": cidrs}, "may only hold up to 2 values")]
    errors = [invalid(index("spec.cidrs", i), c, m) for i, c in enumerate(cidrs) for m in cidr(c)]
    if len(cidrs) == 2 and not errors and family(cidrs[0].partition("/")[0]) == family(cidrs[1].partition("/")[0]):
        text = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64"
        errors.append(invalid("spec.cidrs", cidrs, text))
    return errors


def _cidrs_update(new: Obj, old: Obj) -> Errors:
    """A second family may come, nothing else changes."""
    cidrs, before = ((o.get("spec") or {}).get("cidrs") or [] for o in (new, old))
    if len(cidrs) == len(before):
        return [invalid(index("spec.cidrs", i), c, IMMUTABLE) for i, c in enumerate(cidrs) if c != before[i]]
    if (len(before), len(cidrs)) != (1, 2):
        return [invalid("spec.cidrs", cidrs or None, IMMUTABLE)]
    return ([] if cidrs[0] == before[0] else [invalid("spec.cidrs[0]", cidrs[0], IMMUTABLE)]) + _cidrs(new)


def _reset(draft: Obj) -> None:
    draft["status"] = {}


STRATEGIES: dict[str, Strategy] = {
    "Ingress.networking.k8s.io": Strategy(
        default=_default_ingress,
        prepare_create=_new_ingress,
        prepare_update=keep_status,
        validate=networking.validate_ingress,
        validate_update=networking.validate_ingress_update,
        validate_status=networking.ingress_status,
        generation=True,
    ),
    "IngressClass.networking.k8s.io": Strategy(
        default=_default_class,
        validate=networking.validate_ingress_class,
        revalidate="after",
        validate_update=networking.validate_ingress_class_update,
        generation=True,
    ),
    "NetworkPolicy.networking.k8s.io": Strategy(
        default=_default_policy,
        validate=network_policy.validate_policy,
        validate_update=network_policy.validate_policy_update,
        warnings=network_policy.policy_warnings,
        tells_empty_from_none=("spec",),
        generation=True,
    ),
    "IPAddress.networking.k8s.io": Strategy(validate=_address, validate_update=_address_update, revalidate="before", name_rule="ip"),
    "ServiceCIDR.networking.k8s.io": Strategy(
        prepare_create=_reset, prepare_update=keep_status, validate=_cidrs, validate_update=_cidrs_update
    ),
}
