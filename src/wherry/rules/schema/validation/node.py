"""Nodes: what is wrong with one, and with a change of one.

Called by the strategy, for writes of spec and status alike. Not looked at: the dead annotations for taints and avoided pods,
spec.configSource (removed from the reference's kubelet), status.nodeInfo.swap.
Source: pkg/apis/core/validation/validation.go ValidateNode, ValidateNodeUpdate; pkg/registry/core/node/strategy.go.
"""

from __future__ import annotations

import re

from wherry.api.errors import Cause
from wherry.api.field import Errors, child, duplicate, forbidden, index, internal, invalid, not_supported, required
from wherry.api.objects import Obj
from wherry.rules.objects.addresses import cidr_warnings, legacy_cidr, parse_cidr
from wherry.rules.objects.names import label_value
from wherry.rules.schema.validation.labels import label_key
from wherry.rules.schema.validation.quantities import quantity_value
from wherry.rules.texts.go_values import in_given_order

TAINT_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_CIDRS = "spec.podCIDRs"
_FEATURE = re.compile("[A-Z][a-zA-Z0-9]*(/[a-zA-Z][a-zA-Z0-9]*)*").fullmatch
_FEATURE_TEXT = (
    "must start with an UpperCamelCase segment, with subsequent segments separated by '/' (e.g., MyFeature or MyFeature/mySubFeature), "
    "and contain only alphanumeric characters and slashes"
)


def validate_node(obj: Obj) -> Errors:
    spec = obj.get("spec") or {}
    errors = taints(spec.get("taints") or [], "metadata.taints") + _resources(obj)
    return errors + _features(obj) + _pod_cidrs(spec.get("podCIDRs") or [])


def validate_node_update(new: Obj, old: Obj) -> Errors:
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    errors = _resources(new) + _features(new) + _addresses((new.get("status") or {}).get("addresses") or [])
    known, cidrs = before.get("podCIDRs") or [], spec.get("podCIDRs") or []
    text = 'node updates may not change podCIDR except from "" to valid'
    if known and len(known) != len(cidrs):
        errors.append(forbidden(_CIDRS, text))
    elif known:
        errors += [forbidden(_CIDRS, text) for a, b in zip(known, cidrs, strict=True) if a != b]
    if before.get("providerID") and before["providerID"] != spec.get("providerID"):
        errors.append(forbidden("spec.providerID", 'node updates may not change providerID except from "" to valid'))
    errors += taints(spec.get("taints") or [], "metadata.taints")
    if (spec.get("externalID") or "") != (before.get("externalID") or ""):
        errors.append(forbidden("spec.externalID", "may not be updated"))
    return errors


def taints(entries: list[Obj], path: str) -> Errors:
    errors: Errors = []
    seen: set[tuple[str, str]] = set()
    for i, taint in enumerate(entries):
        at = index(path, i)
        key, effect, value = taint.get("key", ""), taint.get("effect", ""), taint.get("value", "")
        errors += label_key(key, child(at, "key"))
        if messages := label_value(value):
            errors.append(invalid(child(at, "value"), value, ";".join(messages)))
        if not effect:
            errors.append(required(child(at, "effect")))
        elif effect not in TAINT_EFFECTS:
            errors.append(not_supported(child(at, "effect"), effect, TAINT_EFFECTS))
        if (key, effect) in seen:
            shown = in_given_order({"Key": key, "Value": value, "Effect": effect, "TimeAdded": taint.get("timeAdded")})
            text = f"Duplicate value: {shown}: taints must be unique by key and effect pair"
            errors.append(Cause("FieldValueDuplicate", text, at))
        seen.add((key, effect))
    return errors


def _resources(obj: Obj) -> Errors:
    status = obj.get("status") or {}
    return [
        error
        for part in ("capacity", "allocatable")
        for name, value in (status.get(part) or {}).items()
        for error in quantity_value(name, value, f"status.{part}.{name}")
    ]


def _features(obj: Obj) -> Errors:
    """What the node's kubelet says that it can do: well-formed names, in order, each once."""
    path, names = "status.declaredFeatures", (obj.get("status") or {}).get("declaredFeatures") or []
    errors: Errors = []
    for i, name in enumerate(names):
        if len(name) > 253:
            errors.append(invalid(index(path, i), name, f'invalid feature name "{name}": must be no more than 253 characters'))
        elif not _FEATURE(name):
            errors.append(invalid(index(path, i), name, f'invalid feature name "{name}": {_FEATURE_TEXT}'))
        if i + 1 < len(names) and name == names[i + 1]:
            errors.append(duplicate(index(path, i + 1), name))
        elif i + 1 < len(names) and name > names[i + 1]:
            errors.append(invalid(index(path, i + 1), names[i + 1], "list must be sorted alphabetically"))
    return errors


def _addresses(addresses: list[Obj]) -> Errors:
    seen: set[tuple[str, str]] = set()
    errors: Errors = []
    for i, entry in enumerate(addresses):
        pair = (entry.get("type", ""), entry.get("address", ""))
        if pair in seen:
            shown = in_given_order({"Type": pair[0], "Address": pair[1]})
            errors.append(Cause("FieldValueDuplicate", f"Duplicate value: {shown}", index("status.addresses", i)))
        seen.add(pair)
    return errors


def _pod_cidrs(cidrs: list[str]) -> Errors:
    errors = [invalid(index(_CIDRS, i), c, m) for i, c in enumerate(cidrs) for m in legacy_cidr(c)]
    if len(cidrs) < 2:
        return errors
    networks = [parse_cidr(c) for c in cidrs]
    if None in networks:
        i = networks.index(None)
        why = f"invalid CIDR[{i}]: <nil> (invalid CIDR address: {cidrs[i]})"
        errors.append(internal(_CIDRS, f"invalid PodCIDRs. failed to check with dual stack with error:{why}"))
    if sorted(network.version for network in networks if network is not None) != [4, 6]:
        errors.append(invalid(_CIDRS, cidrs, "may specify no more than one CIDR for each IP family"))
    return errors


def node_warnings(new: Obj, old: Obj | None) -> list[str]:
    spec = new.get("spec") or {}
    warnings = ["spec.configSource: the feature is removed"] if spec.get("configSource") is not None else []
    if spec.get("externalID"):
        warnings.append("spec.externalID: this field is deprecated, and is unused by Kubernetes")
    return warnings + [w for i, c in enumerate(spec.get("podCIDRs") or ()) for w in cidr_warnings(index(_CIDRS, i), c)]
