"""What an update of a Service drops when its type changes: values that no longer apply and that the writer did not touch.

Called by the strategy before an update, after `wherry.rules.networking.services.allocation` (which gives the dropped values back).
Source: pkg/registry/core/service/strategy.go dropTypeDependentFields.
"""

from __future__ import annotations

from wherry.api.objects import Obj
from wherry.rules.objects.strategy import keep_status
from wherry.rules.schema.defaults.service import externally_accessible


def drop_type_dependent(draft: Obj, old: Obj) -> None:
    keep_status(draft, old)
    spec, before = draft["spec"], old.get("spec") or {}
    if before.get("type") != "ExternalName" and spec.get("type") == "ExternalName":
        _drop_addresses(spec, before)
    if _node_ported(before) and not _node_ported(spec) and _ports(spec) <= _ports(before):
        for port in spec.get("ports") or ():
            port.pop("nodePort", None)
    balanced, balances = before.get("type") == "LoadBalancer", spec.get("type") == "LoadBalancer"
    was_checked = balanced and before.get("externalTrafficPolicy") == "Local"
    is_checked = balances and spec.get("externalTrafficPolicy") == "Local"
    if was_checked and not is_checked:
        _drop_same(spec, before, "healthCheckNodePort")
    if balanced and not balances:
        _drop_same(spec, before, "allocateLoadBalancerNodePorts")
        _drop_same(spec, before, "loadBalancerClass")
    if externally_accessible(before) and not externally_accessible(spec):
        _drop_same(spec, before, "externalTrafficPolicy")
    if not balances:
        draft["status"] = {**(draft.get("status") or {}), "loadBalancer": {}}


def _drop_same(spec: Obj, before: Obj, key: str) -> None:
    if spec.get(key) == before.get(key):
        spec.pop(key, None)


def _drop_addresses(spec: Obj, before: Obj) -> None:
    if all((spec.get(k) or None) == (before.get(k) or None) for k in ("clusterIP", "clusterIPs")):
        spec.pop("clusterIP", None)
        spec.pop("clusterIPs", None)
    for key in ("ipFamilies", "ipFamilyPolicy"):
        _drop_same(spec, before, key)


def _node_ported(spec: Obj) -> bool:
    return spec.get("type") in ("NodePort", "LoadBalancer")


def _ports(spec: Obj) -> set[int]:
    return {p["nodePort"] for p in spec.get("ports") or () if p.get("nodePort")}
